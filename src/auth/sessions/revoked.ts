/**
 * The sessions that have ended while access tokens of theirs may still be around, and beside them the programs' clients and tokens, and the
 * API keys (an id is of one of them alone): each replica's own set, so that verifying a token
 * costs no database. Three sources feed it, each enough for the others' failure: this process's own operations at once, the fan-out
 * for speed, the log for catch-up (src/events/tail.ts). When the log could not be read for a second, `stale` says so and the door
 * asks the database instead: the promise is one second, also when a part is away.
 */
import type { Clock, Database, Fanout, Log } from '../../infra/ports.ts';
import { clientsEndedSince } from '../services/store.ts';
import { endedSince } from './store.ts';

const topic = 'sessions.ended';
const promisedMs = 1000;

export type Revoked = Awaited<ReturnType<typeof openRevoked>>;

export const openRevoked = async (needs: {
  database: Database;
  fanout: Fanout;
  clock: Clock;
  log: Log;
  config: { ACCESS_TOKEN_TTL_SECONDS: number };
}) => {
  const { database, clock, config } = needs;
  const ended = new Map<string, number>();
  const watchers = new Map<string, Set<() => void>>();
  // A minute more than a token can live, for clocks that differ.
  const keptMs = (config.ACCESS_TOKEN_TTL_SECONDS + 60) * 1000;
  let caughtUpAt = clock.now().getTime();

  const add = (ids: readonly string[]): void => {
    const now = clock.now().getTime();
    for (const id of ids) {
      if (ended.has(id)) continue;
      ended.set(id, now);
      for (const tell of watchers.get(id) ?? []) tell();
      watchers.delete(id);
    }
  };
  const since = new Date(clock.now().getTime() - keptMs);
  add([...(await endedSince(database, since)), ...(await clientsEndedSince(database, since))]);
  const unsubscribe = await needs.fanout.subscribe(topic, (payload) => {
    if (Array.isArray(payload)) add(payload.filter((id): id is string => typeof id === 'string'));
  });

  return {
    has: (sessionId: string): boolean => ended.has(sessionId),
    /** Whether the set may lack what was revoked more than a second ago. */
    stale: (): boolean => Math.abs(clock.now().getTime() - caughtUpAt) > promisedMs,
    /** Ends sessions here at once and tells the other processes; to be called after the commit. */
    end: (ids: readonly string[]): void => {
      if (ids.length === 0) return;
      add(ids);
      needs.fanout.publish(topic, ids);
    },
    /** What the log said: `ids` have ended, and nothing before `at`, when it was asked, is missing. */
    caughtUp: (ids: readonly string[], at: Date): void => {
      add(ids);
      caughtUpAt = at.getTime();
    },
    /** Calls `tell` once when the session ends (at once where it has ended); the function given takes that back. */
    watch: (sessionId: string, tell: () => void): (() => void) => {
      if (ended.has(sessionId)) {
        tell();
        return () => {};
      }
      const set = watchers.get(sessionId) ?? new Set();
      watchers.set(sessionId, set.add(tell));
      return () => {
        set.delete(tell);
        if (set.size === 0 && watchers.get(sessionId) === set) watchers.delete(sessionId);
      };
    },
    /** The sessions somebody watches. */
    watched: (): string[] => [...watchers.keys()],
    /** Forgets what no living token can name. */
    forget: (): void => {
      const oldest = clock.now().getTime() - keptMs;
      for (const [id, at] of ended) if (at < oldest) ended.delete(id);
    },
    close: unsubscribe,
  };
};
