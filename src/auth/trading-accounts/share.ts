/** An owner lets others see an account (VIEW) or trade with it (TRADE), and programs read its credentials; for good or until a date. */
import type { Sql } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { isUuid } from '../paging.ts';
import { mostShares, resourceOf, seenBy, type TradingAccess, type TradingAccountShown } from './model.ts';
import { type NoticeNeeds, prepareNotice } from './notice.ts';
import { findAccess } from './read.ts';
import { countOthers, findProgram, lockOwned, putService, putShare, removeShare } from './shares.ts';

export type ShareNeeds = NoticeNeeds & { trail: AuditTrail };
export type ShareInput = { accountId: string; userId: string; access: TradingAccess; expiresAt?: Date | null };
export type ShareOutcome = TradingAccountShown | Refused<'NotFound' | 'InvalidInput' | 'QuotaExceeded'>;

const invalid = (field: string, message: string) => ({ kind: 'InvalidInput', field: `input.${field}`, message }) as const;
const notFound = { kind: 'NotFound' } as const;

const shown = async (needs: ShareNeeds, caller: SignedInCaller, id: string): Promise<TradingAccountShown | Refused<'NotFound'>> => {
  const row = await findAccess(needs, caller, id);
  return row && row.status !== 'UNLINKED' ? { kind: 'TradingAccount', ...seenBy(row, row.by, needs.clock.now()) } : notFound;
};

/** `userId` is a user or a program; a program is given TRADE (it reads the credentials) or nothing. A second share takes the place of the first. */
export const shareTradingAccount = (needs: ShareNeeds) => {
  const { database, clock, trail } = needs;
  type Given = { accountId: string; userId: string; access: TradingAccess; at: Date; expiresAt: Date | null };
  /** Who has it now: a user, a program, or nobody that there is. To VIEW there are users alone. */
  const put = async (sql: Sql, { accountId, userId, access, at, expiresAt }: Given): Promise<'user' | 'service' | null> => {
    if (await putShare(sql, { accountId, userId, access, at, expiresAt })) return 'user';
    return access === 'TRADE' && (await putService(sql, { accountId, clientId: userId, at, expiresAt })) ? 'service' : null;
  };

  return async (caller: SignedInCaller, input: ShareInput): Promise<ShareOutcome> => {
    const { userId: ownerId } = caller.identity;
    const [accountId, userId] = [input.accountId.toLowerCase(), input.userId.toLowerCase()];
    const { access, expiresAt = null } = input;
    if (!isUuid(accountId) || !isUuid(userId)) return notFound;
    const at = clock.now();
    if (expiresAt && expiresAt <= at) return invalid('expiresAt', 'The end of a share lies ahead.');
    if (userId === ownerId) return invalid('userId', 'It is yours already.');
    const [program, account] = await Promise.all([findProgram(database, userId), findAccess(needs, caller, accountId)]);
    if (account?.by !== 'OWNER') return notFound;
    const queueLetter = program === null ? null : await prepareNotice(needs, account, { name: 'trading-program-allowed', caller, program });
    const outcome = await database.transaction(async (sql): Promise<ShareOutcome | null> => {
      if (!(await lockOwned(sql, accountId, ownerId))) return notFound;
      if ((await countOthers(sql, accountId, userId, at)) >= mostShares) return { kind: 'QuotaExceeded', limit: mostShares };
      const whose = await put(sql, { accountId, userId, access, at, expiresAt });
      if (!whose) return notFound;
      const service = whose === 'service' ? userId : null;
      const data = { access, expiresAt: expiresAt?.toISOString() ?? null, service };
      const about = { subjectId: service ? ownerId : userId, resource: resourceOf(accountId) };
      await trail.write(sql, [trail.fact(caller, { type: 'trading_account.shared', data, ...about })]);
      if (service) await queueLetter?.(sql);
      return null;
    });
    if (outcome) return outcome;
    trail.committed();
    return shown(needs, caller, accountId);
  };
};

/** By the owner. It counts no more from the next use on. */
export const unshareTradingAccount =
  (needs: ShareNeeds) =>
  async (caller: SignedInCaller, input: { accountId: string; userId: string }): Promise<TradingAccountShown | Refused<'NotFound'>> => {
    const { database, trail } = needs;
    const { userId: ownerId } = caller.identity;
    const [accountId, userId] = [input.accountId.toLowerCase(), input.userId.toLowerCase()];
    if (!isUuid(accountId) || !isUuid(userId)) return notFound;
    const done = await database.transaction(async (sql) => {
      const what = (await lockOwned(sql, accountId, ownerId)) ? await removeShare(sql, accountId, userId) : null;
      if (!what) return false;
      const service = what === 'service' ? userId : null;
      const about = { subjectId: service ? ownerId : userId, resource: resourceOf(accountId) };
      await trail.write(sql, [trail.fact(caller, { type: 'trading_account.unshared', data: { service }, ...about })]);
      return true;
    });
    if (!done) return notFound;
    trail.committed();
    return shown(needs, caller, accountId);
  };
