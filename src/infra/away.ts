/** Which errors say that a part is away rather than that something is wrong: infra says so itself, the query compiler of the graph in its own words. */
import { type Log, Unavailable } from './ports.ts';

/** Prisma's codes: server not reached, timeouts, connection closed, no free connection in the pool, transaction could not start. */
const prismaCodes = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2037']);
const adapterKinds = new Set(['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout', 'TooManyConnections', 'TlsConnectionError']);
/** SQLSTATEs of a server that goes down or comes up, and of libpq-less connection failures. */
const serverCodes = new Set(['57P01', '57P02', '57P03', '53300', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND']);
const poolMessages = /Connection terminated|timeout exceeded when trying to connect|connection error and is not queryable/;

/** `Unavailable` where `error` or a cause of it says that the database is away; else null. */
export const awayOf = (error: unknown): Unavailable | null => {
  let link: unknown = error;
  for (let depth = 0; depth < 6 && link !== null && typeof link === 'object'; depth += 1) {
    if (link instanceof Unavailable) return link;
    const { code, originalCode, kind, message, cause, name, meta } = link as Record<string, unknown>;
    const said = [code, originalCode].some((word) => typeof word === 'string' && (prismaCodes.has(word) || serverCodes.has(word)));
    if (
      said ||
      (typeof kind === 'string' && adapterKinds.has(kind)) ||
      (typeof message === 'string' && poolMessages.test(message)) ||
      name === 'PrismaClientInitializationError'
    )
      return new Unavailable('the database is away', 1, error);
    link = cause ?? (meta as { driverAdapterError?: unknown } | undefined)?.driverAdapterError;
  }
  return null;
};

const told = { at: Number.NEGATIVE_INFINITY, untold: 0 };
/** At most one line a second: a storm of refusals must not become a storm of writing. */
export const warnAway = (error: Unavailable, { log, requestId }: { requestId: string; log: Log }): void => {
  const now = performance.now();
  if (now - told.at < 1_000) {
    told.untold += 1;
    return;
  }
  log.warn({ err: error, requestId, untold: told.untold }, 'a part of the house is unavailable');
  Object.assign(told, { at: now, untold: 0 });
};
