/** Roles that are made: an organization's own, and the platform's beyond the built-in ones, which are fixed. */
import type { Clock, Random } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { isUuid } from '../paging.ts';
import type { Permissions } from './permissions.ts';
import {
  checkDescription,
  checkInherits,
  checkName,
  checkPermissionNames,
  type DraftNeeds,
  enterRoles,
  outrankRoles,
  weigh,
} from './role-draft.ts';
import {
  countOwn,
  deleteUnusedRole,
  findRolesById,
  inheritFrom,
  insertRole,
  lockRoles,
  permissionsOfRoles,
  type RoleRow,
  setDescription,
  setInherits,
  setPermissions,
} from './role-store.ts';

export type RolesNeeds = DraftNeeds & { clock: Clock; random: Random; trail: AuditTrail; permissions: Permissions };
export type CreateRoleInput = {
  orgId?: string | null;
  name: string;
  description?: string | null;
  inherits?: readonly string[] | null;
  permissions: readonly string[];
};
export type UpdateRoleInput = {
  roleId: string;
  description?: string | null;
  inherits?: readonly string[] | null;
  permissions?: readonly string[] | null;
};
export type RoleOutcome = ({ readonly kind: 'Role' } & RoleRow) | Refused<'NotFound' | 'Conflict' | 'InvalidInput'>;
export type DeleteRoleOutcome = { readonly kind: 'Deleted'; readonly id: string } | Refused<'NotFound' | 'Conflict'>;

const mostRoles = 100;
const invalid = (field: string, message: string) => ({ kind: 'InvalidInput', field: `input.${field}`, message }) as const;
const roleOf = async (sql: DraftNeeds['database'], id: string) => (await findRolesById(sql, [id]))[0];

/** Conflict where the name is taken there, by a built-in role too. */
export const createRole =
  (needs: RolesNeeds) =>
  async (caller: SignedInCaller, input: CreateRoleInput): Promise<RoleOutcome> => {
    const { database, clock, random, trail } = needs;
    const orgId = input.orgId?.toLowerCase() ?? null;
    if (!(await enterRoles(needs, caller, orgId))) return { kind: 'NotFound' };
    const problem = checkName(input.name) ?? checkDescription(input.description);
    if (problem) return problem;
    const permissions = await checkPermissionNames(needs, input.permissions);
    if (!Array.isArray(permissions)) return permissions;
    const inheritIds = await checkInherits(needs, orgId, input.inherits ?? []);
    if (!Array.isArray(inheritIds)) return inheritIds;
    const refused = await weigh(needs, caller, orgId, { permissions, inheritIds });
    if (refused) return refused;
    const role = { id: random.uuid(clock.now()), orgId, name: input.name, description: input.description?.trim() || null };
    const outcome = await database.transaction(async (sql): Promise<RoleOutcome> => {
      await lockRoles(sql, orgId);
      if ((await countOwn(sql, orgId)) >= mostRoles)
        return invalid('name', `There are at most ${mostRoles} roles beside the built-in ones.`);
      if ((await findRolesById(sql, inheritIds)).length < inheritIds.length) return { kind: 'Conflict' };
      if (!(await insertRole(sql, role))) return { kind: 'Conflict' };
      await setPermissions(sql, role.id, permissions);
      await setInherits(sql, role.id, inheritIds);
      const data = { role: role.name, permissions, inherits: inheritIds };
      await trail.write(sql, [trail.fact(caller, { type: 'role.created', data, orgId, subjectId: null, resource: `role:${role.id}` })]);
      return { kind: 'Role', ...role, builtIn: false, permissions, inheritIds };
    });
    if (outcome.kind === 'Role') trail.committed();
    return outcome;
  };

