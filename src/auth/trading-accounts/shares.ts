/** The SQL of who but its owner sees a trading account: users by shares, programs by the owner's consent. An end is asked at each use. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import type { AccountRow, TradingAccess } from './model.ts';
import { columns } from './store.ts';

const living = '(s.expires_at IS NULL OR s.expires_at > $2)';
// An account of a user who is not active is there for nobody else.
const seen = statement(`SELECT ${columns}, CASE WHEN a.owner_id = $1 THEN 'OWNER' ELSE s.access END AS by
  FROM trading_accounts a JOIN users u ON u.id = a.owner_id
    LEFT JOIN trading_account_shares s ON s.account_id = a.id AND s.user_id = $1 AND ${living}
  WHERE a.id = ANY($3::uuid[]) AND (a.owner_id = $1 OR (s.access IS NOT NULL AND a.status <> 'UNLINKED' AND u.status = 'ACTIVE'))`);
export type SeenRow = AccountRow & { by: 'OWNER' | TradingAccess };
/** Those of `ids` that the user may see, and by what. */
export const findSeen = (sql: Sql, userId: string, now: Date, ids: readonly string[]): Promise<SeenRow[]> =>
  sql.run<SeenRow>(seen, [userId, now, ids]);

const mine = `FROM trading_accounts a JOIN users u ON u.id = a.owner_id
    LEFT JOIN trading_account_shares s ON s.account_id = a.id AND s.user_id = $1 AND ${living}
  WHERE a.status <> 'UNLINKED' AND (a.owner_id = $1 OR u.status = 'ACTIVE') AND a.id IN (
    SELECT o.id FROM trading_accounts o WHERE o.owner_id = $1 AND o.status <> 'UNLINKED'
    UNION ALL SELECT s.account_id FROM trading_account_shares s WHERE NOT $3::boolean AND s.user_id = $1 AND ${living})`;
const page = statement(`SELECT ${columns}, CASE WHEN a.owner_id = $1 THEN 'OWNER' ELSE s.access END AS by ${mine}
  AND ($4::uuid IS NULL OR a.id > $4) AND ($5::uuid IS NULL OR a.id < $5)
  ORDER BY CASE WHEN $7::boolean THEN a.id END DESC, a.id LIMIT $6::int`);
const total = statement(`SELECT count(*)::int AS n ${mine}`);
type Whose = { userId: string; now: Date; ownOnly: boolean };
type Window = { after: string | null; before: string | null; size: number; backwards: boolean };
/** A page of linked accounts, oldest first, with one more row where there is one. */
export const listSeen = (sql: Sql, { userId, now, ownOnly }: Whose, { after, before, size, backwards }: Window): Promise<SeenRow[]> =>
  sql.run<SeenRow>(page, [userId, now, ownOnly, after, before, size + 1, backwards]);
export const countSeen = async (sql: Sql, { userId, now, ownOnly }: Whose): Promise<number> =>
  (await sql.run<{ n: number }>(total, [userId, now, ownOnly]))[0]?.n ?? 0;

const owned = statement(`SELECT 1 FROM trading_accounts WHERE id = $1 AND owner_id = $2 AND status <> 'UNLINKED' FOR NO KEY UPDATE`);
/** Holds an account of the owner's, so that its shares are counted alone; whether there is one. */
export const lockOwned = async (sql: Sql, id: string, ownerId: string): Promise<boolean> =>
  (await sql.run(owned, [id, ownerId])).length > 0;

// Users and programs as they are listed: what the owner does not see he cannot take back, and so does not count.
const usersOf = `trading_account_shares s JOIN users u ON u.id = s.user_id AND u.status <> 'DELETED' WHERE s.account_id = $1 AND ${living}`;
const programsOf = `trading_account_services s JOIN service_clients c ON c.id = s.client_id AND c.disabled_at IS NULL
  WHERE s.account_id = $1 AND ${living}`;
const others = statement(`SELECT (SELECT count(*) FROM ${usersOf} AND s.user_id <> $3)::int
  + (SELECT count(*) FROM ${programsOf} AND s.client_id <> $3)::int AS n`);
/** How many users and programs but this one an account is shared with. */
export const countOthers = async (sql: Sql, accountId: string, exceptId: string, now: Date): Promise<number> =>
  (await sql.run<{ n: number }>(others, [accountId, now, exceptId]))[0]?.n ?? 0;

