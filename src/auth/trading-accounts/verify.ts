/** Verifying accounts with their brokers: on demand, and by the clock. */
import { DoesNotOpen, type Log, UnknownMasterKey } from '../../infra/ports.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { houseOrigin } from '../sessions/expire.ts';
import { type BrokerNeeds, takePlace } from './ask.ts';
import type { FindOut } from './find-out.ts';
import { checkSeconds, seenBy, type TradingAccountShown } from './model.ts';
import { findAccess } from './read.ts';
import { findSealed, takeDue } from './store.ts';

export type VerifyNeeds = BrokerNeeds & { findOut: FindOut };
export type VerifyOutcome = TradingAccountShown | Refused<'NotFound' | 'BrokerRejected' | 'BrokerUnavailable'>;

/** By the owner, or by whom it is shared with to TRADE. `BrokerRejected` is written to the account's status, too. Throws the denial RATE_LIMITED. */
export const verifyTradingAccount = (needs: VerifyNeeds) => {
  const { database, clock, findOut } = needs;
  return async (caller: SignedInCaller, input: { accountId: string }): Promise<VerifyOutcome> => {
    const access = await findAccess(needs, caller, input.accountId);
    const account = access && access.by !== 'VIEW' ? await findSealed(database, access.id) : undefined;
    if (!access || !account) return { kind: 'NotFound' };
    await takePlace(needs, caller.identity.userId);
    const found = await findOut(account, { caller, ownerIsThere: access.by === 'OWNER', always: true });
    if (found.kind === 'BrokerUnavailable') return found;
    if (found.row && found.rejected) return { kind: 'BrokerRejected' };
    // Credentials that were put in meanwhile have been checked by whoever put them in.
    const now = await findAccess(needs, caller, input.accountId);
    return now && now.status !== 'UNLINKED' ? { kind: 'TradingAccount', ...seenBy(now, now.by, clock.now()) } : { kind: 'NotFound' };
  };
};

const batch = 50;

/**
 * Those whose turn it is, one after the other, at most 50 a run: a broker is never asked by the house more than once at a time and process,
 * and not again in this run after it could not be asked. An account is taken when it is asked about, so that a broker or a KMS that is away
 * costs no other account its turn. One whose credentials do not open is named in the log, and the next one follows. How many were asked about.
 */
export const recheckTradingAccounts =
  ({ database, clock, log, findOut }: VerifyNeeds & { log: Log }) =>
  async (): Promise<number> => {
    const away: string[] = [];
    let asked = 0;
    for (let turns = 0; turns < batch; turns += 1) {
      const account = await takeDue(database, clock.now(), checkSeconds, away);
      if (!account) break;
      try {
        const found = await findOut(account, { caller: houseOrigin, ownerIsThere: false, always: false });
        asked += 1;
        if (found.kind === 'BrokerUnavailable') away.push(account.broker);
      } catch (error) {
        if (!(error instanceof DoesNotOpen || error instanceof UnknownMasterKey)) throw error;
        log.error({ error, account: account.id }, 'the credentials of a trading account do not open, and stay as they are');
      }
    }
    return asked;
  };
