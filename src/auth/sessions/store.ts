/** The sessions' SQL; each statement is safe against any number of parallel others. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import type { FactRow, RevokedReason } from '../audit/model.ts';
import type { RefreshTokenParts } from '../tokens/refresh-token.ts';
import type { Granted, SessionState } from './model.ts';

const granted =
  's.id AS session_id, s.user_id, s.org_id, s.client_id, s.amr, s.authenticated_at, s.expires_at, s.generation, s.salt, s.trusted_device_id, s.impersonator_id';
const state = `${granted}, s.persistent, s.last_seen_at, s.idle_seconds, s.revoked_at, s.revoked_reason, s.seen_generation, s.rotated_at`;

/** A new session as one JSON parameter, to be a CTE of a sign-in's statement: its row is written once for each row of `person` (`user_id`). */
export const insertSession = (parameter: string, person: string): string => `
  INSERT INTO sessions (id, user_id, org_id, client_id, created_at, last_seen_at, expires_at, idle_seconds, persistent, amr, authenticated_at,
    ip_address, user_agent, browser, os, country, device_name, device_fingerprint, rotated_at, salt, trusted_device_id, impersonator_id)
  SELECT n.id, p.user_id, n.org_id, n.client_id, n.at, n.at, n.expires_at, n.idle_seconds, n.persistent, n.amr, coalesce(n.authenticated_at, n.at),
    n.ip_address, n.user_agent, n.browser, n.os, n.country, n.device_name, n.device_fingerprint, n.at, decode(n.salt, 'hex'), n.trusted_device_id, n.impersonator_id
  FROM jsonb_to_record(${parameter}::jsonb) AS n(id uuid, org_id uuid, client_id text, at timestamptz, authenticated_at timestamptz, expires_at timestamptz, idle_seconds int,
    persistent boolean, amr text[], ip_address text, user_agent text, browser text, os text, country text, device_name text,
    device_fingerprint text, salt text, trusted_device_id uuid, impersonator_id uuid) CROSS JOIN ${person} AS p
  RETURNING id AS session_id, user_id`;

// The row of whoever acts is held too: a deactivation that comes first is seen, one that comes after finds the session and ends it.
const impersonate = statement(`
  WITH person AS (
    SELECT $2::uuid AS user_id FROM users WHERE id = $3 AND status = 'ACTIVE' FOR SHARE
  ), opened AS (${insertSession('$1', 'person')}) SELECT session_id FROM opened`);
/** Opens a session of `userId` in which the administrator acts; whether the administrator still is active. */
export const openSession = async (sql: Sql, session: string, userId: string, adminId: string): Promise<boolean> =>
  (await sql.run(impersonate, [session, userId, adminId])).length > 0;

// The whole of a refresh: the token is genuine, current, its session alive and its user active, or nothing moves and no fact is written.
const rotate = statement(`
  WITH moved AS (
    UPDATE sessions s SET generation = s.generation + 1, rotated_at = $4, last_seen_at = $4
    FROM users u
    WHERE s.id = $1 AND s.generation = $2 AND sha256($3::bytea || s.salt) = $5 AND s.revoked_at IS NULL AND s.expires_at > $4
      AND s.last_seen_at + s.idle_seconds * interval '1 second' > $4 AND u.id = s.user_id AND u.status = 'ACTIVE'
    RETURNING ${granted}
  ), fact AS (
    INSERT INTO audit_events (id, type, occurred_at, outcome, actor_id, impersonator_id, subject_id, org_id, session_id, ip_address, user_agent, request_id, data)
    SELECT $6, 'session.refreshed', $4, 'SUCCESS', user_id, impersonator_id, user_id, org_id, session_id, $7, $8, $9, jsonb_build_object('generation', generation)
    FROM moved)
  SELECT * FROM moved`);
/** A refresh: what its token says, and of the fact's row what only the caller knows. */
export type Rotation = {
  token: RefreshTokenParts;
  fact: Pick<FactRow, 'id' | 'occurred_at' | 'ip_address' | 'user_agent' | 'request_id'>;
};
export const rotateSession = async (sql: Sql, { token, fact }: Rotation): Promise<Granted | undefined> => {
  const { sessionId, generation, inner, mac } = token;
  const { id, occurred_at: at, ip_address: ip, user_agent: agent, request_id: requestId } = fact;
  return (await sql.run<Granted>(rotate, [sessionId, generation, inner, at, mac, id, ip, agent, requestId]))[0];
};

