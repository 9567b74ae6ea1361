/** The door of the access room, for the graph. */
import { type AssignRoleNeeds, assignRole, unassignRole } from './assign-role.ts';
import { type AssignmentRow, findAssignments, hasSuperadmin, listPermissions, listRoles } from './store.ts';

export type Access = ReturnType<typeof openAccess>;

export const openAccess = (needs: AssignRoleNeeds) => {
  const { database, permissions } = needs;
  return {
    permissionsOf: permissions.of,
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
