/** A subscription over WebSocket (graphql-transport-ws), as a console would hold it; and operations on a socket that stays open. */
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

// biome-ignore lint/suspicious/noExplicitAny: tests read events of any shape
type Any = any;
export type SocketStream = {
  next(withinMs?: number): Promise<Any>;
  readonly received: Any[];
  /** Close code of the socket, once it is closed. */
  readonly closed: Promise<number>;
  readonly errors: Any[];
  close(): Promise<void>;
};

/** A socket that is opened at once, introduces itself by the token, and does not come back. */
const introduced = (url: string, accessToken: string) => ({
  url: `${url.replace('http', 'ws')}/graphql`,
  webSocketImpl: WebSocket,
  connectionParams: { authorization: `Bearer ${accessToken}` },
  retryAttempts: 0,
  lazy: false,
  onNonLazyError: () => {},
});

export const openSocketStream = async (
  url: string,
  accessToken: string,
  query: string,
  variables?: Record<string, unknown>,
): Promise<SocketStream> => {
  const received: Any[] = [];
  const errors: Any[] = [];
  let wake = () => {};
  let closedWith: (code: number) => void = () => {};
  const closed = new Promise<number>((resolve) => {
    closedWith = resolve;
  });
  const client = createClient({
    ...introduced(url, accessToken),
    on: {
      closed: (event) => {
        closedWith((event as { code: number }).code);
        wake();
      },
    },
  });
  await new Promise<void>((resolve) => {
    client.on('connected', () => resolve());
    client.on('closed', () => resolve());
  });
  client.subscribe(
    { query, ...(variables && { variables }) },
    {
      next: (result) => {
        if (result.errors) errors.push(...result.errors);
        if (result.data) received.push(result.data);
        wake();
      },
      error: (error) => {
        errors.push(...(Array.isArray(error) ? error : [error]));
        wake();
      },
      complete: () => wake(),
    },
  );
  // The server has taken the subscription by the time it answers what was sent after it.
  await new Promise((resolve) => setTimeout(resolve, 100));
  let taken = 0;
  return {
    received,
    errors,
    closed,
    next: async (withinMs = 5000) => {
      const until = Date.now() + withinMs;
      while (taken >= received.length) {
        if (Date.now() >= until) throw new Error(`no event within ${withinMs} ms`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, until - Date.now());
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      return received[taken++];
    },
    close: async () => {
      await client.dispose();
    },
  };
};

export type OpenSocket = { ask(query: string): Promise<Any>; close(): Promise<void> };
/** Operations one by one on one socket, each with its answer: `data`, or `errors`. */
export const openSocket = async (url: string, accessToken: string): Promise<OpenSocket> => {
  const client = createClient(introduced(url, accessToken));
  await new Promise<void>((resolve) => client.on('connected', () => resolve()));
  return {
    ask: (query) =>
      new Promise((resolve) => {
        client.subscribe({ query }, { next: resolve, error: (errors) => resolve({ errors }), complete: () => {} });
      }),
    close: async () => {
      await client.dispose();
    },
  };
};
