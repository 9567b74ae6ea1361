/** What a caller may in an organization. Absent and not visible are one answer; a member who may not is told so. */
import type { Clock } from '../../infra/ports.ts';
import { forbidden } from '../access/denial.ts';
import { decide, holdsUntil } from '../access/model.ts';
import type { Permissions } from '../access/permissions.ts';
import type { Caller, SignedInCaller } from '../caller.ts';
import { isUuid } from '../paging.ts';

export type MayNeeds = { permissions: Permissions; clock: Clock };
export type May = ReturnType<typeof openMay>;

export const openMay = ({ permissions, clock }: MayNeeds) => {
  const has = async (userId: string, orgId: string, permission: string): Promise<boolean> =>
    decide(await permissions.compiled(userId), { permission, orgId, resource: null }, clock.now()) !== null;
  const holds = async (caller: Caller, orgId: string, permission: string): Promise<boolean> => {
    if (!caller.identity) return false;
    // A key may no more than it names, whatever its owner may.
    const { keyPermissions } = caller.identity;
    if (keyPermissions && !keyPermissions.includes(permission)) return false;
    return has(caller.identity.userId, orgId, permission);
  };
  return {
    /** What a user holds there himself, whoever asks. */
    has,
    holds,
    /** False: the organization is not there for the caller. Throws the denial FORBIDDEN where it is, and he may not. */
    enter: async (caller: Caller, orgId: string, permission: string): Promise<boolean> => {
      if (!isUuid(orgId) || !(await holds(caller, orgId, 'org.read'))) return false;
      if (!(await holds(caller, orgId, permission))) throw forbidden(`${permission} is needed in that organization.`);
      return true;
    },
    /** Whether the user may, as things are now, make somebody a member there with a role that gives this. */
    mayAdmit: async (userId: string, orgId: string, given: readonly string[]): Promise<boolean> => {
      for (const permission of ['org.members.manage', ...given]) if (!(await has(userId, orgId, permission))) return false;
      return true;
    },
    /** Nobody gives or takes a role that gives more than he holds there for good: a role has no end. Throws FORBIDDEN. */
    outrank: async (caller: SignedInCaller, orgId: string, given: readonly string[]): Promise<void> => {
      const { userId, keyPermissions } = caller.identity;
      const compiled = await permissions.compiled(userId);
      const lasts = (permission: string) =>
        keyPermissions?.includes(permission) !== false && holdsUntil(compiled, permission, clock.now(), orgId) === 'always';
      if (!given.every(lasts)) throw forbidden('That role gives more than you hold for good.');
    },
  };
};
