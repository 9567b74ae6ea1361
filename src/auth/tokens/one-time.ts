/**
 * One-time tokens: 256 bits that travel by mail, kept as SHA-256, bound to one purpose, used up by one conditional statement;
 * and the 6-digit code that may go with one (3 attempts, 10 minutes).
 */
import { createHash, createHmac } from 'node:crypto';
import type { Clock, Random, Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';

export type OneTimePurpose = 'verify_email' | 'reset_password' | 'bootstrap_admin' | 'magic_link' | 'disown_session';

const codeAttempts = 3;
const codeSeconds = 600;

/** What is kept of a token. Plain SHA-256 suffices: 256 random bits cannot be searched. */
export const tokenDigest = (token: string): Buffer => createHash('sha256').update(token).digest();

const issueStatement = statement(
  `INSERT INTO one_time_tokens (id, purpose, user_id, token_hash, code_hash, code_expires_at, expires_at, created_at, data)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
);
const useStatement = statement(
  `UPDATE one_time_tokens SET used_at = $3 WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3
   RETURNING user_id, data`,
);
// Only the newest code of an address counts; the attempt and its outcome are one statement, so parallel guesses are counted one by one.
const useCodeStatement = statement(
  `UPDATE one_time_tokens SET code_attempts = code_attempts + 1, used_at = CASE WHEN code_hash = $3 THEN $4::timestamptz END
   WHERE id = (SELECT id FROM one_time_tokens WHERE user_id = $1 AND purpose = $2 AND code_hash IS NOT NULL ORDER BY id DESC LIMIT 1)
     AND used_at IS NULL AND code_attempts < ${codeAttempts} AND code_expires_at > $4
   RETURNING used_at IS NOT NULL AS right, user_id, data`,
);
const peekStatement = statement(
  `SELECT user_id, data FROM one_time_tokens WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3`,
);
// From the client that asked for it the token suffices; from any other the code has to come with it, and a wrong one costs a try.
const useBoundStatement = statement(
  `UPDATE one_time_tokens SET code_attempts = code_attempts + CASE WHEN data->>'binding' = $3 THEN 0 ELSE 1 END,
     used_at = CASE WHEN data->>'binding' = $3 OR code_hash = $4 THEN $5::timestamptz END
   WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $5 AND (data->>'binding' = $3 OR code_attempts < ${codeAttempts})
   RETURNING used_at IS NOT NULL AS right, code_attempts`,
);
const endAllStatement = statement('UPDATE one_time_tokens SET used_at = $3 WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL');

export type IssuedToken = { token: string; code: string | null; insert(sql: Sql): Promise<void> };
export type UsedToken = { userId: string; data: Record<string, unknown> };

export type OneTimeTokens = ReturnType<typeof openOneTimeTokens>;

/** `pepper`: a sealed secret of the house, because a bare digest of a 6-digit code could be searched by whoever reads the table. */
export const openOneTimeTokens = (needs: { clock: Clock; random: Random; pepper: Buffer }) => {
  const codeDigest = (userId: string, code: string) => createHmac('sha256', needs.pepper).update(`code\0${userId}\0${code}`).digest();
  return {
    /** Makes a token (and a code with `withCode`); `insert` writes it in the caller's transaction. */
    issue: (input: {
      purpose: OneTimePurpose;
      userId: string;
      seconds: number;
      withCode?: boolean;
      data?: Record<string, unknown>;
    }): IssuedToken => {
      const now = needs.clock.now();
      const token = needs.random.bytes(32).toString('base64url');
      const code = input.withCode ? needs.random.digits(6) : null;
      const later = (seconds: number) => new Date(now.getTime() + seconds * 1000);
      return {
        token,
        code,
        insert: async (sql) => {
          await sql.run(issueStatement, [
            needs.random.uuid(now),
            input.purpose,
            input.userId,
            tokenDigest(token),
            code && codeDigest(input.userId, code),
            code && later(codeSeconds),
            later(input.seconds),
            now,
            JSON.stringify(input.data ?? {}),
          ]);
        },
      };
    },
    /** Uses `token` up. Null: unknown, used, expired or of another purpose. Exactly one of any number of parallel calls gets it. */
    use: async (sql: Sql, purpose: OneTimePurpose, token: string): Promise<UsedToken | null> => {
      const [row] = await sql.run<{ user_id: string; data: Record<string, unknown> }>(useStatement, [
        tokenDigest(token),
        purpose,
        needs.clock.now(),
      ]);
      return row ? { userId: row.user_id, data: row.data } : null;
    },
    /** Whose token it is, and what it carries; it is looked at, not used up. */
    peek: async (sql: Sql, purpose: OneTimePurpose, token: string): Promise<UsedToken | null> => {
      const [row] = await sql.run<{ user_id: string; data: Record<string, unknown> }>(peekStatement, [
        tokenDigest(token),
        purpose,
        needs.clock.now(),
      ]);
      return row ? { userId: row.user_id, data: row.data } : null;
    },
    /**
     * Uses up the token of `userId`, as the client `binding` (the same as in its data), or with its code. `left`: the tries that remain
     * for the code; null where there is no such token, or there are none.
     */
    useBound: async (
      sql: Sql,
      purpose: OneTimePurpose,
      given: { token: string; userId: string; binding: string; code: string | null },
    ): Promise<{ right: boolean; left: number } | null> => {
      const code = codeDigest(given.userId, given.code ?? '');
      const [row] = await sql.run<{ right: boolean; code_attempts: number }>(useBoundStatement, [
        tokenDigest(given.token),
        purpose,
        given.binding,
        code,
        needs.clock.now(),
      ]);
      return row ? { right: row.right, left: Math.max(0, codeAttempts - row.code_attempts) } : null;
    },
    /** Spends one of the 3 attempts on the newest code of the user; null where it was wrong, expired, used or out of attempts. */
    useCode: async (sql: Sql, purpose: OneTimePurpose, userId: string, code: string): Promise<UsedToken | null> => {
      const [row] = await sql.run<{ right: boolean; user_id: string; data: Record<string, unknown> }>(useCodeStatement, [
        userId,
        purpose,
        codeDigest(userId, code),
        needs.clock.now(),
      ]);
      return row?.right ? { userId: row.user_id, data: row.data } : null;
    },
    /** Ends every open token of that purpose. */
    endAll: async (sql: Sql, purpose: OneTimePurpose, userId: string): Promise<void> => {
      await sql.run(endAllStatement, [userId, purpose, needs.clock.now()]);
    },
  };
};

const sweep = statement('DELETE FROM one_time_tokens WHERE expires_at < $1');
/** Removes tokens that were over a week ago. */
export const sweepOneTimeTokens = async (sql: Sql, now: Date): Promise<void> => {
  await sql.run(sweep, [new Date(now.getTime() - 7 * 86_400_000)]);
};
