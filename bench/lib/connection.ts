/**
 * One HTTP/1.1 keep-alive connection that costs the load generator little: it shares a core with PostgreSQL, and node:http's client would
 * be the bottleneck of the fastest sides. Reads answers with content-length or chunks (RFC 9112 §6), one request at a time.
 */
import { connect, type Socket } from 'node:net';

export type Answer = { readonly status: number; readonly head: string; readonly body: string };

const endOfHead = Buffer.from('\r\n\r\n');
const lineEnd = Buffer.from('\r\n');

/** The chunks' data, or null while the last chunk has not come. */
const joinChunks = (bytes: Buffer): string | null => {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = bytes.indexOf(lineEnd, at);
    if (end < 0) return null;
    const size = Number.parseInt(bytes.toString('latin1', at, end), 16);
    if (Number.isNaN(size)) throw new Error('an answer has a malformed chunk');
    const next = end + 2 + size + 2;
    if (bytes.length < next) return null;
    if (size === 0) return Buffer.concat(parts).toString();
    parts.push(bytes.subarray(end + 2, end + 2 + size));
    at = next;
  }
};

const parse = (bytes: Buffer): Answer | null => {
  const end = bytes.indexOf(endOfHead);
  if (end < 0) return null;
  const head = bytes.toString('latin1', 0, end);
  const status = Number(head.slice(9, 12));
  const rest = bytes.subarray(end + 4);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) return rest.length < Number(length) ? null : { status, head, body: rest.toString('utf8', 0, Number(length)) };
  if (status === 204) return { status, head, body: '' };
  const body = joinChunks(rest);
  return body === null ? null : { status, head, body };
};

export class Connection {
  readonly #socket: Socket;
  #bytes: Buffer | null = null;
  #waiting: { resolve(answer: Answer): void; reject(error: Error): void } | null = null;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the server closed a connection')));
  }

  #take(chunk: Buffer): void {
    this.#bytes = this.#bytes ? Buffer.concat([this.#bytes, chunk]) : chunk;
    const answer = parse(this.#bytes);
    if (!answer) return;
    this.#bytes = null;
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve(answer);
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = null;
  }

  /** Sends one whole request as it is (see ./request.ts). */
  send(request: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new Error('the connection is closed'));
      this.#waiting = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}
