/** The accounts' SQL. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import { tokenDigest } from '../tokens/one-time.ts';
import type { UserStatus } from './model.ts';
import type { Profile } from './profile.ts';

export type Account = { id: string; status: UserStatus; email: string; locale: string | null };
const byKey = statement('SELECT id, status, email, locale FROM users WHERE email_key = $1');
/** The account of an address. Deleted ones have none. */
export const findByEmail = async (sql: Sql, key: string): Promise<Account | undefined> => (await sql.run<Account>(byKey, [key]))[0];

const usernameHeld = statement('SELECT 1 FROM users WHERE username_key = $1');
/** Whether somebody has the username. A moment's truth: the unique index decides. */
export const isUsernameHeld = async (sql: Sql, key: string): Promise<boolean> => (await sql.run(usernameHeld, [key])).length > 0;

/** Whether an error says that the address went to another user meanwhile. */
export const isEmailConflict = (error: unknown): boolean =>
  (error as { code?: string } | null)?.code === '23505' && (error as { constraint?: string }).constraint === 'users_email_key_key';

/** Whether an error says that the username went to another user meanwhile. */
export const isUsernameConflict = (error: unknown): boolean =>
  (error as { code?: string } | null)?.code === '23505' && (error as { constraint?: string }).constraint === 'users_username_key_key';

// The lock keeps the status as it is found until the registration's token and letter are in.
const register = statement(`
  WITH made AS (
    INSERT INTO users (id, email, email_key, status, created_at, updated_at) VALUES ($1, $2, $3, 'PENDING_VERIFICATION', $4, $4)
    ON CONFLICT DO NOTHING RETURNING id, status
  ), secured AS (INSERT INTO passwords (user_id, hash, changed_at) SELECT id, $5, $4 FROM made),
  known AS (SELECT id, status FROM users WHERE email_key = $3 FOR NO KEY UPDATE)
  SELECT id, status, true AS made FROM made UNION ALL SELECT id, status, false FROM known`);
export type Registered = { id: string; status: UserStatus; made: boolean };
/** Makes a pending account, or finds the one that has the address; undefined where it came or went just now: look again. */
export const registerAccount = async (
  sql: Sql,
  input: { id: string; email: string; key: string; at: Date; hash: string },
): Promise<Registered | undefined> => (await sql.run<Registered>(register, [input.id, input.email, input.key, input.at, input.hash]))[0];

const newestToken = statement(`SELECT u.id, u.email, u.locale, t.data FROM users u LEFT JOIN LATERAL (
    SELECT data FROM one_time_tokens WHERE user_id = u.id AND purpose = 'verify_email' ORDER BY id DESC LIMIT 1) t ON true
  WHERE u.email_key = $1 AND u.status = 'PENDING_VERIFICATION'`);
export type Pending = { id: string; email: string; locale: string | null; data: Record<string, unknown> | null };
/** The pending account of an address, with what its newest token carries (null: all have been swept). */
export const findPending = async (sql: Sql, key: string): Promise<Pending | undefined> => (await sql.run<Pending>(newestToken, [key]))[0];

const lockPending = statement(`SELECT 1 FROM users WHERE status = 'PENDING_VERIFICATION' AND id = coalesce($1::uuid,
  (SELECT user_id FROM one_time_tokens WHERE token_hash = $2 AND purpose = 'verify_email')) FOR NO KEY UPDATE`);
/**
 * Locks the pending user that is to be verified, by id or by token: the first statement of that transaction, so that two tokens of one
 * user cannot deadlock. Whether there is one.
 */
export const lockUnverified = async (sql: Sql, proof: { userId: string } | { token: string }): Promise<boolean> => {
  const [userId, digest] = 'userId' in proof ? [proof.userId, null] : [null, tokenDigest(proof.token)];
  return (await sql.run(lockPending, [userId, digest])).length > 0;
};

const activate = statement(`
  WITH active AS (
    UPDATE users u SET status = 'ACTIVE', email_verified_at = $2, updated_at = $2, email = coalesce(r->>'email', u.email),
      name = r->>'name', timezone = r->>'timezone', locale = r->>'locale',
      username = CASE WHEN free THEN r->>'username' END, username_key = CASE WHEN free THEN r->>'usernameKey' END
    FROM (SELECT $3::jsonb AS r, NOT EXISTS (SELECT 1 FROM users WHERE username_key = $3::jsonb->>'usernameKey') AS free) AS given
    WHERE u.id = $1 AND u.status = 'PENDING_VERIFICATION' RETURNING u.id, u.email_key, u.email
  ), secured AS (
    INSERT INTO passwords (user_id, hash, changed_at) SELECT id, $3::jsonb->>'passwordHash', $2 FROM active WHERE $3::jsonb ? 'passwordHash'
    ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at
  )
  SELECT email_key, email FROM active`);
