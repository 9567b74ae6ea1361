/** Nickname and preferences of an account, and its end. */
import type { Clock, Database } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { isUuid } from '../paging.ts';
import { checkDetails, type DetailsInput, resourceOf, seenBy, type TradingAccountShown } from './model.ts';
import { unlinkAccount, updateDetails } from './store.ts';

export type UpdateNeeds = { database: Database; clock: Clock; trail: AuditTrail };

/** By the owner. */
export const updateTradingAccount =
  ({ database, clock, trail }: UpdateNeeds) =>
  async (
    caller: SignedInCaller,
    input: DetailsInput & { accountId: string },
  ): Promise<TradingAccountShown | Refused<'NotFound' | 'InvalidInput'>> => {
    const details = checkDetails(input);
    if ('kind' in details) return details;
    if (!isUuid(input.accountId)) return { kind: 'NotFound' };
    const row = await database.transaction(async (sql) => {
      const updated = await updateDetails(sql, input.accountId, caller.identity.userId, details);
      const fact = { type: 'trading_account.updated', data: { fields: Object.keys(details) } } as const;
      if (updated) await trail.write(sql, [trail.fact(caller, { ...fact, resource: resourceOf(updated.id) })]);
      return updated;
    });
    if (!row) return { kind: 'NotFound' };
    trail.committed();
    return { kind: 'TradingAccount', ...seenBy(row, 'OWNER', clock.now()) };
  };

/** By the owner. Ciphertext, data key and shares are deleted; the row says UNLINKED for a while, and the same broker's user can be linked again. */
export const unlinkTradingAccount =
  ({ database, clock, trail }: UpdateNeeds) =>
  async (caller: SignedInCaller, input: { accountId: string }): Promise<{ kind: 'Deleted'; id: string } | Refused<'NotFound'>> => {
    if (!isUuid(input.accountId)) return { kind: 'NotFound' };
    const id = input.accountId.toLowerCase();
    const gone = await database.transaction(async (sql) => {
      const broker = await unlinkAccount(sql, id, caller.identity.userId, clock.now());
      if (broker === undefined) return false;
      await trail.write(sql, [trail.fact(caller, { type: 'trading_account.unlinked', data: { broker }, resource: resourceOf(id) })]);
      return true;
    });
    if (!gone) return { kind: 'NotFound' };
    trail.committed();
    return { kind: 'Deleted', id };
  };
