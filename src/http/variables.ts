/** Variables by the specification (GraphQL §6.1.2), refused in words that quote neither the values nor other names of the schema. */
import {
  coerceInputValue,
  type GraphQLInputType,
  type GraphQLSchema,
  isNonNullType,
  type NamedTypeNode,
  typeFromAST,
  type VariableDefinitionNode,
  valueFromAST,
} from 'graphql';
import { badRequest, quiet, type Told } from './errors.ts';

export type Variables = Record<string, unknown>;
const mostErrors = 10;

const spell = (name: string, path: readonly (string | number)[]): string =>
  path.reduce<string>((text, key) => (typeof key === 'number' ? `${text}[${key}]` : `${text}.${key}`), `$${name}`).slice(0, 120);

/** The values of `inputs` by their types, or what is wrong with them; `definitions` come from a validated document. */
export const coerceVariables = (
  schema: GraphQLSchema,
  definitions: readonly VariableDefinitionNode[],
  inputs: Variables,
): { coerced: Variables } | { wrong: Told[] } => {
  const wrong: Told[] = [];
  // Without a prototype: a variable named like one of its members is not given.
  const coerced: Variables = Object.create(null);
  for (const definition of definitions) {
    const name = definition.variable.name.value;
    const type = typeFromAST(schema, definition.type as NamedTypeNode) as GraphQLInputType;
    const given = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
    if (given === undefined) {
      if (definition.defaultValue) coerced[name] = valueFromAST(definition.defaultValue, type);
      else if (isNonNullType(type)) wrong.push(badRequest(`Variable "$${name}" of required type "${type}" was not provided.`));
    } else if (given === null && isNonNullType(type)) {
      wrong.push(badRequest(`Variable "$${name}" of non-null type "${type}" must not be null.`));
    } else {
      const told = (path: readonly (string | number)[], _value: unknown, error: Error) => {
        if (wrong.length < mostErrors) wrong.push(badRequest(`Variable "${spell(name, path)}" is not valid: ${quiet(error.message)}`));
      };
      coerced[name] = coerceInputValue(given, type, told, true);
    }
  }
  return wrong.length > 0 ? { wrong } : { coerced };
};
