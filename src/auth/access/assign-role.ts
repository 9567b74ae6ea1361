/**
 * Giving and taking roles: on the platform, and in an organization beside the role of the membership. Nobody hands on a permission he does not
 * hold there, and one superadmin is always left.
 */
import type { Clock, Database, Random, Sql } from '../../infra/ports.ts';
import { takeTarget } from '../administration/target.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { May } from '../organizations/may.ts';
import { ownerRole } from '../organizations/model.ts';
import type { Refused } from '../outcome.ts';
import { isUuid } from '../paging.ts';
import type { Endings } from '../sessions/ending.ts';
import { holdFromErasure } from '../users/erase.ts';
import type { UserOutcome } from '../users/model.ts';
import { forbidden } from './denial.ts';
import type { Permissions } from './permissions.ts';
import { deleteAssignment, findRole, holdMember, insertAssignment, lockRoles, permissionsOfRoles, type RoleRow } from './role-store.ts';
import { isLastSuperadmin, lastingPermissions } from './store.ts';

export type RoleNeeds = { clock: Clock; random: Random; trail: AuditTrail };
export type AssignRoleNeeds = RoleNeeds & { database: Database; permissions: Permissions; endings: Endings; may: May };
export type AssignRoleInput = { userId: string; role: string; orgId?: string | null };
export type AssignRoleOutcome = UserOutcome | Refused<'NotFound' | 'Conflict' | 'InvalidInput'>;

/** The platform's role, where there is one; throws the denial FORBIDDEN where the caller lacks one of its permissions. */
const grantable = async (sql: Sql, caller: SignedInCaller, name: string): Promise<RoleRow | undefined> => {
  await lockRoles(sql, null);
  const role = await findRole(sql, null, name);
  if (!role) return undefined;
  const given = await permissionsOfRoles(sql, [role.id]);
  if (given.some((permission) => !caller.permissions.has(permission))) throw forbidden('This role may more than you.');
  return role;
};

/** In the transaction of `sql`, once the user's row is held; whether there is such a role. */
export const giveRole = async (needs: RoleNeeds, sql: Sql, caller: SignedInCaller, userId: string, name: string): Promise<boolean> => {
  const { clock, random, trail } = needs;
  const role = await grantable(sql, caller, name);
  if (!role) return false;
  const lasting = await lastingPermissions(sql, caller.identity.userId);
  if ((await permissionsOfRoles(sql, [role.id])).some((permission) => !lasting.has(permission)))
    throw forbidden('A role has no end, and what you hold of this one has.');
  const at = clock.now();
  if (await insertAssignment(sql, { id: random.uuid(at), userId, roleId: role.id, orgId: null, at }))
    await trail.write(sql, [trail.fact(caller, { type: 'role.assigned', data: { role: name }, subjectId: userId })]);
  return true;
};

const requireOnPlatform = (caller: SignedInCaller): void => {
  if (!caller.permissions.has('roles.assign')) throw forbidden('roles.assign is needed.');
};

/** `work` with the organization's roles held, for a member and a role that can be given there by the caller. */
const there = async (
  { database, may, permissions, trail }: AssignRoleNeeds,
  caller: SignedInCaller,
  input: AssignRoleInput & { orgId: string },
  work: (sql: Sql, role: RoleRow, userId: string, orgId: string) => Promise<boolean>,
): Promise<AssignRoleOutcome> => {
  const [orgId, userId] = [input.orgId.toLowerCase(), input.userId.toLowerCase()];
  if (!isUuid(userId) || !(await may.enter(caller, orgId, 'org.members.manage'))) return { kind: 'NotFound' };
  const role = await findRole(database, orgId, input.role);
  if (!role) return { kind: 'NotFound' };
  if (role.builtIn && role.name === ownerRole)
    return { kind: 'InvalidInput', field: 'input.role', message: 'Owners are made by updateMemberRole and transferOwnership.' };
  const given = await permissionsOfRoles(database, [role.id]);
  await may.outrank(caller, orgId, given);
  const done = await database.transaction(async (sql) => {
    await holdFromErasure(sql, [userId]);
    await lockRoles(sql, orgId);
    // The role may have been changed or removed since.
    const same = (await permissionsOfRoles(sql, [role.id])).join() === given.join();
    return same && (await holdMember(sql, orgId, userId)) && work(sql, role, userId, orgId);
  });
  if (!done) return { kind: 'NotFound' };
  permissions.forget(userId);
  trail.committed();
  return { kind: 'User', id: userId };
};

/** A role the user has already is not given twice, and leaves no second fact. */
export const assignRole =
  (needs: AssignRoleNeeds) =>
  async (caller: SignedInCaller, input: AssignRoleInput): Promise<AssignRoleOutcome> => {
    if (input.orgId)
      return there(needs, caller, { ...input, orgId: input.orgId }, async (sql, role, userId, orgId) => {
        const at = needs.clock.now();
        const fact = { type: 'role.assigned', data: { role: role.name }, orgId, subjectId: userId } as const;
        if (await insertAssignment(sql, { id: needs.random.uuid(at), userId, roleId: role.id, orgId, at }))
          await needs.trail.write(sql, [needs.trail.fact(caller, fact)]);
        return true;
      });
    requireOnPlatform(caller);
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
  (needs: AssignRoleNeeds) =>
  async (caller: SignedInCaller, input: AssignRoleInput): Promise<AssignRoleOutcome> => {
    const { database, trail, permissions, endings } = needs;
    if (input.orgId)
      return there(needs, caller, { ...input, orgId: input.orgId }, async (sql, role, userId, orgId) => {
        if (!(await deleteAssignment(sql, userId, role.id, orgId))) return false;
        await trail.write(sql, [trail.fact(caller, { type: 'role.unassigned', data: { role: role.name }, orgId, subjectId: userId })]);
        return true;
      });
    requireOnPlatform(caller);
    const outcome = await database.transaction(async (sql) => {
      const target = await takeTarget(sql, caller, input.userId);
      const role = target && (await grantable(sql, caller, input.role));
      if (!target || !role) return 'NotFound';
      if (role.name === 'superadmin' && (await isLastSuperadmin(sql, target.id))) return 'Conflict';
      if (!(await deleteAssignment(sql, target.id, role.id, null))) return 'NotFound';
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
