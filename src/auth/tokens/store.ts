/** The signing keys' SQL. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import type { Algorithm } from './jwt.ts';

export type SigningKeyRow = {
  kid: string;
  algorithm: Algorithm;
  state: 'next' | 'active' | 'retired';
  public_jwk: Record<string, unknown>;
  sealed_private: Buffer;
  activated_at: Date | null;
  retired_at: Date | null;
};

const live = statement(`SELECT kid, algorithm, state, public_jwk, sealed_private, activated_at, retired_at FROM signing_keys
  WHERE state <> 'retired' OR retired_at > $1 ORDER BY created_at, kid`);
/** Every key but those retired before `since`, when the last token they signed is over. */
export const liveKeys = (sql: Sql, since: Date): Promise<SigningKeyRow[]> => sql.run<SigningKeyRow>(live, [since]);

// Held to the end of the transaction: of replicas that rotate at once, each sees what the one before it did.
const lock = statement(`SELECT pg_advisory_xact_lock(hashtext('signing_keys'))`);
export const lockKeys = async (sql: Sql): Promise<void> => {
  await sql.run(lock);
};

const insert = statement(`INSERT INTO signing_keys (kid, algorithm, state, public_jwk, sealed_private, created_at, activated_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7)`);
export const insertKey = async (
  sql: Sql,
  key: { kid: string; algorithm: Algorithm; publicJwk: object; sealedPrivate: Buffer },
  state: 'next' | 'active',
  at: Date,
): Promise<void> => {
  await sql.run(insert, [
    key.kid,
    key.algorithm,
    state,
    JSON.stringify(key.publicJwk),
    key.sealedPrivate,
    at,
    state === 'active' ? at : null,
  ]);
};

const retire = statement(`UPDATE signing_keys SET state = 'retired', retired_at = $1 WHERE state = 'active'`);
const activate = statement(`UPDATE signing_keys SET state = 'active', activated_at = $1 WHERE state = 'next' RETURNING kid`);
/** active → retired, next → active; the kid that signs from now on. Null where no key was waiting. */
export const advanceKeys = async (sql: Sql, at: Date): Promise<string | null> => {
  await sql.run(retire, [at]);
  return (await sql.run<{ kid: string }>(activate, [at]))[0]?.kid ?? null;
};
