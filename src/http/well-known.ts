/** What other services read of this one: its keys, its health, its name, its figures. */
import { createHash } from 'node:crypto';
import { sameSecret } from '../infra/same-secret.ts';
import type { Addresses } from './addresses.ts';
import type { Desk, Exchange } from './exchange.ts';
import type { House } from './house.ts';

const json = 'application/json; charset=utf-8';
const pingMs = 1_000;

/** RFC 7517 §5, with an ETag so that a service that asks often is answered with nothing new. */
export const openJwks = ({ auth }: House) => {
  let last = { body: '', etag: '' };
  return (exchange: Exchange): void => {
    const body = JSON.stringify(auth.tokens.jwks());
    if (body !== last.body) last = { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
    const { etag } = last;
    const headers = ['cache-control', 'public, max-age=300', 'etag', etag, 'access-control-allow-origin', '*'];
    const known = exchange.req.headers['if-none-match'];
    const fresh = known?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
    exchange.send(fresh ? 304 : 200, json, fresh ? '' : body, headers);
  };
};

/** Alive: this process answers, and nothing more. */
export const health = (exchange: Exchange): void => {
  exchange.quietly = true;
  exchange.send(200, json, '{"status":"ok"}');
};

/** Ready: PostgreSQL and, where configured, Redis answer, and the house is not closing. */
export const openReadiness =
  ({ database, redis }: House, desk: Desk) =>
  async (exchange: Exchange): Promise<void> => {
    exchange.quietly = true;
    const ask = async (part: { ping(ms: number): Promise<void> } | null | undefined): Promise<string> => {
      if (!part) return 'not configured';
      return part.ping(pingMs).then(
        () => 'ok',
        () => 'away',
      );
    };
    const [postgresql, redisState] = await Promise.all([ask(database), ask(redis)]);
    // Without Redis the service goes on, a little slower: taking every process out of rotation for it would end it.
    const ready = !desk.draining && postgresql === 'ok';
    const status = desk.draining ? 'draining' : !ready ? 'unavailable' : redisState === 'away' ? 'degraded' : 'ok';
    const body = JSON.stringify({ status, postgresql, redis: redisState });
    exchange.send(ready ? 200 : 503, json, body, ready ? [] : ['retry-after', '1']);
  };

export const openInfo =
  ({ about }: House) =>
  (exchange: Exchange): void => {
    const { name, version, features } = about;
    exchange.send(200, json, JSON.stringify({ name, version, features }));
  };

/** With `METRICS_TOKEN` for whoever sends it; without, for this machine alone, and in production (where a proxy may stand on it) for nobody. */
export const openMetricsPage =
  ({ config }: House, desk: Desk, addresses: Addresses) =>
  async (exchange: Exchange): Promise<void> => {
    exchange.quietly = true;
    const token = config.METRICS_TOKEN;
    const given = exchange.req.headers.authorization ?? '';
    if (token ? !sameSecret(given, `Bearer ${token}`) : config.production || !addresses.local(exchange.req))
      return exchange.send(token ? 401 : 403, 'text/plain; charset=utf-8', 'Not for you.\n', token ? ['www-authenticate', 'Bearer'] : []);
    exchange.send(200, desk.metrics.contentType, await desk.metrics.read());
  };
