/** How the first administrator is made: while there is no superadmin, whoever verifies BOOTSTRAP_ADMIN_EMAIL, or opens the one-time link, becomes one. */
import type { Clock, Log, Random, Sql } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import type { Permissions } from './permissions.ts';
import { assignFirstSuperadmin } from './store.ts';

export type Bootstrap = ReturnType<typeof openBootstrap>;

export const openBootstrap = (needs: { clock: Clock; random: Random; trail: AuditTrail; permissions: Permissions; log: Log }) => ({
  /** In the caller's transaction: makes `userId` superadmin unless there is one; whether it did. Recorded; printed to the log. */
  promote: async (sql: Sql, caller: Caller, userId: string): Promise<boolean> => {
    const promoted = await assignFirstSuperadmin(sql, needs.random.uuid(needs.clock.now()), userId, needs.clock.now());
    if (!promoted) return false;
    const fact = { type: 'role.assigned', data: { role: 'superadmin' }, actorId: null, subjectId: userId, sessionId: null } as const;
    await needs.trail.write(sql, [needs.trail.fact(caller, fact)]);
    needs.permissions.forget(userId);
    needs.log.warn({ userId }, 'the first administrator has been made');
    return true;
  },
});
