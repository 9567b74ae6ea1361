/** The door of the access room: what users may, who says so, and by which roles. */
import { type AssignRoleNeeds, assignRole, unassignRole } from './assign-role.ts';
import { type CheckNeeds, checkPermissions } from './check.ts';

export type { PermissionCheckInput } from './check.ts';

import { type GrantNeeds, grantPermission, revokePermission } from './grants.ts';
import { type AssignmentRow, findAssignments, hasSuperadmin, listPermissions, listRoles, sweepGrants } from './store.ts';

export type Access = ReturnType<typeof openAccess>;

const keptDays = 30;

export const openAccess = (needs: AssignRoleNeeds & CheckNeeds & GrantNeeds) => {
  const { database, permissions } = needs;
  return {
    permissionsOf: permissions.of,
    /** With those of an organization, where one is named. */
    permissionsIn: permissions.scopes,
    check: checkPermissions(needs),
    grant: grantPermission(needs),
    revokeGrant: revokePermission(needs),
    sweep: () => sweepGrants(database, new Date(needs.clock.now().getTime() - keptDays * 86_400_000)),
    hasSuperadmin: () => hasSuperadmin(database),
    /** The platform's roles; an organization's own there are none of yet. */
    roles: (orgId: string | null) => (orgId ? [] : listRoles(database)),
    permissions: () => listPermissions(database),
    /** The platform's roles of each user, in the order of the ids. */
    assignmentsOf: async (userIds: readonly string[]): Promise<AssignmentRow[][]> => {
      const all = Map.groupBy(await findAssignments(database, userIds), (row) => row.userId);
      return userIds.map((id) => all.get(id) ?? []);
    },
    assignRole: assignRole(needs),
    unassignRole: unassignRole(needs),
  };
};