// The same for many at once, of which each moves or does not by itself. Rows are locked in the order of their ids, so that two replicas cannot
// deadlock; a lock that waited looks at the conditions again.
const rotateMany = statement(`
  WITH v AS (
    SELECT * FROM unnest($1::uuid[], $2::int[], $3::bytea[], $4::bytea[], $5::uuid[], $6::timestamptz[], $7::text[], $8::text[], $9::text[])
      AS v(id, generation, inner_mac, mac, fact_id, at, ip, agent, request_id)
  ), living AS (
    SELECT v.* FROM v JOIN sessions s ON s.id = v.id JOIN users u ON u.id = s.user_id
    WHERE s.generation = v.generation AND sha256(v.inner_mac || s.salt) = v.mac AND s.revoked_at IS NULL AND s.expires_at > v.at
      AND s.last_seen_at + s.idle_seconds * interval '1 second' > v.at AND u.status = 'ACTIVE'
    ORDER BY s.id FOR NO KEY UPDATE OF s
  ), moved AS (
    UPDATE sessions s SET generation = s.generation + 1, rotated_at = l.at, last_seen_at = l.at FROM living l WHERE s.id = l.id
    RETURNING ${granted}, l.fact_id, l.at, l.ip, l.agent, l.request_id
  ), fact AS (
    INSERT INTO audit_events (id, type, occurred_at, outcome, actor_id, impersonator_id, subject_id, org_id, session_id, ip_address, user_agent, request_id, data)
    SELECT fact_id, 'session.refreshed', at, 'SUCCESS', user_id, impersonator_id, user_id, org_id, session_id, ip, agent, request_id,
      jsonb_build_object('generation', generation)
    FROM moved)
  SELECT session_id, user_id, org_id, client_id, amr, authenticated_at, expires_at, generation, salt, trusted_device_id, impersonator_id FROM moved`);
/** Those of the rotations' sessions that moved. No two may be of one session. */
export const rotateSessions = (sql: Sql, rotations: readonly Rotation[]): Promise<Granted[]> => {
  const column = <V>(value: (rotation: Rotation) => V): V[] => rotations.map(value);
  return sql.run<Granted>(rotateMany, [
    column(({ token }) => token.sessionId),
    column(({ token }) => token.generation),
    column(({ token }) => token.inner),
    column(({ token }) => token.mac),
    column(({ fact }) => fact.id),
    column(({ fact }) => fact.occurred_at),
    column(({ fact }) => fact.ip_address),
    column(({ fact }) => fact.user_agent),
    column(({ fact }) => fact.request_id),
  ]);
};

const find = statement(
  `SELECT ${state}, u.status, u.email, u.locale, s.browser, s.os FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1`,
);
export type SessionAndUser = SessionState & {
  status: 'PENDING_VERIFICATION' | 'ACTIVE' | 'DEACTIVATED' | 'DELETED';
  email: string | null;
  locale: string | null;
  browser: string | null;
  os: string | null;
};
export const findSession = async (sql: Sql, sessionId: string): Promise<SessionAndUser | undefined> =>
  (await sql.run<SessionAndUser>(find, [sessionId]))[0];

const raise = statement(
  `UPDATE sessions SET authenticated_at = $2, amr = $3 WHERE id = $1 AND revoked_at IS NULL AND expires_at > $2 RETURNING id`,
);
/** A living session's user was authenticated anew, by `amr`; whether it lives. */
export const raiseSession = async (sql: Sql, sessionId: string, at: Date, amr: readonly string[]): Promise<boolean> =>
  (await sql.run(raise, [sessionId, at, amr])).length > 0;

// The member's row is held: a removal that comes first is seen, one that comes after finds the session.
const move = statement(`WITH there AS (SELECT m.user_id FROM org_members m JOIN sessions s ON s.user_id = m.user_id
    WHERE s.id = $1 AND m.org_id = $2 FOR KEY SHARE OF m)
  UPDATE sessions s SET org_id = $2 FROM there t WHERE s.id = $1 AND s.user_id = t.user_id AND s.revoked_at IS NULL RETURNING ${granted}`);
/** The session speaks for another organization from now on; undefined where it does not live, or its user is no member. */
export const setOrganization = async (sql: Sql, sessionId: string, orgId: string): Promise<Granted | undefined> =>
  (await sql.run<Granted>(move, [sessionId, orgId]))[0];

export type EndedSession = { session_id: string; user_id: string; browser: string | null; os: string | null };

// In the order of their ids, here and below: two administrators who act as each other, and are thrown out at once, do not deadlock.
const revokeOne =
  statement(`WITH it AS (SELECT user_id FROM sessions WHERE id = $1 AND revoked_at IS NULL AND expires_at > $2 AND ($4::uuid IS NULL OR user_id = $4)),
  due AS (SELECT s.id FROM sessions s JOIN it ON s.id = $1 OR s.impersonator_id = it.user_id WHERE s.revoked_at IS NULL AND s.expires_at > $2
    ORDER BY s.id FOR NO KEY UPDATE OF s)
  UPDATE sessions s SET revoked_at = $2, revoked_reason = CASE WHEN s.id = $1 THEN $3 ELSE 'impersonator_gone' END
  FROM due WHERE s.id = due.id RETURNING s.id AS session_id, s.user_id, s.browser, s.os`);
/** Ends one living session (of `userId`, where given), and with it every one in which its user acts as somebody else: what it ended. */
export const endSession = (sql: Sql, sessionId: string, at: Date, reason: RevokedReason, userId: string | null): Promise<EndedSession[]> =>
  sql.run<EndedSession>(revokeOne, [sessionId, at, reason, userId]);

