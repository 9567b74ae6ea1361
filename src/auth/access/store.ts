/** The SQL of permissions: what users hold by roles and by grants, who is the last superadmin. Roles themselves are in ./role-store.ts. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import { type Compiled, compile, type Grant, type Held, type SessionPolicy } from './model.ts';

// One question, one answer. Inherited roles count where the heir was given; UNION leaves out what was met before, so that even a cycle would end.
const compiledOf = statement(`
  WITH RECURSIVE person AS (SELECT id FROM users WHERE id = $1 AND status = 'ACTIVE'),
  held AS (
    SELECT a.role_id, a.org_id FROM role_assignments a JOIN person p ON p.id = a.user_id
    UNION SELECT m.role_id, m.org_id FROM org_members m JOIN person p ON p.id = m.user_id
    UNION SELECT i.inherits_id, h.org_id FROM held h JOIN role_inherits i ON i.role_id = h.role_id
  )
  SELECT EXISTS (SELECT 1 FROM person) AS active,
    coalesce((SELECT jsonb_agg(jsonb_build_object('permission', rp.permission, 'orgId', h.org_id, 'role', r.name) ORDER BY r.built_in DESC, r.name)
      FROM held h JOIN roles r ON r.id = h.role_id JOIN role_permissions rp ON rp.role_id = h.role_id), '[]') AS held,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', g.id, 'permission', g.permission, 'orgId', g.org_id, 'resource', g.resource, 'expiresAt', g.expires_at))
      FROM permission_grants g JOIN person p ON p.id = g.user_id WHERE g.expires_at IS NULL OR g.expires_at > $2), '[]') AS grants,
    (SELECT jsonb_build_object('requireMfa', coalesce(bool_or(o.require_mfa), false), 'maxSessions', min(o.max_sessions_per_user),
        'idleSeconds', min(o.session_idle_seconds))
      FROM org_members m JOIN person p ON p.id = m.user_id JOIN organizations o ON o.id = m.org_id) AS policy`);
type Loaded = { active: boolean; policy: SessionPolicy; held: Held[]; grants: (Omit<Grant, 'expiresAt'> & { expiresAt: string | null })[] };
/** What an active user has by roles and by grants; nothing for any other. */
export const loadCompiled = async (sql: Sql, userId: string, now: Date): Promise<Compiled> => {
  const [row] = await sql.run<Loaded>(compiledOf, [userId, now]);
  const { active, held, grants, policy } = row as Loaded;
  return compile(
    { active, policy },
    held,
    grants.map((grant) => ({ ...grant, expiresAt: grant.expiresAt === null ? null : new Date(grant.expiresAt) })),
  );
};

const name = statement('SELECT 1 FROM permissions WHERE name = $1');
export const isPermission = async (sql: Sql, permission: string): Promise<boolean> => (await sql.run(name, [permission])).length > 0;

export type GrantRow = Grant & { userId: string; grantedBy: string | null; grantedAt: Date; reason: string | null };
const insert =
  statement(`INSERT INTO permission_grants (id, user_id, permission, org_id, resource, granted_by, granted_at, expires_at, reason)
  SELECT $1, u.id, $3, $4, $5, $6, $7, $8, $9 FROM users u WHERE u.id = $2 AND u.status = 'ACTIVE' RETURNING id`);
/** Whether there is such an active user. */
export const insertGrant = async (sql: Sql, grant: GrantRow): Promise<boolean> => {
  const { id, userId, permission, orgId, resource, grantedBy, grantedAt, expiresAt, reason } = grant;
  return (await sql.run(insert, [id, userId, permission, orgId, resource, grantedBy, grantedAt, expiresAt, reason])).length > 0;
};

const remove = statement(`DELETE FROM permission_grants WHERE id = $1 RETURNING user_id AS "userId", permission, org_id AS "orgId"`);
const placeOf = statement('SELECT org_id AS "orgId", permission FROM permission_grants WHERE id = $1');
/** What a grant gives, and where (null: on the platform); undefined where there is none. */
export const findGrant = async (sql: Sql, id: string): Promise<{ orgId: string | null; permission: string } | undefined> =>
  (await sql.run<{ orgId: string | null; permission: string }>(placeOf, [id]))[0];
const givenThere = statement('SELECT count(*)::int AS n FROM permission_grants WHERE user_id = $1 AND org_id IS NOT DISTINCT FROM $2');
export const countGrants = async (sql: Sql, userId: string, orgId: string | null): Promise<number> =>
  (await sql.run<{ n: number }>(givenThere, [userId, orgId]))[0]?.n ?? 0;
