/** One request and its answer: the headers every answer has, the line in the log, the figures. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Origin } from '../auth/caller.ts';
import type { Config } from '../config.ts';
import type { Log } from '../infra/ports.ts';
import type { Cors } from './cors.ts';
import type { Metrics } from './metrics.ts';
import type { Trace } from './tracing.ts';

/** What all exchanges of one front door share. */
export type Desk = {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly cors: Cors;
  readonly config: Config;
  /** Flat name-value pairs. */
  readonly securityHeaders: readonly string[];
  draining: boolean;
};

/** For answers that no browser renders; pages set a policy of their own. */
const closedPolicy = "default-src 'none'; frame-ancestors 'none'";

export const securityHeadersOf = (publicUrl: string): readonly string[] => [
  'x-content-type-options',
  'nosniff',
  'referrer-policy',
  'no-referrer',
  // RFC 6797; only where https is what the world sees.
  ...(publicUrl.startsWith('https:') ? ['strict-transport-security', 'max-age=31536000; includeSubDomains'] : []),
];

export class Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Without the query, which may hold tokens. */
  readonly path: string;
  /** After `?`. */
  readonly search: string;
  readonly origin: Origin;
  route = 'none';
  quietly = false;
  operation: string | null = null;
  userId: string | null = null;
  trace: Trace | null = null;
  readonly #desk: Desk;
  readonly #began = performance.now();
  #told = false;

  constructor(desk: Desk, req: IncomingMessage, res: ServerResponse, origin: Origin) {
    this.#desk = desk;
    this.req = req;
    this.res = res;
    this.origin = origin;
    const url = req.url ?? '/';
    const mark = url.indexOf('?');
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.search = mark < 0 ? '' : url.slice(mark + 1);
  }

  /** Writes the whole answer. `headers` are flat name-value pairs; nothing is kept by caches unless they say so. */
  send(status: number, contentType: string, body: string, headers: readonly string[] = [], policy = closedPolicy): void {
    const { res } = this;
    if (!res.headersSent && !res.destroyed) {
      const bytes = Buffer.byteLength(body);
      const all = [
        'content-type',
        contentType,
        'content-length',
        String(bytes),
        'x-request-id',
        this.origin.requestId,
        'content-security-policy',
        policy,
        ...this.#desk.securityHeaders,
      ];
      if (headers.length > 0) all.push(...headers);
      if (!headers.includes('cache-control')) all.push('cache-control', 'no-store');
      if (this.#desk.draining || status === 413) all.push('connection', 'close');
      res.writeHead(status, all);
      // As many bytes as characters: ASCII, which is the same in both, and written for less as the first.
      if (this.req.method === 'HEAD') res.end();
      else res.end(body, bytes === body.length ? 'latin1' : 'utf8');
    }
    this.done(status);
  }

  /** The same for what somebody else writes: sets the headers and reports when the answer has ended. */
  lend(headers: readonly string[], policy = closedPolicy): ServerResponse {
    const { res } = this;
    const all = [...this.#desk.securityHeaders, ...headers];
    for (let i = 0; i + 1 < all.length; i += 2) res.appendHeader(all[i] as string, all[i + 1] as string);
    res.setHeader('x-request-id', this.origin.requestId);
    res.setHeader('cache-control', 'no-store');
    res.setHeader('content-security-policy', policy);
    if (this.#desk.draining) res.setHeader('connection', 'close');
    res.once('close', () => this.done(res.statusCode));
    return res;
  }

  /** One line in the log and one observation, once. */
  done(status: number): void {
    if (this.#told) return;
    this.#told = true;
    const ms = performance.now() - this.#began;
    this.#desk.metrics.request(this.route, this.req.method, status, ms / 1000);
    this.trace?.end(status);
    if (this.quietly) return;
    const { method } = this.req;
    const { path, operation, userId, origin } = this;
    this.#desk.log.info(
      {
        method,
        path,
        status,
        ms: Math.round(ms * 10) / 10,
        ...(operation && { operation }),
        ...(userId && { userId }),
        requestId: origin.requestId,
      },
      'request',
    );
  }
}
