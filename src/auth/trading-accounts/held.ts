/** What `auth/access` asks about trading accounts: whose one is, and what a share of it gives. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import { isUuid } from '../paging.ts';
import type { TradingAccess } from './model.ts';

const ownerOf = statement(`SELECT owner_id FROM trading_accounts WHERE id = $1 AND status <> 'UNLINKED'`);
export const findAccountOwner = async (sql: Sql, id: string): Promise<string | null> =>
  (await sql.run<{ owner_id: string }>(ownerOf, [id]))[0]?.owner_id ?? null;

/** To trade is to see as well. */
const permissionsOf: Record<TradingAccess, ReadonlySet<string>> = {
  VIEW: new Set(['trading.view']),
  TRADE: new Set(['trading.view', 'trading.trade']),
};
const accessOf =
  statement(`SELECT s.access FROM trading_account_shares s JOIN trading_accounts a ON a.id = s.account_id AND a.status <> 'UNLINKED'
  JOIN users u ON u.id = a.owner_id AND u.status = 'ACTIVE' WHERE s.account_id = $1 AND s.user_id = $2 AND (s.expires_at IS NULL OR s.expires_at > $3)`);
/** The permissions that a user has on somebody else's account, by a share that has not ended. */
export const findSharedAccess = async (sql: Sql, id: string, userId: string, now: Date): Promise<ReadonlySet<string> | null> => {
  const [row] = isUuid(id) ? await sql.run<{ access: TradingAccess }>(accessOf, [id, userId, now]) : [];
  return row ? permissionsOf[row.access] : null;
};
