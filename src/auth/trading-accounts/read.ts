/** Which trading accounts there are for whom: one's own, and those shared with one. */
import type { Clock, Database } from '../../infra/ports.ts';
import type { Caller, SignedInCaller } from '../caller.ts';
import { isUuid, type Page, type PageArgs, pageOf, windowOf } from '../paging.ts';
import { seenBy, type TradingAccount } from './model.ts';
import { countSeen, findSeen, listSeen, type SeenRow } from './shares.ts';

export type ReadNeeds = { database: Database; clock: Clock };

/** The caller's access to one account. Absent and not visible are one answer: null. An unlinked one is still there for its owner. */
export const findAccess = async ({ database, clock }: ReadNeeds, caller: SignedInCaller, id: string): Promise<SeenRow | null> =>
  isUuid(id) ? ((await findSeen(database, caller.identity.userId, clock.now(), [id]))[0] ?? null) : null;

export const readTradingAccounts = ({ database, clock }: ReadNeeds) => {
  /** Those of `ids` that are there for the caller, in their order; none for a program, and none while a second factor is due. */
  const visible = async (caller: Caller, ids: readonly string[]): Promise<(TradingAccount | null)[]> => {
    if (!caller.identity || caller.identity.restricted) return ids.map(() => null);
    const now = clock.now();
    const rows = await findSeen(database, caller.identity.userId, now, ids.filter(isUuid));
    const shown = new Map(rows.map(({ by, ...row }) => [row.id, seenBy(row, by, now)]));
    return ids.map((id) => shown.get(id.toLowerCase()) ?? null);
  };
  /** Linked ones: one's own and those shared with one, or the own alone. */
  const list = async (
    caller: SignedInCaller,
    args: PageArgs,
    { ownOnly = false } = {},
  ): Promise<Page<TradingAccount> & { totalCount(): Promise<number> }> => {
    const window = windowOf(args);
    const now = clock.now();
    const whose = { userId: caller.identity.userId, now, ownOnly };
    const rows = await listSeen(database, whose, window);
    return {
      ...pageOf(
        window,
        rows.map(({ by, ...row }) => seenBy(row, by, now)),
      ),
      totalCount: () => countSeen(database, whose),
    };
  };
  return { visible, list };
};
