/** The SQL of sign-ins that are on their way through a provider. A state is used up by one statement, whatever comes of it. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';

export type BegunState = {
  id: string;
  stateHash: Buffer;
  provider: string;
  redirectUri: string;
  binding: Buffer;
  /** Who links, and in which session; null: whoever it will be signs in. */
  userId: string | null;
  sessionId: string | null;
  at: Date;
  expiresAt: Date;
};
const insert =
  statement(`INSERT INTO oauth_states (id, state_hash, provider, redirect_uri, binding, user_id, session_id, created_at, expires_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`);
export const insertState = async (sql: Sql, state: BegunState): Promise<void> => {
  const { id, stateHash, provider, redirectUri, binding, userId, sessionId, at, expiresAt } = state;
  await sql.run(insert, [id, stateHash, provider, redirectUri, binding, userId, sessionId, at, expiresAt]);
};

// Whoever else brings it, another client or another session, neither uses it nor uses it up.
const take = statement(`UPDATE oauth_states SET used_at = $4
  WHERE state_hash = $1 AND provider = $2 AND binding = $3 AND used_at IS NULL AND expires_at > $4
    AND (user_id IS NULL OR (user_id = $5 AND session_id = $6))
  RETURNING redirect_uri AS "redirectUri", user_id AS "userId", session_id AS "sessionId"`);
export type TakenState = Pick<BegunState, 'redirectUri' | 'userId' | 'sessionId'>;
/** One of any number of parallel calls gets it. `by`: who is signed in, in which session. */
export const takeState = async (
  sql: Sql,
  given: { stateHash: Buffer; provider: string; binding: Buffer; by: { userId: string; sessionId: string } | null },
  now: Date,
): Promise<TakenState | undefined> => {
  const { stateHash, provider, binding, by } = given;
  return (await sql.run<TakenState>(take, [stateHash, provider, binding, now, by?.userId ?? null, by?.sessionId ?? null]))[0];
};

const sweep = statement('DELETE FROM oauth_states WHERE expires_at < $1');
export const sweepStates = async (sql: Sql, before: Date): Promise<void> => {
  await sql.run(sweep, [before]);
};
