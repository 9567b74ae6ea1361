/** Pages of sessions by hand-written SQL, a walk along (user_id, id): the admin's and the owner's most read list. The salt is no column here. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import type { Prisma } from '../../infra/postgres/prisma.ts';

type SessionRow = Prisma.SessionGetPayload<object>;

const columns = `id, user_id AS "userId", org_id AS "orgId", client_id AS "clientId", created_at AS "createdAt", last_seen_at AS "lastSeenAt",
  expires_at AS "expiresAt", idle_seconds AS "idleSeconds", revoked_at AS "revokedAt", revoked_reason AS "revokedReason", persistent, amr,
  authenticated_at AS "authenticatedAt", ip_address AS "ipAddress", user_agent AS "userAgent", browser, os, country, device_name AS "deviceName",
  device_fingerprint AS "deviceFingerprint"`;
const living = '($2::timestamptz IS NULL OR (revoked_at IS NULL AND expires_at > $2))';
const newestFirst = statement(`SELECT ${columns} FROM sessions WHERE user_id = $1 AND ${living} AND ($3::uuid IS NULL OR id < $3)
  ORDER BY id DESC LIMIT $4`);
const oldestFirst = statement(`SELECT ${columns} FROM sessions WHERE user_id = $1 AND ${living} AND ($3::uuid IS NULL OR id > $3)
  ORDER BY id LIMIT $4`);

/** `take` sessions of the user from the newest on, beyond the one with the id `beyond`; a negative `take` reads from the oldest. Newest first either way. */
export const readSessions = async (
  sql: Sql,
  { userId, livingAt, beyond, take }: { userId: string; livingAt: Date | null; beyond: string | null; take: number },
): Promise<SessionRow[]> => {
  const rows = await sql.run<SessionRow>(take < 0 ? oldestFirst : newestFirst, [userId, livingAt, beyond, Math.abs(take)]);
  return take < 0 ? rows.reverse() : rows;
};

const count = statement(`SELECT count(*)::int AS n FROM sessions WHERE user_id = $1 AND ${living}`);
export const countRows = async (sql: Sql, userId: string, livingAt: Date | null): Promise<number> =>
  (await sql.run<{ n: number }>(count, [userId, livingAt]))[0]?.n ?? 0;
