/**
 * An administrator acts as a user for half an hour: a session of its own, marked in its row, in its tokens (`act`, RFC 8693 §4.1) and in
 * every fact; never as somebody who may more, and never through a door that asks for a fresh authentication (mfa/step-up.ts).
 */
import type { Clock, Database, Random } from '../../infra/ports.ts';
import { badRequest, forbidden } from '../access/denial.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { SignedIn } from '../login/model.ts';
import type { Refused } from '../outcome.ts';
import { isUuid } from '../paging.ts';
import type { Grants } from '../sessions/grant.ts';
import { findSession, openSession } from '../sessions/store.ts';
import { impersonationSeconds, reasonOf } from './model.ts';
import { isStronger, lockTarget, lockUsers } from './target.ts';

export type ImpersonateNeeds = { database: Database; clock: Clock; random: Random; trail: AuditTrail; grants: Grants };
export type ImpersonateInput = { userId: string; reason: string };
export type ImpersonateOutcome = SignedIn | Refused<'NotFound' | 'AccountDeactivated'>;

export const impersonate = (needs: ImpersonateNeeds) => {
  const { database, clock, random, trail, grants } = needs;

  /** Nothing of the administrator's device or address stands in the row, which its user may read; the facts have them. */
  const newSession = (caller: SignedInCaller, id: string, at: Date) => ({
    id,
    org_id: null,
    client_id: caller.identity.clientId,
    at,
    expires_at: new Date(at.getTime() + impersonationSeconds * 1000),
    idle_seconds: impersonationSeconds,
    persistent: false,
    // How the administrator has proved to be the administrator.
    amr: caller.identity.amr,
    salt: random.bytes(16).toString('hex'),
    impersonator_id: caller.identity.userId,
  });

  return async (caller: SignedInCaller, input: ImpersonateInput): Promise<ImpersonateOutcome> => {
    const { reason } = reasonOf(input);
    if (!reason) throw badRequest('input.reason says why: it cannot be empty.');
    const { userId: adminId } = caller.identity;
    const userId = input.userId.toLowerCase();
    if (!isUuid(userId)) return { kind: 'NotFound' };
    if (userId === adminId) throw forbidden('You are this user.');
    const at = clock.now();
    const sessionId = random.uuid(at);
    const outcome = await database.transaction(async (sql) => {
      await lockUsers(sql, [userId, adminId]);
      const target = await lockTarget(sql, userId);
      if (!target || target.status === 'PENDING_VERIFICATION') return 'NotFound';
      if (target.status === 'DEACTIVATED') return 'AccountDeactivated';
      if (await isStronger(sql, caller, userId)) {
        const failed = { type: 'user.impersonation_failed', outcome: 'FAILURE', data: { reason }, subjectId: userId } as const;
        await trail.write(sql, [trail.fact(caller, failed)]);
        return 'stronger';
      }
      // The administrator may have been put away meanwhile: whoever does that ends the impersonations that are there, and waits here.
      if (!(await openSession(sql, JSON.stringify(newSession(caller, sessionId, at)), userId, adminId))) return 'NotFound';
      const marked = { actorId: userId, impersonatorId: adminId, subjectId: userId, sessionId };
      await trail.write(sql, [
        trail.fact(caller, { type: 'user.impersonated', data: { reason }, subjectId: userId, sessionId }),
        trail.fact(caller, { type: 'session.created', data: { persistent: false, newDevice: false }, ...marked }),
      ]);
      return 'opened';
    });
    trail.committed();
    if (outcome === 'stronger') throw forbidden('This user may more than you.');
    if (outcome !== 'opened') return { kind: outcome };
    const session = await findSession(database, sessionId);
    if (!session) throw new Error('a session was opened that is not there');
    return grants.grant(session);
  };
};
