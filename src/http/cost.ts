/** What an operation costs by @pothos/plugin-complexity: computed once where no variable can change it. */
import { complexityFromQuery } from '@pothos/plugin-complexity';
import { type DocumentNode, type GraphQLSchema, Kind, TypeInfo, visit, visitWithTypeInfo } from 'graphql';

/** Whether a field weighs by its arguments and one of them is a variable. */
const depends = (schema: GraphQLSchema, document: DocumentNode): boolean => {
  const types = new TypeInfo(schema);
  let found = false;
  let weighing = 0;
  visit(
    document,
    visitWithTypeInfo(types, {
      Argument: {
        enter() {
          if (typeof types.getFieldDef()?.extensions['complexity'] === 'function') weighing += 1;
        },
        leave() {
          weighing = 0;
        },
      },
      Variable() {
        if (weighing > 0) found = true;
      },
    }),
  );
  return found;
};

export type Costed = (variables: Record<string, unknown>) => number;

/** `document` holds one operation and what fragments it uses; its variables are required only where they can change the cost. */
export const costOf = (schema: GraphQLSchema, document: DocumentNode): number | Costed => {
  const cost: Costed = (variables) => complexityFromQuery(document, { schema, variables }).complexity;
  if (depends(schema, document)) return cost;
  // Nothing is read of them, so that required ones need no value.
  const bare = {
    ...document,
    definitions: document.definitions.map((definition) =>
      definition.kind === Kind.OPERATION_DEFINITION ? { ...definition, variableDefinitions: [] } : definition,
    ),
  };
  return complexityFromQuery(bare, { schema }).complexity;
};
