/** Handing out credentials: to the owner in person, who is also told by mail, or to a program that the owner lets. Each time is a fact before it is an answer. */
import type { Kms, Sql } from '../../infra/ports.ts';
import { forbidden, unauthenticated } from '../access/denial.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { isUuid } from '../paging.ts';
import { openCredentials } from './ask.ts';
import { type Credentials, resourceOf } from './model.ts';
import { type NoticeNeeds, prepareNotice } from './notice.ts';
import { holdConsent } from './shares.ts';
import { findSealed, holdVersion, type SealedRow } from './store.ts';

export type RevealNeeds = NoticeNeeds & { kms: Kms; trail: AuditTrail };
export type RevealOutcome = ({ readonly kind: 'TradingCredentials'; readonly accountId: string } & Credentials) | Refused<'NotFound'>;

/** What a program has to hold, beside the consent of each account's owner. */
export const revealPermission = 'trading:credentials.read';
/** How often somebody may rotate between our reading and our recording before we give up. */
const mostTries = 5;

/**
 * For GraphQL and every other front alike; the step-up of a person is the door's. Throws the denials UNAUTHENTICATED and FORBIDDEN (a program
 * without the permission, an API key, somebody acting as the owner). An access token that is over is not handed out.
 */
export const revealTradingCredentials = (needs: RevealNeeds) => {
  const { database, clock, kms, trail } = needs;
  const failed = async (caller: Caller, account: SealedRow): Promise<Refused<'NotFound'>> => {
    const fact = { type: 'trading_account.reveal_failed', outcome: 'FAILURE', data: { reason: 'NotFound' } } as const;
    await trail.write(database, [trail.fact(caller, { ...fact, subjectId: account.ownerId, resource: resourceOf(account.id) })]);
    trail.committed();
    return { kind: 'NotFound' };
  };
  /** The name of the program, or null for the owner; undefined for a program that the owner does not let. */
  const serviceOf = async (sql: Sql, { client }: Caller, accountId: string): Promise<string | null | undefined> =>
    client ? ((await holdConsent(sql, accountId, client.clientId, clock.now())) ?? undefined) : null;
  /** Whether it was recorded: the credentials are still the account's, and whoever asks still may. Locks as `unlink` does: the account first. */
  const record = async (caller: Caller, account: SealedRow): Promise<'recorded' | 'changed' | 'refused'> => {
    const { id, ownerId, version } = account;
    const queueLetter = caller.client ? null : await prepareNotice(needs, account, { name: 'trading-credentials-shown', caller });
    return database.transaction(async (sql) => {
      if (!(await holdVersion(sql, id, version))) return 'changed';
      const service = await serviceOf(sql, caller, id);
      if (service === undefined) return 'refused';
      const fact = {
        type: 'trading_account.credentials_revealed',
        data: { service },
        subjectId: ownerId,
        resource: resourceOf(id),
      } as const;
      await trail.write(sql, [trail.fact(caller, fact)]);
      await queueLetter?.(sql);
      return 'recorded';
    });
  };

  return async (caller: Caller, input: { accountId: string }): Promise<RevealOutcome> => {
    const { identity, client } = caller;
    if (client ? !caller.permissions.has(revealPermission) : identity !== null && (identity.apiKeyId || identity.impersonatorId))
      throw forbidden();
    if (!client && !identity) throw unauthenticated();
    if (!isUuid(input.accountId)) return { kind: 'NotFound' };
    for (let tried = 0; tried < mostTries; tried += 1) {
      const account = await findSealed(database, input.accountId);
      if (!account || (identity && account.ownerId !== identity.userId)) return { kind: 'NotFound' };
      if ((await serviceOf(database, caller, account.id)) === undefined) return failed(caller, account);
      const credentials = await openCredentials(kms, account);
      const done = await record(caller, account);
      if (done === 'refused') return failed(caller, account);
      if (done === 'changed') continue;
      trail.committed();
      const isOver = account.tokenExpiresAt !== null && account.tokenExpiresAt <= clock.now();
      const { apiKey, apiSecret, accessToken } = credentials;
      return { kind: 'TradingCredentials', accountId: account.id, apiKey, apiSecret, accessToken: isOver ? null : accessToken };
    }
    throw new Error('an account’s credentials were replaced faster than they could be read');
  };
};
