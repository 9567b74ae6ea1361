/** A receiver of webhooks on loopback: keeps what came, and answers as it is told. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Received = { headers: IncomingHttpHeaders; body: string; at: number; path: string };
// biome-ignore lint/suspicious/noExplicitAny: bodies of any shape
export type Event = any;

export const startReceiver = async () => {
  const received: Received[] = [];
  const open = new Set<ServerResponse>();
  const state = {
    /** `silent`: nothing is answered until `release`. */
    answer: 200 as number | 'silent' | ((response: ServerResponse, got: Received) => void),
    headers: {} as Record<string, string>,
    atOnce: 0,
    mostAtOnce: 0,
  };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const got = { headers: request.headers, body: Buffer.concat(parts).toString(), at: Date.now(), path: request.url ?? '' };
      received.push(got);
      state.atOnce += 1;
      state.mostAtOnce = Math.max(state.mostAtOnce, state.atOnce);
      response.on('close', () => {
        state.atOnce -= 1;
        open.delete(response);
      });
      open.add(response);
      if (typeof state.answer === 'function') state.answer(response, got);
      else if (state.answer !== 'silent') response.writeHead(state.answer, state.headers).end('ok');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const events = (): Event[] => received.map(({ body }) => JSON.parse(body));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    state,
    events,
    types: (): string[] => events().map(({ type }) => type),
    /** Answers what was left waiting. */
    release: (status = 200): void => {
      for (const response of open) response.writeHead(status).end();
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
export type Receiver = Awaited<ReturnType<typeof startReceiver>>;
