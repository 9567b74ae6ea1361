/** The sweeps of sessions: time has ended some, and ended ones are kept for 90 days. */
import type { Clock, Database } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Origin } from '../caller.ts';
import type { Endings } from './ending.ts';
import { endExpired, removeEnded } from './store.ts';

const keptDays = 90;
/** What facts of the house's own doing name as their origin. */
export const houseOrigin: Origin = { ip: '127.0.0.1', network: 'house', userAgent: null, requestId: 'sweeper' };

/** Marks sessions that are over by age or idleness, each with its fact; how many. */
export const expireSessions =
  ({ database, clock, trail, endings }: { database: Database; clock: Clock; trail: AuditTrail; endings: Endings }) =>
  async (): Promise<number> => {
    let total = 0;
    for (;;) {
      const ids = await database.transaction(async (sql) => {
        const ended = await endExpired(sql, clock.now());
        const facts = ended.map(({ session_id: sessionId, user_id: subjectId, impersonator_id: impersonatorId, reason }) =>
          trail.fact(houseOrigin, { type: 'session.expired', data: { reason }, actorId: null, impersonatorId, subjectId, sessionId }),
        );
        await trail.write(sql, facts);
        return ended.map((session) => session.session_id);
      });
      endings.announce(ids);
      total += ids.length;
      if (ids.length < 500) return total;
    }
  };

/** Removes sessions that ended more than 90 days ago; how many. Their facts stay in the log. */
export const removeOldSessions =
  ({ database, clock }: { database: Database; clock: Clock }) =>
  async (): Promise<number> => {
    const before = new Date(clock.now().getTime() - keptDays * 86_400_000);
    let total = 0;
    for (;;) {
      const removed = await removeEnded(database, before);
      total += removed;
      if (removed < 1000) return total;
    }
  };
