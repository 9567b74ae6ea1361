/** The SQL of roles: which there are, what each gives, and who holds one. Whatever changes them holds their lock. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';

/** `orgId`: the organization that made it; null for the platform's and the built-in ones. `permissions` are its own; what it inherits comes on top. */
export type RoleRow = {
  id: string;
  orgId: string | null;
  name: string;
  description: string | null;
  builtIn: boolean;
  permissions: string[];
  inheritIds: string[];
};
const columns = `r.id, r.org_id AS "orgId", r.name, r.description, r.built_in AS "builtIn",
  ARRAY(SELECT rp.permission FROM role_permissions rp WHERE rp.role_id = r.id ORDER BY 1) AS permissions,
  ARRAY(SELECT i.inherits_id FROM role_inherits i WHERE i.role_id = r.id ORDER BY 1) AS "inheritIds"`;
// Those that can be held there: an organization's own and the built-in ones, or the platform's.
const of = `CASE WHEN $1::uuid IS NULL THEN r.org_id IS NULL AND r.kind = 'platform' ELSE r.kind = 'organization' AND (r.org_id = $1 OR r.org_id IS NULL) END`;

const all = statement(`SELECT ${columns} FROM roles r WHERE ${of} ORDER BY r.built_in DESC, r.name`);
/** Null: the platform's. */
export const listRoles = (sql: Sql, orgId: string | null): Promise<RoleRow[]> => sql.run<RoleRow>(all, [orgId]);
const named = statement(`SELECT ${columns} FROM roles r WHERE ${of} AND r.name = ANY($2::text[])`);
export const findRoles = (sql: Sql, orgId: string | null, names: readonly string[]): Promise<RoleRow[]> =>
  sql.run<RoleRow>(named, [orgId, names]);
export const findRole = async (sql: Sql, orgId: string | null, name: string): Promise<RoleRow | undefined> =>
  (await findRoles(sql, orgId, [name]))[0];
const byIds = statement(`SELECT ${columns} FROM roles r WHERE r.id = ANY($1::uuid[])`);
export const findRolesById = (sql: Sql, ids: readonly string[]): Promise<RoleRow[]> => sql.run<RoleRow>(byIds, [ids]);

// UNION leaves out what was met before, so that even a cycle would end.
const closure =
  'WITH RECURSIVE h AS (SELECT unnest($1::uuid[]) AS id UNION SELECT i.inherits_id FROM h JOIN role_inherits i ON i.role_id = h.id)';
const given = statement(`${closure} SELECT DISTINCT rp.permission FROM h JOIN role_permissions rp ON rp.role_id = h.id ORDER BY 1`);
/** What the roles give, inherited ones too. */
export const permissionsOfRoles = async (sql: Sql, ids: readonly string[]): Promise<string[]> =>
  (await sql.run<{ permission: string }>(given, [ids])).map((row) => row.permission);
const reaches = statement(`${closure} SELECT 1 FROM h WHERE id = $2`);
/** Whether one of the roles is, or inherits from, `id`. */
export const inheritFrom = async (sql: Sql, ids: readonly string[], id: string): Promise<boolean> =>
  (await sql.run(reaches, [ids, id])).length > 0;

const lockPlatform = statement(`SELECT pg_advisory_xact_lock(hashtext('platform roles'))`);
const lockThere = statement('SELECT id FROM organizations WHERE id = $1 FOR NO KEY UPDATE');
/**
 * Held to the end of the transaction: roles of one organization (null: the platform) change one after the other, so that no two make a cycle,
 * and none goes that somebody is being given. In an organization it is the lock that whoever changes members takes.
 */
export const lockRoles = async (sql: Sql, orgId: string | null): Promise<void> => {
  await (orgId === null ? sql.run(lockPlatform) : sql.run(lockThere, [orgId]));
};
const known = statement('SELECT name FROM permissions WHERE name = ANY($1::text[])');
export const countKnown = async (sql: Sql, permissions: readonly string[]): Promise<number> => (await sql.run(known, [permissions])).length;
const own = statement('SELECT count(*)::int AS n FROM roles WHERE NOT built_in AND org_id IS NOT DISTINCT FROM $1');
export const countOwn = async (sql: Sql, orgId: string | null): Promise<number> => (await sql.run<{ n: number }>(own, [orgId]))[0]?.n ?? 0;

const insert = statement(`INSERT INTO roles (id, org_id, kind, name, description, built_in)
  SELECT $1, $2, CASE WHEN $2::uuid IS NULL THEN 'platform' ELSE 'organization' END, $3, $4, false
  WHERE NOT EXISTS (SELECT 1 FROM roles b WHERE b.built_in AND b.name = $3) ON CONFLICT DO NOTHING RETURNING id`);
