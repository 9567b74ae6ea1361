/** What a caller may in an organization. Absent and not visible are one answer; a member who may not is told so. */
import type { Clock } from '../../infra/ports.ts';
import { forbidden } from '../access/denial.ts';
import { decide, holdsUntil } from '../access/model.ts';
import type { Permissions } from '../access/permissions.ts';
import type { Caller } from '../caller.ts';
import { isUuid } from '../paging.ts';

export type MayNeeds = { permissions: Permissions; clock: Clock };
export type May = ReturnType<typeof openMay>;

export const openMay = ({ permissions, clock }: MayNeeds) => {
  const holds = async (caller: Caller, orgId: string, permission: string): Promise<boolean> => {
    if (!caller.identity) return false;
    // A key may no more than it names, whatever its owner may.
    const { keyPermissions } = caller.identity;
    if (keyPermissions && !keyPermissions.includes(permission)) return false;
    return decide(await permissions.compiled(caller.identity.userId), { permission, orgId, resource: null }, clock.now()) !== null;
  };
  const lasts = async ({ identity }: Caller, orgId: string, permission: string): Promise<boolean> =>
    identity !== null && holdsUntil(await permissions.compiled(identity.userId), permission, clock.now(), orgId) === 'always';
  return {
    holds,
    /** False: the organization is not there for the caller. Throws the denial FORBIDDEN where it is, and he may not. */
    enter: async (caller: Caller, orgId: string, permission: string): Promise<boolean> => {
      if (!isUuid(orgId) || !(await holds(caller, orgId, 'org.read'))) return false;
      if (!(await holds(caller, orgId, permission))) throw forbidden(`${permission} is needed in that organization.`);
      return true;
    },
    /** Nobody gives or takes a role that gives more than he holds there; a role has no end, and so he holds it for good. Throws FORBIDDEN. */
    outrank: async (caller: Caller, orgId: string, given: readonly string[]): Promise<void> => {
      for (const permission of given)
        if (!(await holds(caller, orgId, permission)) || !(await lasts(caller, orgId, permission)))
          throw forbidden('That role gives more than you hold.');
    },
  };
};
