/** New credentials in the place of old ones: checked first, swapped in one statement, the old ones gone. */
import type { SignedInCaller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { type BrokerNeeds, brokerOf, nextCheck, requireKms, sealCredentials, takePlace } from './ask.ts';
import { type CredentialsInput, credentialsProblem, hintOf, resourceOf, seenBy, type TradingAccountShown } from './model.ts';
import { findAccess } from './read.ts';
import { findSealed, swapCredentials } from './store.ts';

export type RotateInput = CredentialsInput & { accountId: string };
export type RotateOutcome =
  | TradingAccountShown
  | Refused<'NotFound' | 'Conflict' | 'InvalidInput' | 'BrokerRejected' | 'BrokerUnavailable'>;

/** By the owner. They are to be of the same broker's user. `Conflict`: others were put in meanwhile. Throws the denial RATE_LIMITED. */
export const rotateTradingCredentials = (needs: BrokerNeeds) => {
  const { database, clock, kms, brokers, trail } = needs;
  return async (caller: SignedInCaller, input: RotateInput): Promise<RotateOutcome> => {
    const access = await findAccess(needs, caller, input.accountId);
    const account = access?.by === 'OWNER' ? await findSealed(database, access.id) : undefined;
    if (!account) return { kind: 'NotFound' };
    const { id, ownerId, version } = account;
    const broker = brokerOf(brokers, account.broker);
    const problem = credentialsProblem(input, broker.tokens);
    if (problem) return problem;
    await takePlace(needs, ownerId);
    const { apiKey, apiSecret, requestToken = null, accessToken = null } = input;
    if (requestToken !== null) await requireKms(kms, account);
    const answer = await broker.connect({ apiKey, apiSecret, requestToken, accessToken }, clock.now());
    if (answer.kind !== 'Known') {
      const data = { broker: account.broker, reason: answer.kind };
      const fact = { type: 'trading_account.credentials_update_failed', outcome: 'FAILURE', data, resource: resourceOf(id) } as const;
      await trail.write(database, [trail.fact(caller, fact)]);
      trail.committed();
      return answer;
    }
    if (answer.brokerUserId !== account.brokerUserId)
      return { kind: 'InvalidInput', field: 'input.apiKey', message: 'These are the credentials of another user of the broker.' };
    const sealed = await sealCredentials(kms, account, { apiKey, apiSecret, accessToken: answer.accessToken });
    const at = clock.now();
    const row = await database.transaction(async (sql) => {
      const changes = { sealed, apiKeyHint: hintOf(apiKey), tokenExpiresAt: answer.expiresAt, at, nextCheckAt: nextCheck(at) };
      const swapped = await swapCredentials(sql, { id, ownerId, version, ...changes });
      const fact = { type: 'trading_account.credentials_updated', data: { broker: account.broker }, resource: resourceOf(id) } as const;
      if (swapped) await trail.write(sql, [trail.fact(caller, fact)]);
      return swapped;
    });
    if (!row) return { kind: (await findSealed(database, id)) ? 'Conflict' : 'NotFound' };
    trail.committed();
    return { kind: 'TradingAccount', ...seenBy(row, 'OWNER', at) };
  };
};
