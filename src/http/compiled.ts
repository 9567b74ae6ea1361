/**
 * Queries that come often are compiled by graphql-jit. Only such as it treats exactly as graphql-js does: no abstract types (it cannot
 * wait for their resolution), variables of built-in scalars, no lists or objects written into the document. The rest stays with graphql-js.
 */
import {
  type ExecutionResult,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isSpecifiedScalarType,
  TypeInfo,
  typeFromAST,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { compileQuery, isCompiledQuery } from 'graphql-jit';
import type { Operation } from './documents.ts';
import type { Variables } from './variables.ts';

export type Compiled = (context: object, variables: Variables) => ExecutionResult | Promise<ExecutionResult>;

/** Compiling costs some milliseconds, so a document has to come back before it is worth that, and nobody can make us compile at will. */
const worthAfter = 8;

const suits = (schema: GraphQLSchema, { document, node, kind }: Operation): boolean => {
  if (kind !== 'query') return false;
  for (const { type, defaultValue } of node.variableDefinitions ?? []) {
    const named = getNamedType(typeFromAST(schema, type as Parameters<typeof typeFromAST>[1]));
    if (!named || !isSpecifiedScalarType(named) || defaultValue) return false;
  }
  const types = new TypeInfo(schema);
  let fits = true;
  const unfit = () => {
    fits = false;
  };
  const field = () => {
    if (isAbstractType(getNamedType(types.getType()))) fits = false;
  };
  visit(document, visitWithTypeInfo(types, { ListValue: unfit, ObjectValue: unfit, Field: field }));
  return fits;
};

/** The compiled form of an operation once it has come often enough; null before, and for what does not suit. */
export const openCompiler = (schema: GraphQLSchema) => {
  const known = new WeakMap<Operation, { uses: number; run: Compiled | null }>();
  return (operation: Operation): Compiled | null => {
    const entry = known.get(operation) ?? { uses: 0, run: null };
    if (entry.uses === 0) known.set(operation, entry);
    if (entry.run !== null || entry.uses > worthAfter) return entry.run;
    entry.uses += 1;
    if (entry.uses <= worthAfter || !suits(schema, operation)) return null;
    const compiled = compileQuery(schema, operation.document, undefined, { disablingCapturingStackErrors: true });
    if (isCompiledQuery(compiled)) entry.run = (context, variables) => compiled.query(undefined, context, variables) as ExecutionResult;
    return entry.run;
  };
};