export type NewShare = { accountId: string; at: Date; expiresAt: Date | null };
const share = statement(`INSERT INTO trading_account_shares (account_id, user_id, access, granted_at, expires_at)
  SELECT $1, u.id, $3, $4, $5 FROM users u WHERE u.id = $2 AND u.status = 'ACTIVE'
  ON CONFLICT (account_id, user_id) DO UPDATE SET access = excluded.access, granted_at = excluded.granted_at, expires_at = excluded.expires_at
  RETURNING user_id`);
/** Whether there is such an active user. A second share takes the first one's place. */
export const putShare = async (sql: Sql, given: NewShare & { userId: string; access: TradingAccess }): Promise<boolean> =>
  (await sql.run(share, [given.accountId, given.userId, given.access, given.at, given.expiresAt])).length > 0;
const program = statement('SELECT name FROM service_clients WHERE id = $1 AND disabled_at IS NULL');
/** The name of a program that there is. */
export const findProgram = async (sql: Sql, clientId: string): Promise<string | null> =>
  (await sql.run<{ name: string }>(program, [clientId]))[0]?.name ?? null;
const consent = statement(`INSERT INTO trading_account_services (account_id, client_id, granted_at, expires_at)
  SELECT $1, c.id, $3, $4 FROM service_clients c WHERE c.id = $2 AND c.disabled_at IS NULL
  ON CONFLICT (account_id, client_id) DO UPDATE SET granted_at = excluded.granted_at, expires_at = excluded.expires_at RETURNING client_id`);
/** Whether there is such a program. */
export const putService = async (sql: Sql, given: NewShare & { clientId: string }): Promise<boolean> =>
  (await sql.run(consent, [given.accountId, given.clientId, given.at, given.expiresAt])).length > 0;

const take = statement(`WITH s AS (DELETE FROM trading_account_shares WHERE account_id = $1 AND user_id = $2 RETURNING 1),
  c AS (DELETE FROM trading_account_services WHERE account_id = $1 AND client_id = $2 RETURNING 1)
  SELECT EXISTS (SELECT 1 FROM s) AS share, EXISTS (SELECT 1 FROM c) AS service`);
/** What was taken back of the user or program. */
export const removeShare = async (sql: Sql, accountId: string, id: string): Promise<'share' | 'service' | null> => {
  const [row] = await sql.run<{ share: boolean; service: boolean }>(take, [accountId, id]);
  return row?.share ? 'share' : row?.service ? 'service' : null;
};

export type Share = { userId: string; access: TradingAccess; grantedAt: Date; expiresAt: Date | null };
const sharesOf = statement(`SELECT s.user_id AS "userId", s.access, s.granted_at AS "grantedAt", s.expires_at AS "expiresAt"
  FROM ${usersOf} ORDER BY s.granted_at`);
export const listShares = (sql: Sql, accountId: string, now: Date): Promise<Share[]> => sql.run<Share>(sharesOf, [accountId, now]);
export type ServiceConsent = { clientId: string; name: string; grantedAt: Date; expiresAt: Date | null };
const servicesOf = statement(`SELECT s.client_id AS "clientId", c.name, s.granted_at AS "grantedAt", s.expires_at AS "expiresAt"
  FROM ${programsOf} ORDER BY s.granted_at`);
export const listServices = (sql: Sql, accountId: string, now: Date): Promise<ServiceConsent[]> =>
  sql.run<ServiceConsent>(servicesOf, [accountId, now]);

const consented = statement(`SELECT c.name FROM ${programsOf} AND s.client_id = $3 FOR SHARE OF s`);
/** The program's name where the owner lets it read the account's credentials; taken back, it waits for this transaction or is seen by it. */
export const holdConsent = async (sql: Sql, accountId: string, clientId: string, now: Date): Promise<string | null> =>
  (await sql.run<{ name: string }>(consented, [accountId, now, clientId]))[0]?.name ?? null;

const sweep = statement(`WITH s AS (DELETE FROM trading_account_shares WHERE expires_at < $1)
  DELETE FROM trading_account_services WHERE expires_at < $1`);
/** Removes what no longer counts; the facts stay. */
export const sweepShares = async (sql: Sql, before: Date): Promise<void> => {
  await sql.run(sweep, [before]);
};
