/** The passwords' SQL. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import { tokenDigest } from '../tokens/one-time.ts';
import { historySize } from './model.ts';

/** Whose password it is, the hash that is current, and those before it, newest first. */
export type PasswordHolder = {
  user_id: string;
  email: string | null;
  email_key: string | null;
  username: string | null;
  name: string | null;
  locale: string | null;
  hash: string | null;
  former: string[];
};

const holder = `u.id AS user_id, u.email, u.email_key, u.username, u.name, u.locale, p.hash,
  ARRAY(SELECT h.hash FROM password_history h WHERE h.user_id = u.id ORDER BY h.id DESC LIMIT ${historySize - 1}) AS former
  FROM users u LEFT JOIN passwords p ON p.user_id = u.id`;

const findActive = statement(`SELECT ${holder} WHERE u.id = $1 AND u.status = 'ACTIVE'`);
export const findHolder = async (sql: Sql, userId: string): Promise<PasswordHolder | undefined> =>
  (await sql.run<PasswordHolder>(findActive, [userId]))[0];

const findByReset = statement(`SELECT ${holder} JOIN one_time_tokens t ON t.user_id = u.id
  WHERE t.token_hash = $1 AND t.purpose = 'reset_password' AND t.used_at IS NULL AND t.expires_at > $2 AND u.status = 'ACTIVE'`);
/** Whose password the reset token may set; it is looked at, not used up. */
export const findHolderByResetToken = async (sql: Sql, token: string, now: Date): Promise<PasswordHolder | undefined> =>
  (await sql.run<PasswordHolder>(findByReset, [tokenDigest(token), now]))[0];

const lock = statement(`SELECT 1 FROM users WHERE id = $1 AND status = 'ACTIVE' FOR NO KEY UPDATE`);
/**
 * Locks the user, to be the first statement of a transaction that sets a password: whoever sets one waits here, so that nobody deadlocks
 * over the rows that go with it. Whether the user is active.
 */
export const lockActive = async (sql: Sql, userId: string): Promise<boolean> => (await sql.run(lock, [userId])).length > 0;

const set = statement(`
  WITH replaced AS (
    SELECT u.id AS user_id, p.hash AS old_hash FROM users u LEFT JOIN passwords p ON p.user_id = u.id
    WHERE u.id = $1 AND u.status = 'ACTIVE' AND ($5::text IS NULL OR p.hash = $5)
  ), written AS (
    INSERT INTO passwords (user_id, hash, changed_at) SELECT user_id, $3, $4 FROM replaced
    ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at
  ), kept AS (
    INSERT INTO password_history (id, user_id, hash, created_at) SELECT $2, user_id, old_hash, $4 FROM replaced WHERE old_hash IS NOT NULL
  ), trimmed AS (
    DELETE FROM password_history WHERE user_id IN (SELECT user_id FROM replaced WHERE old_hash IS NOT NULL)
      AND id NOT IN (SELECT id FROM password_history WHERE user_id = $1 ORDER BY id DESC LIMIT ${historySize - 2})
  )
  SELECT user_id FROM replaced`);
/**
 * Sets the password and remembers the one before it; with `verifiedHash` only where that still is the current one, so that of parallel
 * changes one is made. Whether it was set. After `lockActive`.
 */
export const setPassword = async (
  sql: Sql,
  input: { userId: string; historyId: string; hash: string; at: Date; verifiedHash: string | null },
): Promise<boolean> => {
  const { userId, historyId, hash, at, verifiedHash } = input;
  return (await sql.run(set, [userId, historyId, hash, at, verifiedHash])).length > 0;
};

const byEmail = statement(`SELECT id, email, locale FROM users WHERE email_key = $1 AND status = 'ACTIVE'`);
export type Addressee = { id: string; email: string; locale: string | null };
/** The active user of an address. */
export const findAddressee = async (sql: Sql, key: string): Promise<Addressee | undefined> => (await sql.run<Addressee>(byEmail, [key]))[0];

const prove = statement('UPDATE users SET email_verified_at = $2 WHERE id = $1 AND email_verified_at IS NULL RETURNING id');
/** The user reads the address's mail; whether that was not known before. After `lockActive`. */
export const proveAddress = async (sql: Sql, userId: string, at: Date): Promise<boolean> => (await sql.run(prove, [userId, at])).length > 0;
