/** Runs operations the same way for every transport: prepare, coerce, weigh, execute, mask. */
import { createSourceEventStream, type ExecutionResult, execute, Kind } from 'graphql';
import type { Caller } from '../auth/caller.ts';
import type { Reply } from '../schema/context.ts';
import { openCompiler } from './compiled.ts';
import { type Operation, openDocuments, type Refused, tooCostly } from './documents.ts';
import { type About, badRequest, type Told, tell } from './errors.ts';
import type { House } from './house.ts';
import { limits } from './limits.ts';
import type { Params } from './params.ts';
import { coerceVariables, type Variables } from './variables.ts';

/** An answer of the specification's form (GraphQL §7); `data` is absent where nothing was executed. */
export type Result = { data?: ExecutionResult['data']; errors?: readonly Told[] };
export type Results = AsyncIterableIterator<Result> & { return(): Promise<IteratorResult<Result>> };
/** An operation with its variables: all that a client could have done wrong has been looked at. */
export type Ready = { readonly operation: Operation; readonly variables: Variables; readonly coerced: Variables };

const noVariables: Variables = Object.freeze(Object.create(null));

/** PostgreSQL keeps no U+0000 in text, and nobody types one. In a document and in JSON alike it stands as an escape or as itself. */
const nul = /\\u(?:0000|\{0+\})|\0/;
const holdsNul = ({ query, variables }: Params): boolean => nul.test(query) || (variables !== null && nul.test(JSON.stringify(variables)));
const noNul: Refused = { refused: [badRequest('The character U+0000 is not accepted.')] };

/** A list counts as ten when a document is weighed; the references that a router asks for at once count as many as they are. */
const weigh = ({ cost, node }: Operation, variables: Variables): number => {
  const once = typeof cost === 'function' ? cost(variables) : cost;
  const refers = node.selectionSet.selections.some((field) => field.kind === Kind.FIELD && field.name.value === '_entities');
  if (!refers) return once;
  const longest = Math.max(0, ...Object.values(variables).map((value) => (Array.isArray(value) ? value.length : 0)));
  return longest > limits.references ? Number.POSITIVE_INFINITY : once * Math.max(1, longest / 10);
};

export const openEngine = (house: Pick<House, 'schema' | 'config' | 'makeContext' | 'log'>) => {
  const { schema, makeContext, log } = house;
  const compiledOf = openCompiler(schema);
  const find = openDocuments(schema, house.config);

  const masked = (result: ExecutionResult, caller: Caller): Result => {
    if (!result.errors) return result as Result;
    const about: About = { requestId: caller.requestId, log };
    return { data: result.data ?? null, errors: result.errors.map((error) => tell(error, about)) };
  };

  const prepare = (params: Params): Ready | Refused => {
    if (holdsNul(params)) return noNul;
    const operation = find(params.query, params.operationName);
    if ('refused' in operation) return operation;
    let [variables, coerced] = [noVariables, noVariables];
    const definitions = operation.node.variableDefinitions;
    if (definitions && definitions.length > 0) {
      variables = params.variables ?? noVariables;
      const checked = coerceVariables(schema, definitions, variables);
      if ('wrong' in checked) return { refused: checked.wrong };
      coerced = checked.coerced;
      if (weigh(operation, variables) > limits.cost) return tooCostly;
    }
    return { operation, variables, coerced };
  };

  const broken = (error: unknown, caller: Caller): Result => ({ data: null, errors: [tell(error, { requestId: caller.requestId, log })] });

  /** A query or a mutation. Never throws: what breaks is masked. Answers at once where no resolver waits. */
  const run = ({ operation, variables, coerced }: Ready, caller: Caller, reply: Reply): Result | Promise<Result> => {
    try {
      const context = makeContext(caller, reply);
      const compiled = compiledOf(operation);
      const result = compiled
        ? compiled(context, coerced)
        : execute({ schema, document: operation.document, contextValue: context, variableValues: variables });
      if (!(result instanceof Promise)) return masked(result as ExecutionResult, caller);
      return result.then(
        (later: ExecutionResult) => masked(later, caller),
        (error: unknown) => broken(error, caller),
      );
    } catch (error) {
      return broken(error, caller);
    }
  };

  /** A subscription's results, each executed in a context of its own so that no batch or permission outlives its event. */
  const subscribe = async ({ operation, variables, coerced }: Ready, caller: Caller, reply: Reply): Promise<Results | Result> => {
    const args = { schema, document: operation.document, variableValues: variables };
    const about: About = { requestId: caller.requestId, log };
    let opened: AsyncIterable<unknown> | ExecutionResult;
    try {
      opened = await createSourceEventStream({ ...args, contextValue: makeContext(caller, reply) });
    } catch (error) {
      return { errors: [tell(error, about)] };
    }
    if (!(Symbol.asyncIterator in opened)) return { errors: (opened.errors ?? []).map((error) => tell(error, about)) };
    const source = opened[Symbol.asyncIterator]();
    let over = false;
    const end = async (): Promise<IteratorResult<Result>> => {
      // Asked for by Yoga and by the response's own end; a source is given back once.
      const first = !over;
      over = true;
      if (first) await source.return?.();
      return { done: true, value: undefined };
    };
    const results: Results = {
      async next() {
        if (over) return { done: true, value: undefined };
        try {
          const step = await source.next();
          if (step.done || over) return { done: true, value: undefined };
          const contextValue = makeContext(caller, reply);
          const compiled = compiledOf(operation);
          const result = await (compiled
            ? compiled(contextValue, coerced, step.value)
            : execute({ ...args, rootValue: step.value, contextValue }));
          return { done: false, value: masked(result, caller) };
        } catch (error) {
          over = true;
          return { done: false, value: { data: null, errors: [tell(error, about)] } };
        }
      },
      return: end,
      throw: end,
      [Symbol.asyncIterator]() {
        return this;
      },
    };
    return results;
  };

  return { prepare, run, subscribe };
};
export type Engine = ReturnType<typeof openEngine>;
