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
