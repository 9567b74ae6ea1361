/** The door of the access room: what users may, and who says so. */
import { type CheckNeeds, checkPermissions } from './check.ts';
import { type GrantNeeds, grantPermission, revokePermission } from './grants.ts';
import { sweepGrants } from './store.ts';

export type Access = ReturnType<typeof openAccess>;

const keptDays = 30;

export const openAccess = (needs: CheckNeeds & GrantNeeds) => ({
  permissionsOf: needs.permissions.of,
  check: checkPermissions(needs),
  grant: grantPermission(needs),
  revokeGrant: revokePermission(needs),
  sweep: () => sweepGrants(needs.database, new Date(needs.clock.now().getTime() - keptDays * 86_400_000)),
});