/** Makes a pending account active, as the registration in `data` wants it. The username only where it is free; else it can be chosen later. */
export const activateAccount = async (
  sql: Sql,
  userId: string,
  at: Date,
  data: Record<string, unknown>,
): Promise<{ email_key: string; email: string } | undefined> =>
  (await sql.run<{ email_key: string; email: string }>(activate, [userId, at, JSON.stringify(data)]))[0];

const pendingHash = statement(
  `SELECT p.hash FROM users u JOIN passwords p ON p.user_id = u.id WHERE u.email_key = $1 AND u.status = 'PENDING_VERIFICATION'`,
);
/** The password that the first registration of a pending account chose; undefined where there is none. */
export const findPendingHash = async (sql: Sql, key: string): Promise<string | undefined> =>
  (await sql.run<{ hash: string }>(pendingHash, [key]))[0]?.hash;

const disputed = statement(`SELECT count(*) > 1 AS disputed FROM (
    SELECT hash FROM passwords WHERE user_id = $1
    UNION SELECT data->>'passwordHash' FROM one_time_tokens WHERE user_id = $1 AND purpose = 'verify_email' AND data ? 'passwordHash') AS chosen`);
/** Whether registrations of the pending user chose different passwords: one of them may be a stranger's. */
export const isDisputed = async (sql: Sql, userId: string): Promise<boolean> =>
  (await sql.run<{ disputed: boolean }>(disputed, [userId]))[0]?.disputed ?? false;

const dropHash = statement('DELETE FROM passwords WHERE user_id = $1');
export const dropPassword = async (sql: Sql, userId: string): Promise<void> => {
  await sql.run(dropHash, [userId]);
};

const forget = statement(`UPDATE one_time_tokens SET data = '{}' WHERE user_id = $1 AND purpose = 'verify_email'`);
/** Wipes the password hashes that the user's registrations left in their tokens. */
export const forgetRegistrations = async (sql: Sql, userId: string): Promise<void> => {
  await sql.run(forget, [userId]);
};

const update = statement(`
  UPDATE users u SET
    username = CASE WHEN c ? 'username' THEN c->>'username' ELSE u.username END,
    username_key = CASE WHEN c ? 'username' THEN c->>'usernameKey' ELSE u.username_key END,
    name = CASE WHEN c ? 'name' THEN c->>'name' ELSE u.name END,
    phone = CASE WHEN c ? 'phone' THEN c->>'phone' ELSE u.phone END,
    phone_verified_at = CASE WHEN c ? 'phone' AND c->>'phone' IS DISTINCT FROM u.phone THEN NULL ELSE u.phone_verified_at END,
    timezone = CASE WHEN c ? 'timezone' THEN c->>'timezone' ELSE u.timezone END,
    locale = CASE WHEN c ? 'locale' THEN c->>'locale' ELSE u.locale END,
    avatar_url = CASE WHEN c ? 'avatarUrl' THEN c->>'avatarUrl' ELSE u.avatar_url END,
    preferences = CASE WHEN c ? 'preferences' THEN coalesce(nullif(c->'preferences', 'null'), '{}') ELSE u.preferences END,
    updated_at = $3
  FROM (SELECT $2::jsonb AS c) AS given WHERE u.id = $1 AND u.status = ANY($4::user_status[]) RETURNING u.id`);
/** Writes the fields that are there; whether there is such a user, by its status. Throws what `isUsernameConflict` knows. */
export const updateAccount = async (
  sql: Sql,
  userId: string,
  at: Date,
  changes: Profile & { usernameKey?: string | null },
  statuses: readonly UserStatus[] = ['ACTIVE'],
): Promise<boolean> => (await sql.run(update, [userId, JSON.stringify(changes), at, statuses])).length > 0;

const removeUnproved = statement(`DELETE FROM users WHERE id IN (
    SELECT u.id FROM users u WHERE u.status = 'PENDING_VERIFICATION' AND u.created_at < $1
      AND NOT EXISTS (SELECT 1 FROM one_time_tokens t WHERE t.user_id = u.id AND t.created_at >= $1) LIMIT 500 FOR UPDATE SKIP LOCKED)
  RETURNING id`);
/** Removes up to 500 pending accounts that have had no token since `before`; their ids. */
export const removePending = async (sql: Sql, before: Date): Promise<string[]> =>
  (await sql.run<{ id: string }>(removeUnproved, [before])).map((row) => row.id);
