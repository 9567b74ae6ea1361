/** One WebSocket with one subscription (graphql-transport-ws). */
import { WebSocket } from 'ws';

type Message = { type: string; payload?: { data?: unknown; errors?: unknown } };
const openMs = 10_000;

export class Subscriber {
  readonly #socket: WebSocket;
  #waiting: { heard(at: number): void; failed(error: Error): void } | null = null;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('close', (code, reason) => this.#waiting?.failed(new Error(`a subscription ended: ${code} ${reason}`)));
  }

  /** Resolves when the server has taken the subscription: it answers a ping that was sent after it. */
  static open(port: number, address: string, token: string, query: string, variables: object): Promise<Subscriber> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws', {
        headers: { 'x-forwarded-for': address },
        perMessageDeflate: false,
      });
      const subscriber = new Subscriber(socket);
      const late = setTimeout(() => reject(new Error('a subscription was not taken in time')), openMs);
      const send = (message: object) => socket.send(JSON.stringify(message));
      socket.once('error', reject);
      socket.once('close', (code, reason) => reject(new Error(`a socket was closed: ${code} ${reason}`)));
      socket.once('unexpected-response', (_request, response) => reject(new Error(`a socket was refused: ${response.statusCode}`)));
      socket.once('open', () => send({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }));
      socket.on('message', (data) => {
        const message = JSON.parse(String(data)) as Message;
        if (message.type === 'connection_ack') {
          send({ type: 'subscribe', id: '1', payload: { query, variables } });
          send({ type: 'ping' });
        } else if (message.type === 'pong') {
          clearTimeout(late);
          resolve(subscriber);
        } else if (message.type === 'next' && !message.payload?.errors) subscriber.#waiting?.heard(performance.now());
        else if (message.type !== 'ping') reject(new Error(`a subscription failed: ${String(data).slice(0, 300)}`));
      });
    });
  }

  /** When the next event came, by performance.now(). */
  next(): Promise<number> {
    return new Promise((heard, failed) => {
      this.#waiting = { heard, failed };
    });
  }

  close(): void {
    this.#waiting = null;
    this.#socket.terminate();
  }
}
