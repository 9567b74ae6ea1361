/** The SQL of API keys. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import { type ApiKey, apiKeyQuota } from './model.ts';

const shown = 'id, name, prefix, permissions, expires_at AS "expiresAt", created_at AS "createdAt", last_used_at AS "lastUsedAt"';

const list = statement(`SELECT ${shown} FROM api_keys WHERE user_id = $1 AND (expires_at IS NULL OR expires_at > $2) ORDER BY id DESC`);
export const listApiKeys = (sql: Sql, userId: string, at: Date): Promise<ApiKey[]> => sql.run<ApiKey>(list, [userId, at]);

const insert = statement(`INSERT INTO api_keys (id, user_id, name, prefix, key_hash, permissions, created_at, expires_at)
  SELECT $1, $2, $3, $4, $5, $6, $7, $8
  WHERE (SELECT count(*) FROM api_keys WHERE user_id = $2 AND (expires_at IS NULL OR expires_at > $7)) < ${apiKeyQuota} RETURNING ${shown}`);
export type NewApiKey = {
  id: string;
  userId: string;
  name: string;
  prefix: string;
  keyHash: Buffer;
  permissions: string[];
  at: Date;
  expiresAt: Date | null;
};
/** Undefined where the owner has as many as there may be. With the owner's row locked: of keys that are made at once none is one too many. */
export const insertApiKey = async (sql: Sql, key: NewApiKey): Promise<ApiKey | undefined> =>
  (await sql.run<ApiKey>(insert, [key.id, key.userId, key.name, key.prefix, key.keyHash, key.permissions, key.at, key.expiresAt]))[0];

const remove = statement('DELETE FROM api_keys WHERE id = $1 AND user_id = $2 RETURNING prefix');
/** The prefix of the key that was deleted; undefined where the user has none such. */
export const deleteKeyOf = async (sql: Sql, userId: string, id: string): Promise<string | undefined> =>
  (await sql.run<{ prefix: string }>(remove, [id, userId]))[0]?.prefix;

export type KeyRow = {
  id: string;
  user_id: string;
  permissions: string[];
  created_at: Date;
  expires_at: Date | null;
  last_used_at: Date | null;
};
const find = statement(`SELECT k.id, k.user_id, k.permissions, k.created_at, k.expires_at, k.last_used_at FROM api_keys k
  JOIN users u ON u.id = k.user_id WHERE k.key_hash = $1 AND (k.expires_at IS NULL OR k.expires_at > $2) AND u.status = 'ACTIVE'`);
/** A key that is there, not expired, and of an active user. */
export const findApiKey = async (sql: Sql, keyHash: Buffer, at: Date): Promise<KeyRow | undefined> =>
  (await sql.run<KeyRow>(find, [keyHash, at]))[0];

const use = statement(`UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $3)`);
/** Notes the use, unless one was noted after `unlessAfter`. */
export const noteKeyUse = async (sql: Sql, id: string, at: Date, unlessAfter: Date): Promise<void> => {
  await sql.run(use, [id, at, unlessAfter]);
};

const orphaned = statement(
  `SELECT k.id FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.id = ANY($1::uuid[]) AND u.status <> 'ACTIVE'`,
);
/** Which of `ids` are keys of users who are not active any more. */
export const keysOfInactive = async (sql: Sql, ids: readonly string[]): Promise<string[]> =>
  (await sql.run<{ id: string }>(orphaned, [ids])).map((row) => row.id);
