/** A user links an account with a broker: checked with the broker, sealed, stored, in this order. */
import type { SignedInCaller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { lockActive } from '../passwords/store.ts';
import { type BrokerNeeds, nextCheck, requireKms, sealCredentials, takePlace } from './ask.ts';
import {
  type CredentialsInput,
  checkDetails,
  credentialsProblem,
  type DetailsInput,
  hintOf,
  mostAccounts,
  resourceOf,
  seenBy,
  type TradingAccountShown,
} from './model.ts';
import { countAccounts, insertAccount } from './store.ts';

export type LinkInput = CredentialsInput & DetailsInput & { broker: string };
export type LinkOutcome =
  | TradingAccountShown
  | Refused<'NotFound' | 'Conflict' | 'InvalidInput' | 'BrokerRejected' | 'BrokerUnavailable' | 'QuotaExceeded'>;

const quota = { kind: 'QuotaExceeded', limit: mostAccounts } as const;
const linkedAlready = { kind: 'Conflict', message: 'This user of the broker is linked already.' } as const;

/**
 * Throws the denial RATE_LIMITED. The broker's user once, whoever links it, else `Conflict`: who is told so has shown good credentials of
 * that user. Nothing is stored of what the broker refused.
 */
export const linkTradingAccount = (needs: BrokerNeeds) => {
  const { database, clock, random, kms, brokers, trail } = needs;
  return async (caller: SignedInCaller, input: LinkInput): Promise<LinkOutcome> => {
    const { userId: ownerId } = caller.identity;
    const broker = brokers.get(input.broker);
    if (!broker) return { kind: 'InvalidInput', field: 'input.broker', message: `The brokers are ${[...brokers.keys()].join(' and ')}.` };
    const problem = credentialsProblem(input, broker.tokens);
    if (problem) return problem;
    const details = checkDetails(input);
    if ('kind' in details) return details;
    // Looked at before the broker is asked, and once more under the lock.
    if ((await countAccounts(database, ownerId)) >= mostAccounts) return quota;
    await takePlace(needs, ownerId);
    const id = random.uuid(clock.now());
    const { apiKey, apiSecret, requestToken = null, accessToken = null } = input;
    if (requestToken !== null) await requireKms(kms, { id, ownerId });
    const answer = await broker.connect({ apiKey, apiSecret, requestToken, accessToken }, clock.now());
    if (answer.kind !== 'Known') {
      const data = { broker: input.broker, reason: answer.kind };
      await trail.write(database, [trail.fact(caller, { type: 'trading_account.link_failed', outcome: 'FAILURE', data })]);
      trail.committed();
      return answer;
    }
    const { brokerUserId, expiresAt: tokenExpiresAt } = answer;
    const sealed = await sealCredentials(kms, { id, ownerId }, { apiKey, apiSecret, accessToken: answer.accessToken });
    const at = clock.now();
    const outcome = await database.transaction(async (sql): Promise<LinkOutcome> => {
      if (!(await lockActive(sql, ownerId))) return { kind: 'NotFound' };
      if ((await countAccounts(sql, ownerId)) >= mostAccounts) return quota;
      const row = await insertAccount(sql, {
        ...{ id, ownerId, broker: input.broker, brokerUserId, sealed, tokenExpiresAt, at },
        nickname: details.nickname ?? null,
        preferences: details.preferences ?? {},
        apiKeyHint: hintOf(apiKey),
        nextCheckAt: nextCheck(at),
      });
      if (!row) return linkedAlready;
      const fact = { type: 'trading_account.linked', data: { broker: input.broker }, resource: resourceOf(id) } as const;
      await trail.write(sql, [trail.fact(caller, fact)]);
      return { kind: 'TradingAccount', ...seenBy(row, 'OWNER', at) };
    });
    trail.committed();
    return outcome;
  };
};
