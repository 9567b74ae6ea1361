/** A GraphQL request's parameters (GraphQL over HTTP §5), from JSON or from a URL's query. Messages never quote what was sent. */
import { nestsTooDeep } from './limits.ts';

export type Params = { readonly query: string; readonly operationName: string | null; readonly variables: Record<string, unknown> | null };
/** A sentence for the client. */
export type Malformed = { readonly malformed: string };

const malformed = (sentence: string): Malformed => ({ malformed: sentence });
const isObject = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === 'object' && !Array.isArray(value);

/** Checks parsed JSON. */
export const readParams = (body: unknown): Params | Malformed => {
  if (Array.isArray(body)) return malformed('Batches are not accepted: send one operation a request.');
  if (!isObject(body)) return malformed('The body has to be a JSON object.');
  const { query, operationName, variables, extensions } = body;
  if (isObject(extensions) && 'persistedQuery' in extensions) return malformed('Persisted queries are not supported: send the query.');
  if (typeof query !== 'string' || query === '') return malformed('"query" has to be a string that holds a GraphQL document.');
  if (operationName != null && typeof operationName !== 'string') return malformed('"operationName" has to be a string or null.');
  if (variables != null && !isObject(variables)) return malformed('"variables" has to be an object or null.');
  if (extensions != null && !isObject(extensions)) return malformed('"extensions" has to be an object or null.');
  if (variables && nestsTooDeep(variables)) return malformed('"variables" are nested too deep.');
  // An empty name is what GraphiQL and others send for none.
  return {
    query,
    operationName: (operationName as string | null | undefined) || null,
    variables: (variables as Params['variables']) ?? null,
  };
};

/** Parses and checks a body's text. */
export const parseParams = (text: string): Params | Malformed => {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // JSON.parse quotes its input in its message.
    return malformed('The body is not valid JSON.');
  }
  return readParams(body);
};

const jsonOf = (text: string | null): unknown => (text ? JSON.parse(text) : null);

/** Reads a GET's parameters from the part after `?`. */
export const paramsOfUrl = (search: string): Params | Malformed => {
  const given = new URLSearchParams(search);
  try {
    return readParams({
      query: given.get('query'),
      operationName: given.get('operationName'),
      variables: jsonOf(given.get('variables')),
      extensions: jsonOf(given.get('extensions')),
    });
  } catch {
    return malformed('"variables" and "extensions" have to be JSON.');
  }
};
