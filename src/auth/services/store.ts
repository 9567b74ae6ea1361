/** The SQL of service clients, their assertions and their tokens that were revoked. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import type { ServiceClient } from './model.ts';

const shown = 'id, name, permissions, created_at AS "createdAt", last_used_at AS "lastUsedAt", disabled_at AS "disabledAt"';

export type ClientRow = {
  id: string;
  permissions: string[];
  jwks: { keys: object[] } | null;
  secret_hash: Buffer;
  previous_secret_hash: Buffer | null;
  previous_expires_at: Date | null;
};
const find = statement(`SELECT id, permissions, jwks, secret_hash, previous_secret_hash, previous_expires_at FROM service_clients
  WHERE id = $1 AND disabled_at IS NULL`);
export const findClient = async (sql: Sql, id: string): Promise<ClientRow | undefined> => (await sql.run<ClientRow>(find, [id]))[0];

const list = statement(`SELECT ${shown} FROM service_clients WHERE disabled_at IS NULL ORDER BY id DESC`);
export const listClients = (sql: Sql): Promise<ServiceClient[]> => sql.run<ServiceClient>(list);

const insert = statement(`INSERT INTO service_clients (id, name, permissions, jwks, secret_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6)
  RETURNING ${shown}`);
export const insertClient = async (
  sql: Sql,
  client: { id: string; name: string; permissions: string[]; jwks: object | null; secretHash: Buffer; at: Date },
): Promise<ServiceClient> => {
  const jwks = client.jwks && JSON.stringify(client.jwks);
  const [row] = await sql.run<ServiceClient>(insert, [client.id, client.name, client.permissions, jwks, client.secretHash, client.at]);
  return row as ServiceClient;
};

// What was the previous secret is none any more: two count, never three.
const rotate = statement(`UPDATE service_clients SET previous_secret_hash = secret_hash, previous_expires_at = $3, secret_hash = $2
  WHERE id = $1 AND disabled_at IS NULL AND permissions <@ $4::text[] RETURNING ${shown}`);
/** Gives the client a new secret, if whoever asks holds all that the client may; undefined where there is no such client. */
export const rotateSecret = async (
  sql: Sql,
  change: { id: string; secretHash: Buffer; previousUntil: Date; holder: ReadonlySet<string> },
): Promise<ServiceClient | undefined> =>
  (await sql.run<ServiceClient>(rotate, [change.id, change.secretHash, change.previousUntil, [...change.holder]]))[0];

const disable = statement('UPDATE service_clients SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL RETURNING id');
/** Of parallel deletions one does. */
export const disableClient = async (sql: Sql, id: string, at: Date): Promise<boolean> => (await sql.run(disable, [id, at])).length > 0;

const use = statement('UPDATE service_clients SET last_used_at = $2 WHERE id = $1 AND disabled_at IS NULL RETURNING id');
/** Notes the use in the transaction that gives a token: a deletion waits for it, or is seen. False where the client has been deleted. */
export const useClient = async (sql: Sql, id: string, at: Date): Promise<boolean> => (await sql.run(use, [id, at])).length > 0;

const spend = statement(
  'INSERT INTO client_assertions (client_id, jti_hash, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING client_id',
);
/** False where the assertion has been used before. */
export const spendAssertion = async (sql: Sql, clientId: string, jtiHash: Buffer, expiresAt: Date): Promise<boolean> =>
  (await sql.run(spend, [clientId, jtiHash, expiresAt])).length > 0;

const revoke = statement('INSERT INTO revoked_tokens (id, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING id');
export const revokeTokenOnce = async (sql: Sql, id: string, expiresAt: Date): Promise<boolean> =>
  (await sql.run(revoke, [id, expiresAt])).length > 0;

const living = statement(`SELECT 1 FROM service_clients WHERE id = $1 AND disabled_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.id = $2)`);
/** Whether a genuine token still counts. */
export const tokenLives = async (sql: Sql, clientId: string, tokenId: string): Promise<boolean> =>
  (await sql.run(living, [clientId, tokenId])).length > 0;

const ended = statement('SELECT id FROM service_clients WHERE disabled_at > $1 UNION ALL SELECT id FROM revoked_tokens');
/** Clients that were deleted after `since`, and tokens that were revoked: no access token of theirs counts. */
export const clientsEndedSince = async (sql: Sql, since: Date): Promise<string[]> =>
  (await sql.run<{ id: string }>(ended, [since])).map((row) => row.id);

const sweep =
  statement(`WITH a AS (DELETE FROM client_assertions WHERE expires_at < $1), t AS (DELETE FROM revoked_tokens WHERE expires_at < $1),
  k AS (DELETE FROM api_keys WHERE expires_at < $2)
  DELETE FROM service_clients WHERE disabled_at < $2`);
/** Removes what is over: assertions and tokens that nobody would take at `at`; keys and clients that ended before `longAgo`. */
export const sweepServices = async (sql: Sql, at: Date, longAgo: Date): Promise<void> => {
  await sql.run(sweep, [at, longAgo]);
};
