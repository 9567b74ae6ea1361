/** From a query's text to an operation that may run: parsed, within the limits, valid; kept by text so that this is done once. */
import { type DocumentNode, GraphQLError, type GraphQLSchema, Kind, type OperationDefinitionNode, parse, validate } from 'graphql';
import { LRUCache } from 'lru-cache';
import { type Costed, costOf } from './cost.ts';
import { badRequest, quiet, type Told } from './errors.ts';
import { exceeded, limits } from './limits.ts';
import { rulesOf } from './rules.ts';

/** One operation of a document, with the fragments. */
export type Operation = {
  readonly kind: 'query' | 'mutation' | 'subscription';
  readonly name: string | null;
  readonly node: OperationDefinitionNode;
  readonly document: DocumentNode;
  readonly cost: number | Costed;
};
export type Refused = { readonly refused: readonly Told[] };
type Prepared = { readonly operations: readonly Operation[] };

const mostErrors = 10;
/** What kept documents may hold in memory. Measured for each character of the text: a tree takes 100 bytes, its compiled form 320 more. */
const cacheBytes = 32 * 1024 * 1024;
const bytesPerCharacter = 420;

export const tooCostly: Refused = { refused: [badRequest(`The operation costs too much (at most ${limits.cost}).`)] };

const refuse = (...messages: string[]): Refused => ({ refused: messages.map((message) => badRequest(message)) });

export const openDocuments = (schema: GraphQLSchema, config: Parameters<typeof rulesOf>[0]) => {
  const rules = rulesOf(config);
  const cache = new LRUCache<string, Prepared>({
    maxSize: cacheBytes,
    sizeCalculation: (_prepared, query) => 1_000 + query.length * bytesPerCharacter,
  });

  const prepare = (query: string): Prepared | Refused => {
    let document: DocumentNode;
    try {
      document = parse(query, { maxTokens: limits.tokens });
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error;
      return { refused: [badRequest(quiet(error.message), error.locations)] };
    }
    const limit = exceeded(document);
    if (limit) return refuse(limit);
    const errors = validate(schema, document, rules, { maxErrors: mostErrors, hideSuggestions: true });
    if (errors.length > 0) return { refused: errors.map((error) => badRequest(quiet(error.message), error.locations)) };
    const fragments = document.definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION);
    const operations: Operation[] = [];
    for (const node of document.definitions) {
      if (node.kind !== Kind.OPERATION_DEFINITION) continue;
      const own: DocumentNode = { kind: Kind.DOCUMENT, definitions: [node, ...fragments] };
      const cost = costOf(schema, own);
      if (typeof cost === 'number' && cost > limits.cost) return tooCostly;
      operations.push({ kind: node.operation, name: node.name?.value ?? null, node, document: own, cost });
    }
    return { operations };
  };

  /** The operation to run, or why none does. What is refused is never kept. */
  return (query: string, operationName: string | null): Operation | Refused => {
    let prepared = cache.get(query);
    if (!prepared) {
      if (query.length > limits.queryLength) return refuse(`The query is too long (at most ${limits.queryLength} characters).`);
      const fresh = prepare(query);
      if ('refused' in fresh) return fresh;
      cache.set(query, fresh);
      prepared = fresh;
    }
    const { operations } = prepared;
    if (operationName === null) {
      if (operations.length === 1) return operations[0] as Operation;
      return refuse('The document has several operations: operationName has to say which one.');
    }
    return operations.find((operation) => operation.name === operationName) ?? refuse('The document has no operation of that name.');
  };
};
export type Documents = ReturnType<typeof openDocuments>;
