/** The SQL of challenges: a proof that is due. Locked before anything of it is taken, so that of parallel answers one counts. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import { type MfaType, mostAttempts, mostCodeAttempts } from './model.ts';

export type ChallengePurpose = 'login' | 'step_up' | 'passkey';
export type ChallengeRow = {
  id: string;
  purpose: ChallengePurpose;
  user_id: string | null;
  session_id: string | null;
  proof: Record<string, unknown>;
  attempts: number;
  code_type: MfaType | null;
  challenge: Buffer | null;
  expires_at: Date;
};

const insert =
  statement(`INSERT INTO mfa_challenges (id, purpose, token_hash, user_id, session_id, binding, proof, challenge, created_at, expires_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`);
export const insertChallenge = async (
  sql: Sql,
  row: {
    id: string;
    purpose: ChallengePurpose;
    tokenHash: Buffer | null;
    userId: string | null;
    sessionId: string | null;
    binding: Buffer | null;
    proof: object;
    challenge: Buffer | null;
    at: Date;
    expiresAt: Date;
  },
): Promise<void> => {
  const { id, purpose, tokenHash, userId, sessionId, binding, proof, challenge, at, expiresAt } = row;
  await sql.run(insert, [id, purpose, tokenHash, userId, sessionId, binding, JSON.stringify(proof), challenge, at, expiresAt]);
};

const columns = 'id, purpose, user_id, session_id, proof, attempts, code_type, challenge, expires_at';
const living = `used_at IS NULL AND expires_at > $2 AND attempts < ${mostAttempts}`;
const byToken = statement(
  `SELECT ${columns} FROM mfa_challenges WHERE token_hash = $1 AND ${living} AND purpose = $3 AND binding IS NOT DISTINCT FROM $4`,
);
/** The living challenge of a token, given back by the client it was given to. */
export const findChallenge = async (
  sql: Sql,
  tokenHash: Buffer,
  purpose: ChallengePurpose,
  binding: Buffer | null,
  now: Date,
): Promise<ChallengeRow | undefined> => (await sql.run<ChallengeRow>(byToken, [tokenHash, now, purpose, binding]))[0];

const bySession = statement(
  `SELECT ${columns} FROM mfa_challenges WHERE session_id = $1 AND ${living} AND purpose = 'step_up' ORDER BY id DESC LIMIT 1`,
);
/** The newest living step-up of a session. */
export const findStepUp = async (sql: Sql, sessionId: string, now: Date): Promise<ChallengeRow | undefined> =>
  (await sql.run<ChallengeRow>(bySession, [sessionId, now]))[0];

const lock = statement(`SELECT id FROM mfa_challenges WHERE id = $1 AND ${living} FOR UPDATE`);
/** Whether the challenge still lives; held until the end of the transaction. After the user's own row, as everywhere. */
export const lockChallenge = async (sql: Sql, id: string, now: Date): Promise<boolean> => (await sql.run(lock, [id, now])).length > 0;

const use = statement('UPDATE mfa_challenges SET used_at = $2 WHERE id = $1');
export const useChallenge = async (sql: Sql, id: string, now: Date): Promise<void> => {
  await sql.run(use, [id, now]);
};

const fail = statement('UPDATE mfa_challenges SET attempts = attempts + 1 WHERE id = $1 RETURNING attempts');
/** Counts a wrong answer; how many tries are left. */
export const failChallenge = async (sql: Sql, id: string): Promise<number> => {
  const [row] = await sql.run<{ attempts: number }>(fail, [id]);
  return Math.max(0, mostAttempts - (row?.attempts ?? mostAttempts));
};

const giveCode = statement(`UPDATE mfa_challenges SET code_type = $2, code_hash = $3, code_expires_at = $4, code_attempts = 0
  WHERE id = $1 AND used_at IS NULL RETURNING id`);
/** A fresh code for the challenge; the one before it is void. */
export const setCode = async (sql: Sql, id: string, type: MfaType, hash: Buffer, expiresAt: Date): Promise<boolean> =>
  (await sql.run(giveCode, [id, type, hash, expiresAt])).length > 0;

const takeIt =
  statement(`UPDATE mfa_challenges SET code_attempts = code_attempts + 1, code_hash = CASE WHEN code_hash = $3 THEN NULL ELSE code_hash END
  WHERE id = $1 AND code_type = $2 AND code_hash IS NOT NULL AND code_attempts < ${mostCodeAttempts} AND code_expires_at > $4
  RETURNING code_hash IS NULL AS right`);
/** Spends one of the three tries on the code that was sent; a right one is used up. */
export const takeCode = async (sql: Sql, id: string, type: MfaType, hash: Buffer, now: Date): Promise<boolean> =>
  (await sql.run<{ right: boolean }>(takeIt, [id, type, hash, now]))[0]?.right ?? false;

const giveChallenge = statement('UPDATE mfa_challenges SET challenge = $2 WHERE id = $1 AND used_at IS NULL');
export const setWebauthnChallenge = async (sql: Sql, id: string, challenge: Buffer): Promise<void> => {
  await sql.run(giveChallenge, [id, challenge]);
};
const takeChallenge = statement('UPDATE mfa_challenges SET challenge = NULL WHERE id = $1 AND challenge = $2 RETURNING id');
/** Takes the bytes that were to be signed, once: an assertion is not taken again. */
export const takeWebauthnChallenge = async (sql: Sql, id: string, challenge: Buffer): Promise<boolean> =>
  (await sql.run(takeChallenge, [id, challenge])).length > 0;

const endAll = statement('UPDATE mfa_challenges SET used_at = $2 WHERE user_id = $1 AND used_at IS NULL');
/** Ends every open challenge of a user: the password or the factors have changed. */
export const endChallenges = async (sql: Sql, userId: string, now: Date): Promise<void> => {
  await sql.run(endAll, [userId, now]);
};

const sweep = statement('DELETE FROM mfa_challenges WHERE expires_at < $1');
export const sweepChallenges = async (sql: Sql, before: Date): Promise<void> => {
  await sql.run(sweep, [before]);
};
