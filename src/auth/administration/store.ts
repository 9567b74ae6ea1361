/** The SQL of administration; the target is locked before (./target.ts). */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import type { UserStatus } from '../users/model.ts';

export type NewAccount = {
  id: string;
  email: string;
  emailKey: string;
  verifiedAt: Date | null;
  username: string | null;
  usernameKey: string | null;
  name: string | null;
  hash: string | null;
  at: Date;
};
const insert = statement(`
  WITH made AS (
    INSERT INTO users (id, email, email_key, email_verified_at, username, username_key, name, status, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 'ACTIVE', $9, $9) ON CONFLICT DO NOTHING RETURNING id
  ), secured AS (INSERT INTO passwords (user_id, hash, changed_at) SELECT id, $8, $9 FROM made WHERE $8::text IS NOT NULL)
  SELECT id FROM made`);
const emailHeld = statement('SELECT 1 FROM users WHERE email_key = $1');
/** Makes an active account, or says what of it is taken. */
export const insertAccount = async (sql: Sql, account: NewAccount): Promise<'made' | 'EmailTaken' | 'UsernameTaken'> => {
  const { id, email, emailKey, verifiedAt, username, usernameKey, name, hash, at } = account;
  const values = [id, email, emailKey, verifiedAt, username, usernameKey, name, hash, at];
  if ((await sql.run(insert, values)).length > 0) return 'made';
  return (await sql.run(emailHeld, [emailKey])).length > 0 ? 'EmailTaken' : 'UsernameTaken';
};

const move = statement(
  'UPDATE users SET status = $2::user_status, updated_at = $4 WHERE id = $1 AND status = $3::user_status RETURNING id',
);
/** Whether the user was in `from`. */
export const moveStatus = async (sql: Sql, userId: string, to: UserStatus, from: UserStatus, at: Date): Promise<boolean> =>
  (await sql.run(move, [userId, to, from, at])).length > 0;

const change = statement(`UPDATE users SET email = $2, email_key = $3, updated_at = $4,
  email_verified_at = CASE WHEN email_key = $3 THEN email_verified_at END WHERE id = $1`);
/** Sets the address; another one than before is not proved. Throws what `isEmailConflict` knows. */
export const changeEmail = async (sql: Sql, userId: string, email: string, key: string, at: Date): Promise<void> => {
  await sql.run(change, [userId, email, key, at]);
};
