/** The SQL of trading accounts. What changes one says which credentials it means by their version, so that none overwrites a successor. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import type { AccountRow, Details, TradingStatus } from './model.ts';

export const columns = `a.id, a.owner_id AS "ownerId", a.broker, a.broker_user_id AS "brokerUserId", a.nickname, a.preferences, a.status,
  a.api_key_hint AS "apiKeyHint", a.token_expires_at AS "tokenExpiresAt", a.linked_at AS "linkedAt", a.last_verified_at AS "lastVerifiedAt",
  a.credentials_rotated_at AS "credentialsRotatedAt"`;

const count = statement(`SELECT count(*)::int AS n FROM trading_accounts WHERE owner_id = $1 AND status <> 'UNLINKED'`);
export const countAccounts = async (sql: Sql, ownerId: string): Promise<number> =>
  (await sql.run<{ n: number }>(count, [ownerId]))[0]?.n ?? 0;

const insert = statement(`INSERT INTO trading_accounts AS a
    (id, owner_id, broker, broker_user_id, nickname, preferences, status, api_key_hint, sealed, token_expires_at, linked_at, last_verified_at, next_check_at)
  VALUES ($1, $2, $3, $4, $5, $6, 'ACTIVE', $7, $8, $9, $10, $10, $11) ON CONFLICT DO NOTHING RETURNING ${columns}`);
export type NewAccount = {
  id: string;
  ownerId: string;
  broker: string;
  brokerUserId: string;
  nickname: string | null;
  preferences: Record<string, unknown>;
  apiKeyHint: string;
  sealed: Buffer;
  tokenExpiresAt: Date | null;
  at: Date;
  nextCheckAt: Date;
};
/** The account, unless the broker's user is linked already, by whomever. */
export const insertAccount = async (sql: Sql, account: NewAccount): Promise<AccountRow | undefined> => {
  const { id, ownerId, broker, brokerUserId, nickname, preferences, apiKeyHint, sealed, tokenExpiresAt, at, nextCheckAt } = account;
  const values = [id, ownerId, broker, brokerUserId, nickname, JSON.stringify(preferences), apiKeyHint, sealed, tokenExpiresAt, at];
  return (await sql.run<AccountRow>(insert, [...values, nextCheckAt]))[0];
};

const update = statement(`UPDATE trading_accounts a SET
    nickname = CASE WHEN c ? 'nickname' THEN c->>'nickname' ELSE a.nickname END,
    preferences = CASE WHEN c ? 'preferences' THEN coalesce(nullif(c->'preferences', 'null'), '{}') ELSE a.preferences END
  FROM (SELECT $3::jsonb AS c) AS given WHERE a.id = $1 AND a.owner_id = $2 AND a.status <> 'UNLINKED' RETURNING ${columns}`);
export const updateDetails = async (sql: Sql, id: string, ownerId: string, details: Details): Promise<AccountRow | undefined> =>
  (await sql.run<AccountRow>(update, [id, ownerId, JSON.stringify(details)]))[0];

export type SealedRow = AccountRow & { sealed: Buffer; version: number };
const sealedOf = statement(`SELECT ${columns}, a.sealed, a.version FROM trading_accounts a JOIN users u ON u.id = a.owner_id
  WHERE a.id = $1 AND a.status <> 'UNLINKED' AND u.status = 'ACTIVE'`);
/** A linked account of an active user with what is sealed of it. */
export const findSealed = async (sql: Sql, id: string): Promise<SealedRow | undefined> => (await sql.run<SealedRow>(sealedOf, [id]))[0];

const rotate = statement(`UPDATE trading_accounts a SET sealed = $4, version = a.version + 1, api_key_hint = $5, token_expires_at = $6,
    status = 'ACTIVE', credentials_rotated_at = $7, last_verified_at = $7, next_check_at = $8
  WHERE a.id = $1 AND a.owner_id = $2 AND a.version = $3 AND a.status <> 'UNLINKED' RETURNING ${columns}`);
export type NewCredentials = {
  id: string;
  ownerId: string;
  version: number;
  sealed: Buffer;
  apiKeyHint: string;
  tokenExpiresAt: Date | null;
  at: Date;
  nextCheckAt: Date;
};
/** Puts new credentials in the place of those of `version`; of parallel rotations one does. */
export const swapCredentials = async (sql: Sql, given: NewCredentials): Promise<AccountRow | undefined> => {
  const { id, ownerId, version, sealed, apiKeyHint, tokenExpiresAt, at, nextCheckAt } = given;
  return (await sql.run<AccountRow>(rotate, [id, ownerId, version, sealed, apiKeyHint, tokenExpiresAt, at, nextCheckAt]))[0];
};

