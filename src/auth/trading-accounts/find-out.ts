/** What the broker says of an account's credentials, written down: for whoever verifies, a person or the clock. */
import type { BrokerAnswer } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Post } from '../letters/post.ts';
import { type BrokerNeeds, brokerOf, openCredentials } from './ask.ts';
import { type AccountRow, resourceOf, statusAt, type TradingStatus } from './model.ts';
import { prepareNotice } from './notice.ts';
import { lockCredentials, type SealedRow, writeFinding } from './store.ts';

export type FindOutNeeds = BrokerNeeds & { post: Post };
/** `row` is undefined where the credentials were replaced, or unlinked, meanwhile: nothing was written then. */
export type FoundOut =
  | { kind: 'found'; row: AccountRow | undefined; rejected: boolean }
  | { kind: 'BrokerUnavailable'; retryAfterSeconds: number };
type Who = { caller: Parameters<AuditTrail['fact']>[0]; ownerIsThere: boolean; always: boolean };

/** A broker that names another user than the account's has not confirmed it. */
const confirms = (answer: BrokerAnswer, account: AccountRow) => answer.kind === 'Known' && answer.brokerUserId === account.brokerUserId;

/**
 * Asks the broker and writes what it says, with its fact (`always`, or where it is news). The owner gets a letter when good credentials
 * have become bad ones, once, unless he is there and reads it in the answer. That a token is over at its time is no news.
 */
export const openFindOut = (needs: FindOutNeeds) => {
  const { database, clock, kms, brokers, trail } = needs;
  return async (account: SealedRow, { caller, ownerIsThere, always }: Who): Promise<FoundOut> => {
    const { id, ownerId: subjectId, version, broker } = account;
    const answer = await brokerOf(brokers, broker).verify(await openCredentials(kms, account), clock.now());
    if (answer.kind === 'BrokerUnavailable') return answer;
    const [at, good] = [clock.now(), confirms(answer, account)];
    const isOver = statusAt(account, at) === 'EXPIRED';
    const statusFrom = (before: TradingStatus): TradingStatus => (good ? 'ACTIVE' : isOver ? before : 'INVALID_CREDENTIALS');
    const mayBeNews = !good && !ownerIsThere && statusFrom(account.status) !== account.status;
    const queueLetter = mayBeNews ? await prepareNotice(needs, account, { name: 'trading-account-failed' }) : null;
    const tokenExpiresAt = answer.kind === 'Known' && good ? answer.expiresAt : account.tokenExpiresAt;
    const row = await database.transaction(async (sql) => {
      const before = await lockCredentials(sql, id, version);
      if (before === undefined) return undefined;
      const status = statusFrom(before);
      const written = await writeFinding(sql, { id, status, tokenExpiresAt, at });
      const news = status !== before;
      if (!always && !news) return written;
      const about = { subjectId, resource: resourceOf(id) };
      const fact = good
        ? ({ type: 'trading_account.verified', data: { broker }, ...about } as const)
        : ({
            type: 'trading_account.verification_failed',
            outcome: 'FAILURE',
            data: { broker, reason: 'BrokerRejected' },
            ...about,
          } as const);
      await trail.write(sql, [trail.fact(caller, fact)]);
      if (news) await queueLetter?.(sql);
      return written;
    });
    trail.committed();
    return { kind: 'found', row, rejected: !good };
  };
};
export type FindOut = ReturnType<typeof openFindOut>;
