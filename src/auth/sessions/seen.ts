/**
 * "This session was used, with a token of that generation": noted in memory and written in batches, so that no request waits for it.
 * A generation is written once, within a second (it tells a lost answer from a stolen token); the time at most once a minute.
 */
import { LRUCache } from 'lru-cache';
import type { Clock, Database, Log } from '../../infra/ports.ts';
import type { Identity } from '../caller.ts';
import { writeSeen } from './store.ts';

const resolutionMs = 60_000;
const batch = 500;

type Mark = { at: number; generation: number };
export type Seen = ReturnType<typeof openSeen>;

export const openSeen = ({ clock, database, log }: { clock: Clock; database: Database; log: Log }) => {
  const written = new LRUCache<string, Mark>({ max: 50_000 });
  let pending = new Map<string, Mark>();
  let flushing: Promise<void> = Promise.resolve();

  const flushNow = async (): Promise<void> => {
    if (pending.size === 0) return;
    const taken = pending;
    pending = new Map();
    const marks = [...taken].map(([sessionId, mark]) => ({ sessionId, at: new Date(mark.at), generation: mark.generation }));
    try {
      for (let i = 0; i < marks.length; i += batch) await writeSeen(database, marks.slice(i, i + batch));
    } catch (error) {
      // Kept for the next flush; what was noted since then is newer.
      for (const [sessionId, mark] of taken) if (!pending.has(sessionId)) pending.set(sessionId, mark);
      log.warn({ err: error, sessions: taken.size }, 'last uses of sessions could not be written');
    }
  };

  return {
    /** Notes the use; costs no I/O. */
    mark: (identity: Pick<Identity, 'sessionId' | 'generation'>): void => {
      const at = clock.now().getTime();
      const last = written.get(identity.sessionId);
      const generation = Math.max(identity.generation, last?.generation ?? -1);
      if (last && last.generation === generation && Math.abs(at - last.at) < resolutionMs) return;
      const mark = { at, generation };
      written.set(identity.sessionId, mark);
      pending.set(identity.sessionId, mark);
    },
    /** Writes what has been noted; also before a refresh is judged and at the end of the process. */
    flush: (): Promise<void> => {
      flushing = flushing.then(flushNow);
      return flushing;
    },
  };
};
