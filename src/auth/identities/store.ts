/** The SQL of linked identities. The user's row is locked before (`lockActive`), but for whoever is made. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import type { LinkedIdentity } from './model.ts';

export type IdentityRow = LinkedIdentity & { readonly userId: string };
const columns = 'i.id, i.user_id AS "userId", i.provider, i.subject, i.email, i.linked_at AS "linkedAt"';

const bySubject = statement(`SELECT ${columns} FROM identities i WHERE i.issuer = $1 AND i.subject = $2`);
export const findIdentity = async (sql: Sql, issuer: string, subject: string): Promise<IdentityRow | undefined> =>
  (await sql.run<IdentityRow>(bySubject, [issuer, subject]))[0];

const ofUsers = statement(`SELECT ${columns} FROM identities i WHERE i.user_id = ANY($1::uuid[]) ORDER BY i.user_id, i.id`);
export const listIdentities = (sql: Sql, userIds: readonly string[]): Promise<IdentityRow[]> => sql.run<IdentityRow>(ofUsers, [userIds]);

const use = statement('UPDATE identities SET last_used_at = $3, email = coalesce($4, email) WHERE id = $1 AND user_id = $2 RETURNING id');
/** Whether the identity still is the user's; held until the end of the transaction. */
export const useIdentity = async (sql: Sql, id: string, userId: string, at: Date, email: string | null): Promise<boolean> =>
  (await sql.run(use, [id, userId, at, email])).length > 0;

export type NewIdentity = {
  id: string;
  userId: string;
  provider: string;
  issuer: string;
  subject: string;
  email: string | null;
  at: Date;
};
const living = statement('SELECT id FROM sessions WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > $3 FOR SHARE');
/** Whether the session lives; it is not ended before the transaction is. */
export const holdSession = async (sql: Sql, sessionId: string, userId: string, now: Date): Promise<boolean> =>
  (await sql.run(living, [sessionId, userId, now])).length > 0;

const insert = statement(`INSERT INTO identities (id, user_id, session_id, provider, issuer, subject, email, linked_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (issuer, subject) DO NOTHING RETURNING id`);
/** Links it to the user; false where it is somebody's. */
export const insertIdentity = async (sql: Sql, identity: NewIdentity, sessionId: string): Promise<boolean> => {
  const { id, userId, provider, issuer, subject, email, at } = identity;
  return (await sql.run(insert, [id, userId, sessionId, provider, issuer, subject, email, at])).length > 0;
};

const register = statement(`
  WITH made AS (
    INSERT INTO users (id, email, email_key, email_verified_at, name, locale, status, created_at, updated_at)
    VALUES ($2, $8, $9, $7, $10, $11, 'ACTIVE', $7, $7) ON CONFLICT DO NOTHING RETURNING id
  )
  INSERT INTO identities (id, user_id, provider, issuer, subject, email, linked_at) SELECT $1, id, $3, $4, $5, $6, $7 FROM made RETURNING id`);
/** Makes an active user without a password, with the identity; false where the address is taken. Throws what `isIdentityConflict` knows. */
export const registerWithIdentity = async (
  sql: Sql,
  identity: NewIdentity,
  person: { email: string; key: string; name: string | null; locale: string | null },
): Promise<boolean> => {
  const { id, userId, provider, issuer, subject, email, at } = identity;
  const values = [id, userId, provider, issuer, subject, email, at, person.email, person.key, person.name, person.locale];
  return (await sql.run(register, values)).length > 0;
};
/** Whether an error says that somebody else has the identity by now. */
export const isIdentityConflict = (error: unknown): boolean =>
  (error as { code?: string } | null)?.code === '23505' &&
  (error as { constraint?: string }).constraint === 'identities_issuer_subject_key';

const waysIn = statement(`SELECT EXISTS (SELECT 1 FROM passwords WHERE user_id = $1) AS password,
    EXISTS (SELECT 1 FROM mfa_methods WHERE user_id = $1 AND type = 'WEBAUTHN' AND confirmed_at IS NOT NULL) AS passkey,
    EXISTS (SELECT 1 FROM identities WHERE user_id = $1 AND id IS DISTINCT FROM $2::uuid AND rtrim(issuer, '/') = ANY($3::text[])) AS identity`);
/** By what the user can sign in without the identity (null: with all of them). `issuers`: of the providers that are configured. */
export const otherWaysIn = async (
  sql: Sql,
  userId: string,
  identityId: string | null,
  issuers: readonly string[],
): Promise<{ password: boolean; passkey: boolean; identity: boolean }> =>
  (
    await sql.run<{ password: boolean; passkey: boolean; identity: boolean }>(waysIn, [
      userId,
      identityId,
      issuers.map((issuer) => issuer.replace(/\/+$/, '')),
    ])
  )[0] as never;

const remove = statement('DELETE FROM identities i WHERE i.id = $1 AND i.user_id = $2 RETURNING provider');
export const removeIdentity = async (sql: Sql, id: string, userId: string): Promise<boolean> =>
  (await sql.run(remove, [id, userId])).length > 0;

const removeOfSessions = statement(`DELETE FROM identities i WHERE i.user_id = $1 AND i.session_id = ANY($2::uuid[]) RETURNING ${columns}`);
/** What these sessions linked. */
export const removeLinkedBy = (sql: Sql, userId: string, sessionIds: readonly string[]): Promise<IdentityRow[]> =>
  sql.run<IdentityRow>(removeOfSessions, [userId, sessionIds]);
