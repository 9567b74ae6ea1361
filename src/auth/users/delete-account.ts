/** A signed-in user ends the own account: the person is erased at once, the pseudonymous facts stay. */
import type { Clock, Database, Hasher, Limiter, Rate } from '../../infra/ports.ts';
import { rateLimited } from '../access/denial.ts';
import { isLastSuperadmin } from '../access/store.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import { holdPlaces, lastOwnerOf, leavePlaces } from '../organizations/departure.ts';
import type { Refused } from '../outcome.ts';
import { lockActive } from '../passwords/store.ts';
import { verifyOwnPassword } from '../passwords/verify-own.ts';
import type { Endings } from '../sessions/ending.ts';
import { eraseAccount, erasePersonalTraces, findPasswordHash } from './erase.ts';

export type DeleteAccountNeeds = {
  database: Database;
  clock: Clock;
  hasher: Hasher;
  limiter: Limiter;
  trail: AuditTrail;
  endings: Endings;
  config: { RATE_LIMIT_LOGIN: Rate };
};
export type DeleteAccountInput = { currentPassword?: string | null };
export type DeleteAccountOutcome =
  | { readonly kind: 'AccountDeleted'; readonly userId: string; readonly erasedAt: Date }
  | Refused<'InvalidCredentials' | 'NotFound' | 'Conflict' | 'LastOwner'>;

export const deleteAccount = (needs: DeleteAccountNeeds) => {
  const { database, clock, trail, endings } = needs;

  const verifyPassword = verifyOwnPassword(needs);
  /** Whether the password is right. Throws the denial RATE_LIMITED after too many wrong ones. */
  const verify = async (caller: SignedInCaller, password: string): Promise<boolean> => {
    const verdict = await verifyPassword(caller, password);
    if (verdict.kind === 'TooManyAttempts') throw rateLimited(verdict.retryAfterSeconds);
    return verdict.kind === 'right';
  };

  return async (caller: SignedInCaller, input: DeleteAccountInput): Promise<DeleteAccountOutcome> => {
    const { userId } = caller.identity;
    const hash = await findPasswordHash(database, userId);
    if (hash === undefined) return { kind: 'NotFound' };
    if (hash !== null && !(await verify(caller, input.currentPassword ?? ''))) {
      const fact = { type: 'user.deletion_failed', outcome: 'FAILURE', data: { reason: 'InvalidCredentials' } } as const;
      await trail.write(database, [trail.fact(caller, fact)]);
      trail.committed();
      return { kind: 'InvalidCredentials' };
    }

    const erasedAt = clock.now();
    const ended = await database.transaction(async (sql): Promise<string[] | Refused<'NotFound' | 'Conflict' | 'LastOwner'>> => {
      if (!(await lockActive(sql, userId))) return { kind: 'NotFound' };
      const held = await holdPlaces(sql, userId);
      const kept = lastOwnerOf(held);
      if (kept) return kept;
      if (await isLastSuperadmin(sql, userId)) return { kind: 'Conflict' };
      await leavePlaces(trail, sql, caller, userId, held);
      await eraseAccount(sql, userId, erasedAt, ['ACTIVE']);
      const ids = await endings.all(sql, caller, userId, 'account_deleted');
      await erasePersonalTraces(sql, userId, erasedAt);
      await trail.write(sql, [trail.fact(caller, { type: 'user.deleted', data: {} })]);
      return ids;
    });
    if ('kind' in ended) return ended;
    endings.announce(ended);
    return { kind: 'AccountDeleted', userId, erasedAt };
  };
};
