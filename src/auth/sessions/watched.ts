/** Sessions with a live stream: being watched is being used, and a stream ends within a second of its session's absolute end. */
import type { Clock, Database } from '../../infra/ports.ts';
import { keysOfInactive } from '../services/key-store.ts';
import type { Revoked } from './revoked.ts';
import type { Seen } from './seen.ts';
import { reachedEnd } from './store.ts';

/** To be called about every half second. */
export const tendWatched =
  ({ database, clock, revoked, seen }: { database: Database; clock: Clock; revoked: Revoked; seen: Seen }) =>
  async (): Promise<void> => {
    const ids = revoked.watched();
    if (ids.length === 0) return;
    for (const sessionId of ids) seen.mark({ sessionId, generation: -1 });
    // What a key opened ends with its owner's account, too.
    revoked.end([...(await reachedEnd(database, ids, clock.now())), ...(await keysOfInactive(database, ids))]);
  };