/** Of parallel revocations one gets the row. */
export const removeGrant = async (
  sql: Sql,
  id: string,
): Promise<{ userId: string; permission: string; orgId: string | null } | undefined> =>
  (await sql.run<{ userId: string; permission: string; orgId: string | null }>(remove, [id]))[0];

const sweep = statement('DELETE FROM permission_grants WHERE expires_at < $1');
/** Removes what no longer counts; the facts stay. */
export const sweepGrants = async (sql: Sql, before: Date): Promise<void> => {
  await sql.run(sweep, [before]);
};

const sessionOwner = statement('SELECT user_id FROM sessions WHERE id = $1');
export const findSessionOwner = async (sql: Sql, id: string): Promise<string | null> =>
  (await sql.run<{ user_id: string }>(sessionOwner, [id]))[0]?.user_id ?? null;

const member = statement('SELECT 1 FROM org_members WHERE org_id = $1 AND user_id = $2');
/** Also of a user who is deactivated, and so has nothing there. */
export const isMember = async (sql: Sql, orgId: string, userId: string): Promise<boolean> =>
  (await sql.run(member, [orgId, userId])).length > 0;

// One statement under one lock: of users that verify at once, only the first finds no superadmin.
const lock = statement(`SELECT pg_advisory_xact_lock(hashtext('superadmin'))`);
const assign = statement(`INSERT INTO role_assignments (id, user_id, role_id, granted_at)
  SELECT $1, $2, r.id, $3 FROM roles r WHERE r.name = 'superadmin' AND r.org_id IS NULL
    AND NOT EXISTS (SELECT 1 FROM role_assignments a JOIN users u ON u.id = a.user_id WHERE a.role_id = r.id AND u.status <> 'DELETED')
  RETURNING id`);
/** Held to the end of the transaction: whoever makes the first superadmin does so alone. */
export const lockSuperadmin = async (sql: Sql): Promise<void> => {
  await sql.run(lock);
};
/** Makes the user superadmin unless there is one; whether it did. In a transaction. */
export const assignFirstSuperadmin = async (sql: Sql, id: string, userId: string, at: Date): Promise<boolean> => {
  await lockSuperadmin(sql);
  return (await sql.run(assign, [id, userId, at])).length > 0;
};

const anySuperadmin = statement(`SELECT 1 FROM role_assignments a JOIN roles r ON r.id = a.role_id JOIN users u ON u.id = a.user_id
  WHERE r.name = 'superadmin' AND r.org_id IS NULL AND u.status <> 'DELETED' LIMIT 1`);
export const hasSuperadmin = async (sql: Sql): Promise<boolean> => (await sql.run(anySuperadmin)).length > 0;

const others =
  statement(`SELECT holder AND NOT EXISTS (SELECT 1 FROM role_assignments a JOIN roles r ON r.id = a.role_id JOIN users u ON u.id = a.user_id
    WHERE r.name = 'superadmin' AND r.org_id IS NULL AND a.org_id IS NULL AND u.status = 'ACTIVE' AND u.id <> $1) AS last
  FROM (SELECT EXISTS (SELECT 1 FROM role_assignments a JOIN roles r ON r.id = a.role_id
    WHERE a.user_id = $1 AND a.org_id IS NULL AND r.name = 'superadmin' AND r.org_id IS NULL) AS holder) AS given`);
/**
 * Whether without this user no active superadmin would be left. In a transaction that holds the user's row: whoever takes one away waits
 * for the others here, so that the last two cannot take each other away. Rows are locked before, and none after, so that nobody deadlocks.
 */
export const isLastSuperadmin = async (sql: Sql, userId: string): Promise<boolean> => {
  await lockSuperadmin(sql);
  return (await sql.run<{ last: boolean }>(others, [userId]))[0]?.last ?? false;
};

const held = statement(`WITH RECURSIVE h AS (
    SELECT role_id FROM role_assignments WHERE user_id = $1 AND org_id IS NULL
    UNION SELECT i.inherits_id FROM h JOIN role_inherits i ON i.role_id = h.role_id)
  SELECT rp.permission FROM h JOIN role_permissions rp ON rp.role_id = h.role_id
  UNION SELECT permission FROM permission_grants WHERE user_id = $1 AND org_id IS NULL AND (expires_at IS NULL OR expires_at > now())`);
/** What a user would hold on the platform, whatever its status. */
export const heldPermissions = async (sql: Sql, userId: string): Promise<string[]> =>
  (await sql.run<{ permission: string }>(held, [userId])).map((row) => row.permission);

const named = statement('SELECT name, description FROM permissions ORDER BY name');
export const listPermissions = (sql: Sql): Promise<{ name: string; description: string }[]> => sql.run(named);
