/** The sweep of registrations that nobody proved: an address that was typed by somebody is not kept for ever. */
import type { Clock, Database } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import { houseOrigin } from '../sessions/expire.ts';
import { removePending } from './store.ts';

const keptDays = 7;

/** Removes pending accounts of which no verification mail went out for 7 days, each with its fact; how many. */
export const removeUnverified =
  ({ database, clock, trail }: { database: Database; clock: Clock; trail: AuditTrail }) =>
  async (): Promise<number> => {
    const before = new Date(clock.now().getTime() - keptDays * 86_400_000);
    let total = 0;
    for (;;) {
      const removed = await database.transaction(async (sql) => {
        const ids = await removePending(sql, before);
        const facts = ids.map((subjectId) =>
          trail.fact(houseOrigin, { type: 'user.registration_expired', data: {}, actorId: null, subjectId, sessionId: null }),
        );
        await trail.write(sql, facts);
        return ids.length;
      });
      if (removed > 0) trail.committed();
      total += removed;
      if (removed < 500) return total;
    }
  };