/** What of a role is to be other than it is; checked, and no more than the caller holds, before and after. */
const draftOf = async (needs: RolesNeeds, caller: SignedInCaller, role: RoleRow, input: UpdateRoleInput) => {
  const permissions = input.permissions ? await checkPermissionNames(needs, input.permissions) : role.permissions;
  if (!Array.isArray(permissions)) return permissions;
  const inheritIds = input.inherits ? await checkInherits(needs, role.orgId, input.inherits) : role.inheritIds;
  if (!Array.isArray(inheritIds)) return inheritIds;
  const before = await permissionsOfRoles(needs.database, [role.id]);
  await outrankRoles(needs, caller, role.orgId, before);
  const refused = await weigh(needs, caller, role.orgId, { permissions, inheritIds });
  return refused ?? { permissions, inheritIds, before };
};

/** What is left out stays. Conflict where somebody else changed it meanwhile. */
export const updateRole =
  (needs: RolesNeeds) =>
  async (caller: SignedInCaller, input: UpdateRoleInput): Promise<RoleOutcome> => {
    const { database, trail, permissions: compiled } = needs;
    const role = isUuid(input.roleId) ? await roleOf(database, input.roleId) : undefined;
    if (!role || !(await enterRoles(needs, caller, role.orgId))) return { kind: 'NotFound' };
    if (role.builtIn) return invalid('roleId', 'A built-in role is fixed.');
    const problem = checkDescription(input.description);
    if (problem) return problem;
    const draft = await draftOf(needs, caller, role, input);
    if ('kind' in draft) return draft;
    const { permissions, inheritIds, before } = draft;
    const description = input.description === undefined ? role.description : input.description?.trim() || null;
    const outcome = await database.transaction(async (sql): Promise<RoleOutcome> => {
      await lockRoles(sql, role.orgId);
      // What the caller may was asked of the role as it was.
      if ((await permissionsOfRoles(sql, [role.id])).join() !== before.join()) return { kind: 'Conflict' };
      if ((await findRolesById(sql, [role.id, ...inheritIds])).length < new Set([role.id, ...inheritIds]).size) return { kind: 'Conflict' };
      if (await inheritFrom(sql, inheritIds, role.id))
        return invalid('inherits', 'A role cannot inherit from itself, nor by way of others.');
      await setDescription(sql, role.id, description);
      await setPermissions(sql, role.id, permissions);
      await setInherits(sql, role.id, inheritIds);
      const data = { role: role.name, permissions, inherits: inheritIds };
      const fact = { type: 'role.updated', data, orgId: role.orgId, subjectId: null, resource: `role:${role.id}` } as const;
      await trail.write(sql, [trail.fact(caller, fact)]);
      return { kind: 'Role', ...role, description, permissions, inheritIds };
    });
    if (outcome.kind !== 'Role') return outcome;
    compiled.forgetIn(role.orgId);
    trail.committed();
    return outcome;
  };

/** Conflict for a built-in role, and for one that somebody holds, is invited to or inherits. */
export const deleteRole =
  (needs: RolesNeeds) =>
  async (caller: SignedInCaller, { roleId }: { roleId: string }): Promise<DeleteRoleOutcome> => {
    const { database, clock, trail } = needs;
    const role = isUuid(roleId) ? await roleOf(database, roleId) : undefined;
    if (!role || !(await enterRoles(needs, caller, role.orgId))) return { kind: 'NotFound' };
    if (role.builtIn) return { kind: 'Conflict' };
    await outrankRoles(needs, caller, role.orgId, await permissionsOfRoles(database, [role.id]));
    const gone = await database.transaction(async (sql) => {
      await lockRoles(sql, role.orgId);
      if (!(await deleteUnusedRole(sql, role.id, clock.now()))) return false;
      const fact = {
        type: 'role.deleted',
        data: { role: role.name },
        orgId: role.orgId,
        subjectId: null,
        resource: `role:${role.id}`,
      } as const;
      await trail.write(sql, [trail.fact(caller, fact)]);
      return true;
    });
    if (!gone) return { kind: 'Conflict' };
    trail.committed();
    return { kind: 'Deleted', id: role.id };
  };
