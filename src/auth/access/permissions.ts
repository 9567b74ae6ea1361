/**
 * Users' compiled permissions, cached in each process; the log tells when they changed (src/events/tail.ts), and whoever has opened a stream on
 * them is told. A grant's end is asked at each use, so that none counts after it.
 */
import { LRUCache } from 'lru-cache';
import type { Clock, Database } from '../../infra/ports.ts';
import { type Compiled, platformPermissions } from './model.ts';
import { loadCompiled } from './store.ts';

export type Permissions = ReturnType<typeof openPermissions>;

export const openPermissions = ({ database, clock }: { database: Database; clock: Clock }) => {
  // A minute at most, should the log be unreadable for so long: the database is then away, and nothing can be changed by anyone.
  const cache = new LRUCache<string, Promise<Compiled>>({ max: 20_000, ttl: 60_000 });
  const watchers = new Map<string, Set<() => void>>();
  const compiled = (userId: string): Promise<Compiled> => {
    const known = cache.get(userId);
    if (known) return known;
    const loading = loadCompiled(database, userId, clock.now());
    cache.set(userId, loading);
    loading.catch(() => cache.delete(userId));
    return loading;
  };
  const tell = (userId: string): void => {
    for (const each of watchers.get(userId) ?? []) each();
  };
  return {
    compiled,
    /** Permissions on the platform at this moment; empty for a user who is not active. */
    of: async (userId: string): Promise<ReadonlySet<string>> => platformPermissions(await compiled(userId), clock.now()),
    /** What a token says: permissions on the platform and, for a session that speaks for an organization, those there. */
    scopes: async (userId: string, orgId: string | null): Promise<Iterable<string>> => {
      const known = await compiled(userId);
      const platform = platformPermissions(known, clock.now());
      const there = orgId === null ? undefined : known.organizations.get(orgId);
      return there ? new Set([...platform, ...there.keys()]) : platform;
    },
    /** After an operation of this process: they are read anew. Whoever watches hears it from the log, once, like everywhere. */
    forget: (userId: string): void => {
      cache.delete(userId);
    },
    /** What the log said: the user's permissions have changed, or may have. */
    changed: (userId: string): void => {
      cache.delete(userId);
      tell(userId);
    },
    /** Calls `changed` whenever the user's permissions may have changed; the function given ends that. */
    watch: (userId: string, changed: () => void): (() => void) => {
      const set = watchers.get(userId) ?? new Set();
      watchers.set(userId, set.add(changed));
      return () => {
        set.delete(changed);
        if (set.size === 0 && watchers.get(userId) === set) watchers.delete(userId);
      };
    },
  };
};
