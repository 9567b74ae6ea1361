/** The user an administrator acts on: locked for the rest of the transaction, and never one who may more than the administrator. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import { forbidden } from '../access/denial.ts';
import { heldPermissions } from '../access/store.ts';
import type { SignedInCaller } from '../caller.ts';
import { isUuid } from '../paging.ts';
import type { UserStatus } from '../users/model.ts';

export type Target = { id: string; status: UserStatus; email: string; email_key: string; locale: string | null };

const lock = statement(`SELECT id, status, email, email_key, locale FROM users WHERE id = $1 AND status <> 'DELETED' FOR NO KEY UPDATE`);

/** Undefined where there is no such user. */
export const lockTarget = async (sql: Sql, userId: string): Promise<Target | undefined> => (await sql.run<Target>(lock, [userId]))[0];

const lockBoth = statement('SELECT 1 FROM users WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE');
/** Locks users in the order of their ids: two administrators who act as each other at once cannot deadlock. */
export const lockUsers = async (sql: Sql, ids: readonly string[]): Promise<void> => {
  await sql.run(lockBoth, [ids]);
};

/** Whether the user holds a permission on the platform that the caller does not. */
export const isStronger = async (sql: Sql, caller: SignedInCaller, userId: string): Promise<boolean> =>
  userId !== caller.identity.userId && (await heldPermissions(sql, userId)).some((permission) => !caller.permissions.has(permission));

/**
 * Null where there is no such user. Throws the denial FORBIDDEN for one who is stronger: who may change an account's address may take it
 * over. Roles are given and taken under the same lock, so that none comes in between.
 */
export const takeTarget = async (sql: Sql, caller: SignedInCaller, userId: string): Promise<Target | null> => {
  const target = isUuid(userId) ? await lockTarget(sql, userId) : undefined;
  if (!target) return null;
  if (await isStronger(sql, caller, target.id)) throw forbidden('This user may more than you.');
  return target;
};
