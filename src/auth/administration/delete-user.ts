/** An administrator ends an account: the person is erased as if by deleteAccount, whatever the account's status. */
import type { Clock, Database } from '../../infra/ports.ts';
import type { Permissions } from '../access/permissions.ts';
import { isLastSuperadmin } from '../access/store.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import { holdPlaces, lastOwnerOf, leavePlaces } from '../organizations/departure.ts';
import type { Refused } from '../outcome.ts';
import type { Endings } from '../sessions/ending.ts';
import type { DeleteAccountOutcome } from '../users/delete-account.ts';
import { eraseAccount, erasePersonalTraces } from '../users/erase.ts';
import { type AdminUserInput, reasonOf } from './model.ts';
import { takeTarget } from './target.ts';

export type DeleteUserNeeds = { database: Database; clock: Clock; trail: AuditTrail; endings: Endings; permissions: Permissions };

export const deleteUser =
  ({ database, clock, trail, endings, permissions }: DeleteUserNeeds) =>
  async (caller: SignedInCaller, input: AdminUserInput): Promise<DeleteAccountOutcome> => {
    const data = reasonOf(input);
    const erasedAt = clock.now();
    const outcome = await database.transaction(
      async (sql): Promise<{ id: string; ended: string[] } | Refused<'NotFound' | 'Conflict' | 'LastOwner'>> => {
        const target = await takeTarget(sql, caller, input.userId);
        if (!target) return { kind: 'NotFound' };
        const { id } = target;
        const held = await holdPlaces(sql, id);
        const kept = lastOwnerOf(held);
        if (kept) return kept;
        if (await isLastSuperadmin(sql, id)) return { kind: 'Conflict' };
        await leavePlaces(trail, sql, caller, id, held);
        await eraseAccount(sql, id, erasedAt, ['ACTIVE', 'DEACTIVATED', 'PENDING_VERIFICATION']);
        const ended = await endings.all(sql, caller, id, 'account_deleted');
        await erasePersonalTraces(sql, id, erasedAt);
        await trail.write(sql, [trail.fact(caller, { type: 'user.deleted', data, subjectId: id })]);
        return { id, ended };
      },
    );
    if ('kind' in outcome) return outcome;
    permissions.forget(outcome.id);
    endings.announce(outcome.ended);
    return { kind: 'AccountDeleted', userId: outcome.id, erasedAt };
  };
