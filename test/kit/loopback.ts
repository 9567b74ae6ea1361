/** An HTTP server on loopback that keeps what it received, and fails on demand: for the servers that speak a KMS' protocol. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** `away`: connections are cut; `silent`: nothing is answered; a number: every answer has that status. */
export type Trouble = null | 'away' | 'silent' | number;
export type Answer = { status: number; body: object };

export const startLoopback = async (answer: (request: IncomingMessage, body: string) => Answer) => {
  const state = { trouble: null as Trouble, requests: 0 };
  const server = createServer((request, response) => {
    state.requests += 1;
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      if (state.trouble === 'away') return void request.socket.destroy();
      if (state.trouble === 'silent') return;
      const { status, body } =
        typeof state.trouble === 'number' ? { status: state.trouble, body: {} } : answer(request, Buffer.concat(parts).toString());
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    state,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
