/**
 * Operations that come often are compiled by graphql-jit. Only such as it treats exactly as graphql-js does: of abstract types only result
 * unions (it cannot wait for a type's resolution, and theirs is at once), one mutation at a time, no lists or objects written into the
 * document. Variables are coerced by graphql-js before (./variables.ts) and handed through as they are. The rest stays with graphql-js.
 */
import {
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isScalarType,
  Kind,
  type NamedTypeNode,
  TypeInfo,
  type TypeNode,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { compileQuery, isCompiledQuery } from 'graphql-jit';
import type { Operation } from './documents.ts';
import type { Variables } from './variables.ts';

/** `root` is what a subscription's event brought. */
export type Compiled = (context: object, variables: Variables, root?: unknown) => ExecutionResult | Promise<ExecutionResult>;

/** Compiling costs some milliseconds, so a document has to come back before it is worth that, and nobody can make us compile at will. */
const worthAfter = 8;

/** The scalar whose values are taken as they are. */
const asGiven = 'JSON';
const handedThrough = (type: TypeNode): TypeNode => {
  const name: NamedTypeNode = { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: asGiven } };
  return type.kind === Kind.NON_NULL_TYPE ? { kind: Kind.NON_NULL_TYPE, type: name } : name;
};
/** The same operation, with variables that graphql-jit has nothing to do with. */
const withCoerced = (document: DocumentNode): DocumentNode =>
  visit(document, { VariableDefinition: (definition) => ({ ...definition, type: handedThrough(definition.type) }) });

const suits = (schema: GraphQLSchema, { document, node, kind }: Operation): boolean => {
  if (!isScalarType(schema.getType(asGiven))) return false;
  const { selections } = node.selectionSet;
  if (kind !== 'query' && (selections.length !== 1 || selections[0]?.kind !== Kind.FIELD)) return false;
  if (node.variableDefinitions?.some(({ defaultValue }) => defaultValue)) return false;
  const types = new TypeInfo(schema);
  let fits = true;
  const unfit = () => {
    fits = false;
  };
  const field = () => {
    const type = getNamedType(types.getType());
    if (isAbstractType(type) && type.extensions['resolvesAtOnce'] !== true) fits = false;
  };
  visit(document, visitWithTypeInfo(types, { ListValue: unfit, ObjectValue: unfit, Field: field }));
  return fits;
};

/** The compiled form of an operation once it has come often enough; null before, and for what does not suit. It takes coerced variables. */
export const openCompiler = (schema: GraphQLSchema) => {
  const known = new WeakMap<Operation, { uses: number; run: Compiled | null }>();
  return (operation: Operation): Compiled | null => {
    const entry = known.get(operation) ?? { uses: 0, run: null };
    if (entry.uses === 0) known.set(operation, entry);
    if (entry.run !== null || entry.uses > worthAfter) return entry.run;
    entry.uses += 1;
    if (entry.uses <= worthAfter || !suits(schema, operation)) return null;
    const compiled = compileQuery(schema, withCoerced(operation.document), undefined, { disablingCapturingStackErrors: true });
    if (isCompiledQuery(compiled)) entry.run = (context, variables, root) => compiled.query(root, context, variables) as ExecutionResult;
    return entry.run;
  };
};
