/** A user's compiled permissions, cached in each process; the log tells when they changed (src/events/tail.ts). */
import { LRUCache } from 'lru-cache';
import type { Database } from '../../infra/ports.ts';
import { platformPermissions } from './store.ts';

export type Permissions = ReturnType<typeof openPermissions>;

export const openPermissions = ({ database }: { database: Database }) => {
  // A minute at most, should the log be unreadable for so long: the database is then away, and nothing can be changed by anyone.
  const cache = new LRUCache<string, Promise<ReadonlySet<string>>>({ max: 20_000, ttl: 60_000 });
  return {
    /** Permissions on the platform; empty for a user who is not active. */
    of: (userId: string): Promise<ReadonlySet<string>> => {
      const known = cache.get(userId);
      if (known) return known;
      const loading = platformPermissions(database, userId);
      cache.set(userId, loading);
      loading.catch(() => cache.delete(userId));
      return loading;
    },
    forget: (userId: string): void => {
      cache.delete(userId);
    },
  };
};
