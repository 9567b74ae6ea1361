/** What may be said of a role, and by whom: nobody makes, changes or removes one that gives more than he holds. */
import type { Database } from '../../infra/ports.ts';
import type { SignedInCaller } from '../caller.ts';
import type { May } from '../organizations/may.ts';
import type { Refused } from '../outcome.ts';
import { forbidden } from './denial.ts';
import { countKnown, findRoles, permissionsOfRoles } from './role-store.ts';
import { lastingPermissions } from './store.ts';

export type DraftNeeds = { database: Database; may: May };
export type RoleDraft = { inheritIds: string[]; permissions: string[] };

const mostPermissions = 200;
const mostInherited = 20;
const longestDescription = 200;
const invalid = (field: string, message: string) => ({ kind: 'InvalidInput', field: `input.${field}`, message }) as const;

const nameForm = /^[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*$/;
export const checkName = (name: string): Refused<'InvalidInput'> | null =>
  nameForm.test(name) && name.length <= 40
    ? null
    : invalid('name', 'A name has at most 40 lower-case letters, digits and single hyphens or underscores, and begins with a letter.');
export const checkDescription = (description: string | null | undefined): Refused<'InvalidInput'> | null =>
  description != null && ([...description].length > longestDescription || /[\p{Cc}\p{Cs}]/u.test(description))
    ? invalid('description', `A description has at most ${longestDescription} characters, and no control characters.`)
    : null;

/** Whether the place is there for the caller, who may change roles in it. Throws FORBIDDEN where it is, and he may not. */
export const enterRoles = async ({ may }: DraftNeeds, caller: SignedInCaller, orgId: string | null): Promise<boolean> => {
  if (orgId !== null) return may.enter(caller, orgId, 'org.roles.manage');
  if (!caller.permissions.has('roles.manage')) throw forbidden('roles.manage is needed.');
  return true;
};

/** Throws FORBIDDEN where one of the permissions is not the caller's there, for good. */
export const outrankRoles = async (
  { database, may }: DraftNeeds,
  caller: SignedInCaller,
  orgId: string | null,
  permissions: readonly string[],
) => {
  if (orgId !== null) return may.outrank(caller, orgId, permissions);
  const own = await lastingPermissions(database, caller.identity.userId);
  if (!permissions.every((permission) => own.has(permission))) throw forbidden('That role gives more than you hold.');
};

/** The permissions as they are kept, or what is wrong with them. */
export const checkPermissionNames = async (
  { database }: DraftNeeds,
  given: readonly string[],
): Promise<string[] | Refused<'InvalidInput'>> => {
  const permissions = [...new Set(given)].sort();
  if (permissions.length > mostPermissions) return invalid('permissions', `A role names at most ${mostPermissions} permissions.`);
  if ((await countKnown(database, permissions)) < permissions.length) return invalid('permissions', 'There is no such permission.');
  return permissions;
};

/** The ids of the named roles, which can be held there, or what is wrong with them. */
export const checkInherits = async (
  { database }: DraftNeeds,
  orgId: string | null,
  names: readonly string[],
): Promise<string[] | Refused<'InvalidInput'>> => {
  const wanted = [...new Set(names)];
  if (wanted.length > mostInherited) return invalid('inherits', `A role inherits from at most ${mostInherited} others.`);
  const roles = await findRoles(database, orgId, wanted);
  return roles.length < wanted.length ? invalid('inherits', 'There is no such role there.') : roles.map(({ id }) => id);
};

/** What the role would give, of which the caller holds everything; a role that gives nothing is refused. */
export const weigh = async (needs: DraftNeeds, caller: SignedInCaller, orgId: string | null, draft: RoleDraft) => {
  const inherited = await permissionsOfRoles(needs.database, draft.inheritIds);
  const all = [...new Set([...draft.permissions, ...inherited])];
  if (all.length === 0) return invalid('permissions', 'A role gives at least one permission, by itself or by inheritance.');
  await outrankRoles(needs, caller, orgId, all);
  return null;
};
