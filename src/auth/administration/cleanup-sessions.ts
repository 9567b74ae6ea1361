/** The sweeps of sessions, now: marks those that time has ended, and removes those that ended more than 90 days ago. */
import type { Database } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';

export type CleanupNeeds = {
  database: Database;
  trail: AuditTrail;
  sweeps: { expire(): Promise<number>; removeOld(): Promise<number> };
};

export const cleanupSessions =
  ({ database, trail, sweeps }: CleanupNeeds) =>
  async (caller: SignedInCaller): Promise<{ removed: number }> => {
    const expired = await sweeps.expire();
    const removed = await sweeps.removeOld();
    await trail.write(database, [trail.fact(caller, { type: 'sessions.cleaned', data: { expired, removed } })]);
    trail.committed();
    return { removed };
  };
