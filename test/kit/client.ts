/** A GraphQL client over real HTTP, as a SPA would use it. */
export type Answer<T> = {
  status: number;
  headers: Headers;
  data: T;
  errors?: { message: string; path?: (string | number)[]; extensions: { code: string; [key: string]: unknown } }[];
};
// biome-ignore lint/suspicious/noExplicitAny: tests read answers of any shape
type Any = any;

export type Client = {
  /** POSTs one operation; `data` is what came back. */
  ask(query: string, variables?: object): Promise<Answer<Any>>;
  /** POSTs a body as it is. */
  raw(body: object, headers?: Record<string, string>, signal?: AbortSignal): Promise<Response>;
  /** The same client with other headers. */
  with(headers: Record<string, string>): Client;
  as(accessToken: string): Client;
};

const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

type Dispatcher = { close(): Promise<void> };
const dispatcher = Symbol.for('undici.globalDispatcher.2');
/** Ends the idle connections of this process's fetch. A server that closes waits for whoever is connected, 0.8 s, which is most of a world's end. */
export const letGo = async (): Promise<void> => {
  const process = globalThis as unknown as Record<symbol, Dispatcher | undefined>;
  const agent = process[dispatcher];
  if (!agent) return;
  process[dispatcher] = new (agent.constructor as new () => Dispatcher)();
  // What is under way ends in its own time.
  void agent.close();
  await new Promise((closed) => setTimeout(closed, 10));
};

export const clientOf = (url: string, headers: Record<string, string> = {}): Client => {
  const raw: Client['raw'] = (body, more = {}, signal) =>
    fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': agent, ...headers, ...more },
      body: JSON.stringify(body),
      ...(signal && { signal }),
    });
  return {
    raw,
    ask: async (query, variables) => {
      const response = await raw({ query, variables });
      const body = (await response.json()) as { data: Any; errors?: Answer<Any>['errors'] };
      return { status: response.status, headers: response.headers, data: body.data, ...(body.errors && { errors: body.errors }) };
    },
    with: (more) => clientOf(url, { ...headers, ...more }),
    as: (accessToken) => clientOf(url, { ...headers, authorization: `Bearer ${accessToken}` }),
  };
};
