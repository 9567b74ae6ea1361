/** Giving and taking roles of the platform: nobody hands on a permission he does not hold, and one superadmin is always left. */
import type { Clock, Database, Random, Sql } from '../../infra/ports.ts';
import { takeTarget } from '../administration/target.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import type { Endings } from '../sessions/ending.ts';
import type { UserOutcome } from '../users/model.ts';
import { forbidden } from './denial.ts';
import type { Permissions } from './permissions.ts';
import { deleteAssignment, findRole, insertAssignment, isLastSuperadmin, type RoleRow } from './store.ts';

export type RoleNeeds = { clock: Clock; random: Random; trail: AuditTrail };
export type AssignRoleNeeds = RoleNeeds & { database: Database; permissions: Permissions; endings: Endings };
export type AssignRoleInput = { userId: string; role: string; orgId?: string | null };
export type AssignRoleOutcome = UserOutcome | Refused<'NotFound' | 'Conflict'>;

/** The role, where there is one; throws the denial FORBIDDEN where the caller lacks one of its permissions. */
const grantable = async (sql: Sql, caller: SignedInCaller, name: string): Promise<RoleRow | undefined> => {
  const role = await findRole(sql, name);
  if (role?.permissions.some((permission) => !caller.permissions.has(permission))) throw forbidden('This role may more than you.');
  return role;
};

/** In the transaction of `sql`, once the user's row is held; whether there is such a role. */
export const giveRole = async (needs: RoleNeeds, sql: Sql, caller: SignedInCaller, userId: string, name: string): Promise<boolean> => {
  const { clock, random, trail } = needs;
  const role = await grantable(sql, caller, name);
  if (!role) return false;
  const at = clock.now();
  if (await insertAssignment(sql, { id: random.uuid(at), userId, roleId: role.id, at }))
    await trail.write(sql, [trail.fact(caller, { type: 'role.assigned', data: { role: name }, subjectId: userId })]);
  return true;
};

/** A role the user has already is not given twice, and leaves no second fact. */
export const assignRole =
  (needs: AssignRoleNeeds) =>
  async (caller: SignedInCaller, input: AssignRoleInput): Promise<AssignRoleOutcome> => {
    // No organization can be anybody's yet: absent and not visible are one answer.
    if (input.orgId) return { kind: 'NotFound' };
    const id = await needs.database.transaction(async (sql) => {
      const target = await takeTarget(sql, caller, input.userId);
      return target && (await giveRole(needs, sql, caller, target.id, input.role)) ? target.id : null;
    });
    if (!id) return { kind: 'NotFound' };
    needs.permissions.forget(id);
    needs.trail.committed();
    return { kind: 'User', id };
  };

/** NotFound where the user does not have the role; Conflict for the last superadmin. */
export const unassignRole =
  ({ database, trail, permissions, endings }: AssignRoleNeeds) =>
  async (caller: SignedInCaller, input: AssignRoleInput): Promise<AssignRoleOutcome> => {
    if (input.orgId) return { kind: 'NotFound' };
    const outcome = await database.transaction(async (sql) => {
      const target = await takeTarget(sql, caller, input.userId);
      const role = target && (await grantable(sql, caller, input.role));
      if (!target || !role) return 'NotFound';
      if (role.name === 'superadmin' && (await isLastSuperadmin(sql, target.id))) return 'Conflict';
      if (!(await deleteAssignment(sql, target.id, role.id))) return 'NotFound';
      // Whom one acts as was chosen by what one might then.
      const ended = await endings.impersonationsBy(sql, caller, target.id, 'impersonator_gone');
      await trail.write(sql, [trail.fact(caller, { type: 'role.unassigned', data: { role: role.name }, subjectId: target.id })]);
      return { id: target.id, ended };
    });
    if (typeof outcome === 'string') return { kind: outcome };
    permissions.forget(outcome.id);
    endings.announce(outcome.ended);
    return { kind: 'User', id: outcome.id };
  };
