/** Letters to the owner of an account. */
import type { Clock, Database, Sql } from '../../infra/ports.ts';
import type { Origin } from '../caller.ts';
import type { Post } from '../letters/post.ts';
import type { AccountRow } from './model.ts';
import { findAddressee } from './store.ts';

export type NoticeNeeds = { database: Database; clock: Clock; post: Post };
type Account = Pick<AccountRow, 'ownerId' | 'broker' | 'brokerUserId' | 'nickname'>;
export type Notice =
  | { name: 'trading-account-failed' }
  | { name: 'trading-credentials-shown'; caller: Origin }
  | { name: 'trading-program-allowed'; caller: Origin; program: string };

/** Sealed before the transaction; the function it gives queues it inside. An owner without an address gets none. */
export const prepareNotice = async (
  { database, clock, post }: NoticeNeeds,
  { ownerId, broker, brokerUserId, nickname }: Account,
  notice: Notice,
): Promise<(sql: Sql) => Promise<void>> => {
  const owner = await findAddressee(database, ownerId);
  if (!owner) return async () => {};
  const about = { at: clock.now().toISOString(), broker, account: nickname ?? brokerUserId };
  const to = { to: owner.email, locale: owner.locale };
  switch (notice.name) {
    case 'trading-account-failed':
      return post.prepare({ ...to, name: notice.name, data: about });
    case 'trading-credentials-shown':
      return post.prepare({ ...to, name: notice.name, data: { ...about, ip: notice.caller.ip } });
    case 'trading-program-allowed':
      return post.prepare({ ...to, name: notice.name, data: { ...about, ip: notice.caller.ip, program: notice.program } });
  }
};
