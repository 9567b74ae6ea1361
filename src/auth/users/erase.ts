/** The SQL of a deleted account: the person goes, the pseudonym (the id) and the facts stay. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import type { UserStatus } from './model.ts';

const passwordOf = statement(
  `SELECT p.hash FROM users u LEFT JOIN passwords p ON p.user_id = u.id WHERE u.id = $1 AND u.status = 'ACTIVE'`,
);
/** The password hash of an active user, null where there is none; undefined where the user is not active. */
export const findPasswordHash = async (sql: Sql, userId: string): Promise<string | null | undefined> =>
  (await sql.run<{ hash: string | null }>(passwordOf, [userId]))[0]?.hash;

const exclusive = statement('SELECT 1 FROM users WHERE id = $1 FOR UPDATE');
/** Before an erasure: from now on nobody is given anything that goes with the user (`holdFromErasure` waits). */
export const holdForErasure = async (sql: Sql, userId: string): Promise<void> => {
  await sql.run(exclusive, [userId]);
};
const shared = statement('SELECT 1 FROM users WHERE id = ANY($1::uuid[]) ORDER BY id FOR KEY SHARE');
/** Whoever gives users something in an organization, or takes it, begins with this, before the organization's row: an erasure comes before or after. */
export const holdFromErasure = async (sql: Sql, userIds: readonly string[]): Promise<void> => {
  await sql.run(shared, [userIds]);
};

const alone = statement('SELECT 1 FROM users WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE');
/** The same, and whoever gives them something of which there is a limit waits too. From the beginning: who held them less strictly first would deadlock with an erasure. */
export const holdAlone = async (sql: Sql, userIds: readonly string[]): Promise<void> => {
  await sql.run(alone, [userIds]);
};

const eraseUser = statement(`UPDATE users SET status = 'DELETED', deleted_at = $2, updated_at = $2, email = NULL, email_key = NULL,
  email_verified_at = NULL, username = NULL, username_key = NULL, name = NULL, phone = NULL, phone_verified_at = NULL, timezone = NULL,
  locale = NULL, avatar_url = NULL, preferences = '{}', last_login_at = NULL, strong_mfa_only = false WHERE id = $1 AND status = ANY($3::user_status[]) RETURNING id`);
/** Ends the account and erases the person; whether there was such a user, by its status. Of parallel deletions one does. */
export const eraseAccount = async (sql: Sql, userId: string, at: Date, statuses: readonly UserStatus[]): Promise<boolean> =>
  (await sql.run(eraseUser, [userId, at, statuses])).length > 0;

const eraseTraces = statement(`
  WITH passwords AS (DELETE FROM passwords WHERE user_id = $1),
  history AS (DELETE FROM password_history WHERE user_id = $1),
  devices AS (DELETE FROM devices WHERE user_id = $1),
  tokens AS (DELETE FROM one_time_tokens WHERE user_id = $1),
  methods AS (DELETE FROM mfa_methods WHERE user_id = $1),
  codes AS (DELETE FROM mfa_backup_codes WHERE user_id = $1),
  challenges AS (DELETE FROM mfa_challenges WHERE user_id = $1),
  trusted AS (DELETE FROM trusted_devices WHERE user_id = $1),
  accounts AS (DELETE FROM trading_accounts WHERE owner_id = $1),
  shares AS (DELETE FROM trading_account_shares WHERE user_id = $1),
  copies AS (DELETE FROM exports WHERE owner_id = $1),
  identities AS (DELETE FROM identities WHERE user_id = $1),
  states AS (DELETE FROM oauth_states WHERE user_id = $1),
  keys AS (UPDATE api_keys SET name = '', expires_at = coalesce(least(expires_at, $2), $2) WHERE user_id = $1)
  UPDATE sessions SET ip_address = NULL, user_agent = NULL, browser = NULL, os = NULL, country = NULL, device_name = NULL,
    device_fingerprint = NULL WHERE user_id = $1`);
/** Erases what other rooms hold of the person. API keys stay for a while, ended, so that what they opened is found and ended too. */
export const erasePersonalTraces = async (sql: Sql, userId: string, at: Date): Promise<void> => {
  await sql.run(eraseTraces, [userId, at]);
};
