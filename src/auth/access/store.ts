/** The SQL of permissions and roles. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';

const platform = statement(`SELECT DISTINCT rp.permission FROM role_assignments a JOIN role_permissions rp ON rp.role_id = a.role_id
  JOIN users u ON u.id = a.user_id WHERE a.user_id = $1 AND a.org_id IS NULL AND u.status = 'ACTIVE'`);
/** What a user may on the platform, by its roles. */
export const platformPermissions = async (sql: Sql, userId: string): Promise<Set<string>> =>
  new Set((await sql.run<{ permission: string }>(platform, [userId])).map((row) => row.permission));

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

const held = statement(`SELECT DISTINCT rp.permission FROM role_assignments a JOIN role_permissions rp ON rp.role_id = a.role_id
  WHERE a.user_id = $1 AND a.org_id IS NULL`);
/** What a user would hold on the platform, whatever its status. */
export const heldPermissions = async (sql: Sql, userId: string): Promise<string[]> =>
  (await sql.run<{ permission: string }>(held, [userId])).map((row) => row.permission);

export type RoleRow = { id: string; name: string; description: string | null; builtIn: boolean; permissions: string[] };
const roleColumns = `r.id, r.name, r.description, r.built_in AS "builtIn",
  ARRAY(SELECT rp.permission FROM role_permissions rp WHERE rp.role_id = r.id ORDER BY 1) AS permissions`;
const platformRoles = statement(`SELECT ${roleColumns} FROM roles r WHERE r.org_id IS NULL ORDER BY r.name`);
export const listRoles = (sql: Sql): Promise<RoleRow[]> => sql.run<RoleRow>(platformRoles);

const roleByName = statement(`SELECT ${roleColumns} FROM roles r WHERE r.org_id IS NULL AND r.name = $1`);
/** The platform's role of that name. */
export const findRole = async (sql: Sql, name: string): Promise<RoleRow | undefined> => (await sql.run<RoleRow>(roleByName, [name]))[0];

const named = statement('SELECT name, description FROM permissions ORDER BY name');
export const listPermissions = (sql: Sql): Promise<{ name: string; description: string }[]> => sql.run(named);

export type AssignmentRow = { userId: string; grantedAt: Date; role: RoleRow };
const assignmentsOf = statement(`SELECT a.user_id AS "userId", a.granted_at AS "grantedAt", ${roleColumns}
  FROM role_assignments a JOIN roles r ON r.id = a.role_id WHERE a.user_id = ANY($1::uuid[]) AND a.org_id IS NULL ORDER BY r.name`);
/** The platform's roles of each of the users. */
export const findAssignments = async (sql: Sql, userIds: readonly string[]): Promise<AssignmentRow[]> =>
  (await sql.run<RoleRow & { userId: string; grantedAt: Date }>(assignmentsOf, [userIds])).map(({ userId, grantedAt, ...role }) => ({
    userId,
    grantedAt,
    role,
  }));

const give = statement(
  'INSERT INTO role_assignments (id, user_id, role_id, granted_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING id',
);
/** Whether the user did not have the role before. */
export const insertAssignment = async (sql: Sql, input: { id: string; userId: string; roleId: string; at: Date }): Promise<boolean> =>
  (await sql.run(give, [input.id, input.userId, input.roleId, input.at])).length > 0;

const take = statement('DELETE FROM role_assignments WHERE user_id = $1 AND role_id = $2 AND org_id IS NULL RETURNING id');
/** Whether the user had the role. */
export const deleteAssignment = async (sql: Sql, userId: string, roleId: string): Promise<boolean> =>
  (await sql.run(take, [userId, roleId])).length > 0;
