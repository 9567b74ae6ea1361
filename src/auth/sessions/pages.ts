/** Pages of sessions by hand-written SQL, a walk along (user_id, id): the admin's and the owner's most read list. The salt is no column here. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import type { Prisma } from '../../infra/postgres/prisma.ts';
import type { Device } from './device.ts';

export type SessionRow = Prisma.SessionGetPayload<object>;

/** By the names the graph reads them by. */
const columns = {
  id: 'id',
  userId: 'user_id',
  orgId: 'org_id',
  clientId: 'client_id',
  createdAt: 'created_at',
  lastSeenAt: 'last_seen_at',
  expiresAt: 'expires_at',
  idleSeconds: 'idle_seconds',
  revokedAt: 'revoked_at',
  revokedReason: 'revoked_reason',
  persistent: 'persistent',
  amr: 'amr',
  authenticatedAt: 'authenticated_at',
  ipAddress: 'ip_address',
  userAgent: 'user_agent',
  browser: 'browser',
  os: 'os',
  country: 'country',
  deviceName: 'device_name',
  deviceFingerprint: 'device_fingerprint',
  trustedDeviceId: 'trusted_device_id',
  impersonatorId: 'impersonator_id',
} as const;
type Column = keyof typeof columns;
const living = '($2::timestamptz IS NULL OR (revoked_at IS NULL AND expires_at > $2))';

const statementsOf = (wanted: readonly Column[]) => {
  const list = wanted.map((name) => `${columns[name]} AS "${name}"`).join(', ');
  const page = (beyond: string, order: string) =>
    statement(
      `SELECT ${list} FROM sessions WHERE user_id = $1 AND ${living} AND ($3::uuid IS NULL OR id ${beyond} $3) ORDER BY id ${order} LIMIT $4`,
    );
  return { newestFirst: page('<', 'DESC'), oldestFirst: page('>', 'ASC'), one: statement(`SELECT ${list} FROM sessions WHERE id = $1`) };
};
type Statements = ReturnType<typeof statementsOf>;
const all = statementsOf(Object.keys(columns) as Column[]);

/** Each set of columns has statements of its own, prepared once a connection; clients ask for few. Beyond these all columns are read. */
const mostSets = 50;
const known = new Map<string, Statements>();
/** `select` by the columns' names, as Prisma takes it; what it leaves out is not read. */
export type Selected = { readonly [name: string]: unknown };
const fitting = (select: Selected): Statements => {
  const wanted = (Object.keys(columns) as Column[]).filter((name) => select[name]);
  const key = wanted.join();
  const found = known.get(key);
  if (found || wanted.length === 0 || known.size >= mostSets) return found ?? all;
  const made = statementsOf(wanted);
  known.set(key, made);
  return made;
};

/** `take` sessions of the user from the newest on, beyond the one with the id `beyond`; a negative `take` reads from the oldest. Newest first either way. */
export const readSessions = async (
  sql: Sql,
  {
    userId,
    livingAt,
    beyond,
    take,
    select,
  }: { userId: string; livingAt: Date | null; beyond: string | null; take: number; select: Selected },
): Promise<SessionRow[]> => {
  const { oldestFirst, newestFirst } = fitting(select);
  const rows = await sql.run<SessionRow>(take < 0 ? oldestFirst : newestFirst, [userId, livingAt, beyond, Math.abs(take)]);
  return take < 0 ? rows.reverse() : rows;
};

export const readSession = async (sql: Sql, id: string, select: Selected): Promise<SessionRow | null> =>
  (await sql.run<SessionRow>(fitting(select).one, [id]))[0] ?? null;

const since =
  statement(`SELECT id, created_at AS "createdAt", device_fingerprint AS fingerprint, device_name AS name, browser, os, country FROM sessions
  WHERE user_id = $1 AND id >= $2 ORDER BY id`);
/** A session of the user and those made after it, living or ended, with what their devices said of themselves. */
export const sessionsSince = (sql: Sql, userId: string, id: string): Promise<(Device & { id: string; createdAt: Date })[]> =>
  sql.run<Device & { id: string; createdAt: Date }>(since, [userId, id]);

const count = statement(`SELECT count(*)::int AS n FROM sessions WHERE user_id = $1 AND ${living}`);
export const countRows = async (sql: Sql, userId: string, livingAt: Date | null): Promise<number> =>
  (await sql.run<{ n: number }>(count, [userId, livingAt]))[0]?.n ?? 0;