const lockStatus = statement(
  `SELECT status FROM trading_accounts WHERE id = $1 AND version = $2 AND status <> 'UNLINKED' FOR NO KEY UPDATE`,
);
/** The status of the account whose credentials still are those of `version`, held until the transaction ends: news is news once. */
export const lockCredentials = async (sql: Sql, id: string, version: number): Promise<TradingStatus | undefined> =>
  (await sql.run<{ status: TradingStatus }>(lockStatus, [id, version]))[0]?.status;

const verified = statement(`UPDATE trading_accounts a SET status = $2, token_expires_at = $3,
    last_verified_at = CASE WHEN $2 = 'ACTIVE' THEN $4 ELSE a.last_verified_at END
  WHERE a.id = $1 RETURNING ${columns}`);
export type Finding = { id: string; status: TradingStatus; tokenExpiresAt: Date | null; at: Date };
/** Writes what the broker said, after `lockCredentials`. */
export const writeFinding = async (sql: Sql, { id, status, tokenExpiresAt, at }: Finding): Promise<AccountRow> =>
  (await sql.run<AccountRow>(verified, [id, status, tokenExpiresAt, at]))[0] as AccountRow;

const hold = statement(`SELECT 1 FROM trading_accounts WHERE id = $1 AND version = $2 AND status <> 'UNLINKED' FOR SHARE`);
/** Whether the credentials of `version` are still the account's; until the transaction ends they stay so. */
export const holdVersion = async (sql: Sql, id: string, version: number): Promise<boolean> =>
  (await sql.run(hold, [id, version])).length > 0;

const unlink =
  statement(`UPDATE trading_accounts SET status = 'UNLINKED', sealed = NULL, api_key_hint = '', token_expires_at = NULL, unlinked_at = $3
  WHERE id = $1 AND owner_id = $2 AND status <> 'UNLINKED' RETURNING broker`);
// A statement of its own, so that it sees what was shared while the other waited for the row.
const forget = statement(`WITH shares AS (DELETE FROM trading_account_shares WHERE account_id = $1)
  DELETE FROM trading_account_services WHERE account_id = $1`);
/** Takes credentials, data key and shares away; the broker's name, or undefined where there was no such account. In a transaction. */
export const unlinkAccount = async (sql: Sql, id: string, ownerId: string, at: Date): Promise<string | undefined> => {
  const [gone] = await sql.run<{ broker: string }>(unlink, [id, ownerId, at]);
  if (gone) await sql.run(forget, [id]);
  return gone?.broker;
};

// Whoever gets an account's turn has put it off first: of processes at once none asks twice, and one that dies costs a turn. Turns are spread
// by the account's id over a sixth of the period, so that those linked together are not asked together for ever.
const due =
  statement(`UPDATE trading_accounts a SET next_check_at = $1::timestamptz + make_interval(secs => $2::int + abs(hashtext(a.id::text) % ($2::int / 6)))
  WHERE a.id = (SELECT d.id FROM trading_accounts d JOIN users u ON u.id = d.owner_id AND u.status = 'ACTIVE'
    WHERE d.status = 'ACTIVE' AND d.next_check_at <= $1 AND (d.token_expires_at IS NULL OR d.token_expires_at > $1) AND d.broker <> ALL($3::text[])
    ORDER BY d.next_check_at LIMIT 1 FOR UPDATE OF d SKIP LOCKED)
  RETURNING ${columns}, a.sealed, a.version`);
/** One account whose turn it is to be verified, of none of the brokers of `but`. Those whose token is over have nothing to ask about. */
export const takeDue = async (sql: Sql, now: Date, seconds: number, but: readonly string[]): Promise<SealedRow | undefined> =>
  (await sql.run<SealedRow>(due, [now, seconds, but]))[0];

const addressee = statement(`SELECT email, locale FROM users WHERE id = $1 AND status = 'ACTIVE' AND email IS NOT NULL`);
/** Where an active owner's letters go. */
export const findAddressee = async (sql: Sql, ownerId: string): Promise<{ email: string; locale: string | null } | undefined> =>
  (await sql.run<{ email: string; locale: string | null }>(addressee, [ownerId]))[0];

const sweep = statement('DELETE FROM trading_accounts WHERE unlinked_at < $1');
export const sweepUnlinked = async (sql: Sql, before: Date): Promise<void> => {
  await sql.run(sweep, [before]);
};
