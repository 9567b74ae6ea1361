/** Activating, deactivating and unlocking an account. What is so already stays, without a second fact. */
import type { Clock, Database } from '../../infra/ports.ts';
import type { Permissions } from '../access/permissions.ts';
import { isLastSuperadmin } from '../access/store.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import { secondFactorAccount } from '../mfa/attempts.ts';
import { forgetFirstFactor } from '../mfa/forget.ts';
import type { Refused } from '../outcome.ts';
import type { Endings } from '../sessions/ending.ts';
import { type Lockouts, lockoutKeys } from '../throttle/index.ts';
import type { OneTimeTokens } from '../tokens/one-time.ts';
import type { UserOutcome } from '../users/model.ts';
import { type AdminUserInput, reasonOf } from './model.ts';
import { moveStatus } from './store.ts';
import { takeTarget } from './target.ts';

export type StatusNeeds = {
  database: Database;
  clock: Clock;
  trail: AuditTrail;
  oneTime: OneTimeTokens;
  endings: Endings;
  permissions: Permissions;
  lockouts: Lockouts;
  pepper: Buffer;
};
export type StatusOutcome = UserOutcome | Refused<'NotFound' | 'Conflict'>;

export const activateUser =
  ({ database, clock, trail, permissions }: StatusNeeds) =>
  async (caller: SignedInCaller, input: AdminUserInput): Promise<StatusOutcome> => {
    const data = reasonOf(input);
    const outcome = await database.transaction(async (sql): Promise<StatusOutcome> => {
      const target = await takeTarget(sql, caller, input.userId);
      if (!target) return { kind: 'NotFound' };
      // Its passwords are whoever's registered the address: only its mail makes it somebody's.
      if (target.status === 'PENDING_VERIFICATION') return { kind: 'Conflict' };
      if (await moveStatus(sql, target.id, 'ACTIVE', 'DEACTIVATED', clock.now()))
        await trail.write(sql, [trail.fact(caller, { type: 'user.activated', data, subjectId: target.id })]);
      return { kind: 'User', id: target.id };
    });
    if (outcome.kind === 'User') permissions.forget(outcome.id);
    trail.committed();
    return outcome;
  };

/** Ends every session and stream of the user, those in which the user acts as somebody else, and what was mailed to sign in by. */
export const deactivateUser =
  ({ database, clock, trail, oneTime, endings, permissions }: StatusNeeds) =>
  async (caller: SignedInCaller, input: AdminUserInput): Promise<StatusOutcome> => {
    const data = reasonOf(input);
    const outcome = await database.transaction(async (sql) => {
      const target = await takeTarget(sql, caller, input.userId);
      if (!target) return 'NotFound';
      const { id, status } = target;
      if (status === 'DEACTIVATED') return { id, ended: [] };
      if (status !== 'ACTIVE' || (await isLastSuperadmin(sql, id))) return 'Conflict';
      await moveStatus(sql, id, 'DEACTIVATED', 'ACTIVE', clock.now());
      const ended = await endings.all(sql, caller, id, 'account_deactivated');
      for (const purpose of ['reset_password', 'magic_link'] as const) await oneTime.endAll(sql, purpose, id);
      await forgetFirstFactor(sql, id, clock.now());
      await trail.write(sql, [trail.fact(caller, { type: 'user.deactivated', data, subjectId: id })]);
      return { id, ended };
    });
    if (typeof outcome === 'string') return { kind: outcome };
    permissions.forget(outcome.id);
    endings.announce(outcome.ended);
    return { kind: 'User', id: outcome.id };
  };

/** Lifts the locks of wrong passwords and of wrong second factors, from every network and device. */
export const unlockUser =
  ({ database, trail, lockouts, pepper }: StatusNeeds) =>
  async (caller: SignedInCaller, input: AdminUserInput): Promise<StatusOutcome> => {
    const data = reasonOf(input);
    const id = await database.transaction(async (sql) => {
      const target = await takeTarget(sql, caller, input.userId);
      if (!target) return null;
      for (const account of [target.email_key, secondFactorAccount(target.id)])
        await lockouts.clearAccount(sql, lockoutKeys(pepper, account, '', null).account);
      await trail.write(sql, [trail.fact(caller, { type: 'user.unlocked', data, subjectId: target.id })]);
      return target.id;
    });
    if (!id) return { kind: 'NotFound' };
    trail.committed();
    return { kind: 'User', id };
  };