const revokeAll =
  statement(`WITH due AS (SELECT id FROM sessions WHERE (user_id = $1 OR impersonator_id = $1) AND revoked_at IS NULL AND expires_at > $2
    AND id IS DISTINCT FROM $4::uuid ORDER BY id FOR NO KEY UPDATE)
  UPDATE sessions s SET revoked_at = $2, revoked_reason = CASE WHEN s.user_id = $1 THEN $3 ELSE 'impersonator_gone' END
  FROM due WHERE s.id = due.id RETURNING s.id AS session_id, s.user_id, s.browser, s.os`);
/** Ends every living session of the user but `exceptId`, and every one in which the user acts as somebody else. */
export const endSessions = (sql: Sql, userId: string, at: Date, reason: RevokedReason, exceptId: string | null): Promise<EndedSession[]> =>
  sql.run<EndedSession>(revokeAll, [userId, at, reason, exceptId]);

const revokeActing = statement(`UPDATE sessions SET revoked_at = $2, revoked_reason = $3 WHERE impersonator_id = $1 AND revoked_at IS NULL
  AND expires_at > $2 RETURNING id AS session_id, user_id, browser, os`);
/** Ends every living session in which the administrator acts as somebody else. */
export const endImpersonations = (sql: Sql, impersonatorId: string, at: Date, reason: RevokedReason): Promise<EndedSession[]> =>
  sql.run<EndedSession>(revokeActing, [impersonatorId, at, reason]);

const lockUser = statement('SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE');
const evict = statement(`UPDATE sessions SET revoked_at = $2, revoked_reason = 'session_limit' WHERE id IN (
    SELECT id FROM sessions WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2
      AND impersonator_id IS NULL AND last_seen_at + idle_seconds * interval '1 second' > $2 ORDER BY id = $4 DESC, id DESC OFFSET $3)
  AND revoked_at IS NULL RETURNING id AS session_id, user_id, browser, os`);
/**
 * Ends the oldest sessions beyond `limit`, never `newId`, which by the clock of another replica may look old. Sign-ins of one user wait
 * for each other here, so that parallel ones do not each see room.
 */
export const endOldest = async (sql: Sql, userId: string, at: Date, limit: number, newId: string): Promise<EndedSession[]> => {
  await sql.run(lockUser, [userId]);
  return sql.run<EndedSession>(evict, [userId, at, limit, newId]);
};

const expired = statement(`UPDATE sessions SET revoked_at = $1, revoked_reason = CASE WHEN expires_at <= $1 THEN 'expired' ELSE 'idle' END
  WHERE id IN (SELECT id FROM sessions WHERE revoked_at IS NULL
    AND (expires_at <= $1 OR last_seen_at + idle_seconds * interval '1 second' <= $1) ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED)
  RETURNING id AS session_id, user_id, impersonator_id, revoked_reason AS reason`);
/** Marks up to 500 sessions that time has ended. */
export const endExpired = (
  sql: Sql,
  at: Date,
): Promise<{ session_id: string; user_id: string; impersonator_id: string | null; reason: 'expired' | 'idle' }[]> => sql.run(expired, [at]);

const sweep = statement(
  'DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE revoked_at < $1 ORDER BY revoked_at LIMIT 1000) RETURNING id',
);
/** Removes up to 1000 sessions that ended before `before`; how many it removed. */
export const removeEnded = async (sql: Sql, before: Date): Promise<number> => (await sql.run(sweep, [before])).length;

// Rows are locked in the order of their ids, so that two replicas writing the same sessions cannot deadlock.
const seen = statement(`
  WITH v AS (SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::int[]) AS v(id, at, generation)),
    locked AS (SELECT s.id FROM sessions s JOIN v ON v.id = s.id WHERE s.revoked_at IS NULL ORDER BY s.id FOR NO KEY UPDATE OF s)
  UPDATE sessions s SET last_seen_at = greatest(s.last_seen_at, v.at), seen_generation = greatest(s.seen_generation, v.generation)
  FROM v JOIN locked ON locked.id = v.id WHERE s.id = v.id`);
export const writeSeen = async (sql: Sql, marks: readonly { sessionId: string; at: Date; generation: number }[]): Promise<void> => {
  await sql.run(seen, [marks.map((m) => m.sessionId), marks.map((m) => m.at), marks.map((m) => m.generation)]);
};

const ended = statement(`SELECT id FROM sessions WHERE revoked_at > $1`);
/** Ids of sessions that were ended after `since`: no access token older than that is alive. */
export const endedSince = async (sql: Sql, since: Date): Promise<string[]> =>
  (await sql.run<{ id: string }>(ended, [since])).map((row) => row.id);

const over = statement('SELECT id FROM sessions WHERE id = ANY($1::uuid[]) AND expires_at <= $2');
/** Which of `ids` have reached their absolute end. */
export const reachedEnd = async (sql: Sql, ids: readonly string[], at: Date): Promise<string[]> =>
  (await sql.run<{ id: string }>(over, [ids, at])).map((row) => row.id);