/** Whether the name was free there; the built-in roles' names are theirs everywhere. */
export const insertRole = async (sql: Sql, role: Pick<RoleRow, 'id' | 'orgId' | 'name' | 'description'>): Promise<boolean> =>
  (await sql.run(insert, [role.id, role.orgId, role.name, role.description])).length > 0;
const describe = statement('UPDATE roles SET description = $2 WHERE id = $1');
export const setDescription = async (sql: Sql, id: string, description: string | null): Promise<void> => {
  await sql.run(describe, [id, description]);
};
const dropPermissions = statement('DELETE FROM role_permissions WHERE role_id = $1');
const putPermissions = statement('INSERT INTO role_permissions (role_id, permission) SELECT $1, unnest($2::text[])');
export const setPermissions = async (sql: Sql, id: string, permissions: readonly string[]): Promise<void> => {
  await sql.run(dropPermissions, [id]);
  await sql.run(putPermissions, [id, permissions]);
};
const dropInherits = statement('DELETE FROM role_inherits WHERE role_id = $1');
const putInherits = statement('INSERT INTO role_inherits (role_id, inherits_id) SELECT $1, unnest($2::uuid[])');
export const setInherits = async (sql: Sql, id: string, inherits: readonly string[]): Promise<void> => {
  await sql.run(dropInherits, [id]);
  await sql.run(putInherits, [id, inherits]);
};

// An invitation that is over refers to its role no more than for the record; it goes with it.
const remove = statement(`DELETE FROM roles r WHERE r.id = $1
  AND NOT EXISTS (SELECT 1 FROM org_members m WHERE m.role_id = r.id) AND NOT EXISTS (SELECT 1 FROM role_assignments a WHERE a.role_id = r.id)
  AND NOT EXISTS (SELECT 1 FROM role_inherits i WHERE i.inherits_id = r.id)
  AND NOT EXISTS (SELECT 1 FROM invitations i WHERE i.role_id = r.id AND i.ended_at IS NULL AND i.expires_at > $2) RETURNING r.id`);
/** Under their lock. Whether it is gone: a role that somebody holds, is invited to or inherits stays. */
export const deleteUnusedRole = async (sql: Sql, id: string, now: Date): Promise<boolean> => (await sql.run(remove, [id, now])).length > 0;

export type AssignmentRow = { userId: string; orgId: string | null; grantedAt: Date; roleId: string };
const assignmentsOf = statement(`SELECT user_id AS "userId", org_id AS "orgId", granted_at AS "grantedAt", role_id AS "roleId"
    FROM role_assignments WHERE user_id = ANY($1::uuid[])
  UNION ALL SELECT user_id, org_id, joined_at, role_id FROM org_members WHERE user_id = ANY($1::uuid[])
  ORDER BY "orgId" NULLS FIRST, "grantedAt", "roleId"`);
/** Every role of each of the users: the platform's, then those in organizations, by membership and by assignment. */
export const findAssignments = (sql: Sql, userIds: readonly string[]): Promise<AssignmentRow[]> =>
  sql.run<AssignmentRow>(assignmentsOf, [userIds]);

const give = statement(
  'INSERT INTO role_assignments (id, user_id, role_id, org_id, granted_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id',
);
/** Whether the user did not have the role there before. */
export const insertAssignment = async (
  sql: Sql,
  input: { id: string; userId: string; roleId: string; orgId: string | null; at: Date },
): Promise<boolean> => (await sql.run(give, [input.id, input.userId, input.roleId, input.orgId, input.at])).length > 0;
const take = statement(
  'DELETE FROM role_assignments WHERE user_id = $1 AND role_id = $2 AND org_id IS NOT DISTINCT FROM $3::uuid RETURNING id',
);
/** Whether the user had the role there. */
export const deleteAssignment = async (sql: Sql, userId: string, roleId: string, orgId: string | null): Promise<boolean> =>
  (await sql.run(take, [userId, roleId, orgId])).length > 0;

const member = statement('SELECT 1 FROM org_members WHERE org_id = $1 AND user_id = $2 FOR KEY SHARE');
/** Whether the user is a member; who removes him waits to the end of the transaction, and then removes what it has given too. */
export const holdMember = async (sql: Sql, orgId: string, userId: string): Promise<boolean> =>
  (await sql.run(member, [orgId, userId])).length > 0;
