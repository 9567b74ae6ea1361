/** The door of the access room: what users may, who says so, and by which roles. */

import type { Caller } from '../caller.ts';
import { isUuid } from '../paging.ts';
import { type AssignRoleNeeds, assignRole, unassignRole } from './assign-role.ts';
import { type CheckNeeds, checkPermission, checkPermissions } from './check.ts';

export type { PermissionCheckInput } from './check.ts';

import { type GrantNeeds, grantPermission, revokePermission } from './grants.ts';
import { type AssignmentRow, findAssignments, findRolesById, listRoles, type RoleRow } from './role-store.ts';
import { createRole, deleteRole, type RolesNeeds, updateRole } from './roles.ts';
import { hasSuperadmin, listPermissions, sweepGrants } from './store.ts';

export type Access = ReturnType<typeof openAccess>;

const keptDays = 30;

export const openAccess = (needs: AssignRoleNeeds & CheckNeeds & GrantNeeds & RolesNeeds) => {
  const { database, permissions, may } = needs;
  return {
    permissionsOf: permissions.of,
    /** With those of an organization, where one is named. */
    permissionsIn: permissions.scopes,
    check: checkPermission(needs),
    checkAll: checkPermissions(needs),
    grant: grantPermission(needs),
    revokeGrant: revokePermission(needs),
    sweep: () => sweepGrants(database, new Date(needs.clock.now().getTime() - keptDays * 86_400_000)),
    hasSuperadmin: () => hasSuperadmin(database),
    /** The platform's roles, or those that can be held in an organization: none, where it is not there for the caller. */
    roles: async (caller: Caller, orgId: string | null): Promise<RoleRow[]> =>
      orgId === null || (isUuid(orgId) && (await may.holds(caller, orgId.toLowerCase(), 'org.read'))) ? listRoles(database, orgId) : [],
    /** In the order of the ids. Whoever has the id got it from something he may see. */
    rolesById: async (ids: readonly string[]): Promise<(RoleRow | null)[]> => {
      const rows = new Map((await findRolesById(database, ids)).map((row) => [row.id, row]));
      return ids.map((id) => rows.get(id) ?? null);
    },
    createRole: createRole(needs),
    updateRole: updateRole(needs),
    deleteRole: deleteRole(needs),
    permissions: () => listPermissions(database),
    /** Every role of each user, in the order of the ids. */
    assignmentsOf: async (userIds: readonly string[]): Promise<AssignmentRow[][]> => {
      const all = Map.groupBy(await findAssignments(database, userIds), (row) => row.userId);
      return userIds.map((id) => all.get(id) ?? []);
    },
    assignRole: assignRole(needs),
    unassignRole: unassignRole(needs),
  };
};
