/** A subscription over Server-Sent Events (GraphQL over SSE, distinct connections), as a browser would read it. */
import { createParser } from 'eventsource-parser';
import type { Client } from './client.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests read events of any shape
type Any = any;
export type Stream = {
  /** The code with which it was refused, or null where it is open. */
  readonly refused: string | null;
  /** The next result's `data`, or null where the stream ended; throws after `withinMs`. */
  next(withinMs?: number): Promise<Any>;
  /** Every result so far. */
  readonly received: Any[];
  /** Resolves when the server ends it. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
};

export const openStream = async (client: Client, query: string, variables?: object): Promise<Stream> => {
  const abort = new AbortController();
  const response = await client.raw({ query, variables }, { accept: 'text/event-stream' }, abort.signal);
  const received: Any[] = [];
  let errors: Any[] | undefined;
  let waiting: (() => void)[] = [];
  let over = false;
  const wake = () => {
    for (const done of waiting) done();
    waiting = [];
  };
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
    const body = (await response.json()) as { errors?: Any[] };
    return {
      refused: body.errors?.[0]?.extensions.code ?? 'none',
      next: async () => null,
      received,
      ended: Promise.resolve(),
      close: async () => {},
    };
  }
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (event !== 'next') return;
      const result = JSON.parse(data) as { data?: Any; errors?: Any[] };
      if (result.errors) errors = result.errors;
      if (result.data) received.push(result.data);
      wake();
    },
  });
  const reading = (async () => {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) parser.feed(decoder.decode(chunk, { stream: true }));
    } catch {
      // Closed by the test, or cut by the server: over either way.
    }
    over = true;
    wake();
  })();
  let taken = 0;
  const change = (withinMs: number) =>
    new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), withinMs);
      waiting.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  // A refusal of the operation comes as the first event; an open stream says nothing at first.
  if (received.length === 0 && !errors && !over) await change(150);
  return {
    get refused() {
      return errors?.[0]?.extensions?.code ?? null;
    },
    next: async (withinMs = 5000) => {
      const until = Date.now() + withinMs;
      while (taken >= received.length && !over) {
        const left = until - Date.now();
        if (left <= 0 || !(await change(left))) throw new Error(`no event within ${withinMs} ms`);
      }
      return received[taken++] ?? null;
    },
    received,
    ended: reading,
    close: async () => {
      abort.abort();
      await reading;
    },
  };
};
