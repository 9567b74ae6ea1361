/** Direct grants: one permission for one person, on the platform or in an organization. Nobody grants, or takes back, what he does not hold there. */
import type { Clock, Database, Random } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { May } from '../organizations/may.ts';
import type { Refused } from '../outcome.ts';
import { isUuid } from '../paging.ts';
import { lockActive } from '../passwords/store.ts';
import { forbidden } from './denial.ts';
import { holdsUntil, parseResource } from './model.ts';
import type { Permissions } from './permissions.ts';
import { holdMember } from './role-store.ts';
import { countGrants, findGrant, type GrantRow, insertGrant, isPermission, removeGrant } from './store.ts';

export type GrantNeeds = { database: Database; clock: Clock; random: Random; trail: AuditTrail; permissions: Permissions; may: May };
export type GrantPermissionInput = {
  userId: string;
  permission: string;
  orgId?: string | null;
  resource?: string | null;
  expiresAt?: Date | null;
  reason?: string | null;
};
export type GrantOutcome = ({ readonly kind: 'PermissionGrant' } & GrantRow) | Refused<'NotFound' | 'InvalidInput'>;
export type RevokeGrantOutcome = { readonly kind: 'Deleted'; readonly id: string } | Refused<'NotFound'>;

const longestReason = 500;
/** Of one person in one place: all of them are read at once, with whatever the person does next. */
const mostGrants = 500;
const invalid = (field: string, message: string) => ({ kind: 'InvalidInput', field: `input.${field}`, message }) as const;

/** Whether the place is there for the caller, who may grant in it. Throws FORBIDDEN where it is, and he may not. */
const enter = async ({ may }: GrantNeeds, caller: SignedInCaller, orgId: string | null): Promise<boolean> => {
  if (orgId !== null) return may.enter(caller, orgId, 'permissions.grant');
  if (!caller.permissions.has('permissions.grant')) throw forbidden('permissions.grant is needed.');
  return true;
};

/** Of what the caller does not hold on everything there, nothing is given or taken back: not on one thing either, and not for a while. */
const mayGive = async (
  { permissions, clock }: GrantNeeds,
  caller: SignedInCaller,
  permission: string,
  orgId: string | null,
): Promise<'always' | Date> => {
  const until = holdsUntil(await permissions.compiled(caller.identity.userId), permission, clock.now(), orgId);
  if (until === null) throw forbidden(`${permission} cannot be given by who does not hold it.`);
  return until;
};

/** In an organization only to its members, for as long as they are. */
export const grantPermission =
  (needs: GrantNeeds) =>
  async (caller: SignedInCaller, input: GrantPermissionInput): Promise<GrantOutcome> => {
    const { database, clock, random, trail, permissions } = needs;
    const { permission, reason } = input;
    const userId = input.userId.toLowerCase();
    const orgId = input.orgId?.toLowerCase() ?? null;
    if (!(await enter(needs, caller, orgId)) || !isUuid(userId)) return { kind: 'NotFound' };
    const resource = input.resource == null ? null : parseResource(input.resource);
    if (input.resource != null && !resource) return invalid('resource', 'A resource is type:id.');
    if (reason && [...reason].length > longestReason) return invalid('reason', `A reason has at most ${longestReason} characters.`);
    const at = clock.now();
    if (input.expiresAt && input.expiresAt <= at) return invalid('expiresAt', 'The end of a grant lies ahead.');
    if (!(await isPermission(database, permission))) return invalid('permission', 'There is no such permission.');
    const until = await mayGive(needs, caller, permission, orgId);
    if (until !== 'always' && (!input.expiresAt || input.expiresAt > until))
      return invalid('expiresAt', 'A grant ends no later than what its giver holds.');
    const grant: GrantRow = {
      id: random.uuid(at),
      userId,
      permission,
      orgId,
      resource,
      grantedBy: caller.identity.userId,
      grantedAt: at,
      expiresAt: input.expiresAt ?? null,
      reason: reason?.trim() || null,
    };
    const given = await database.transaction(async (sql) => {
      // The user's row is held: of many at once none is beyond the limit, and an erasure comes before or after.
      if (!(await lockActive(sql, userId))) return false;
      if ((await countGrants(sql, userId, orgId)) >= mostGrants) return 'enough';
      if ((orgId && !(await holdMember(sql, orgId, userId))) || !(await insertGrant(sql, grant))) return false;
      const data = { permission, grant: grant.id, expiresAt: grant.expiresAt?.toISOString() ?? null };
      const fact = { type: 'permission.granted', data, orgId, subjectId: userId, resource: grant.resource } as const;
      await trail.write(sql, [trail.fact(caller, fact)]);
      return true;
    });
    if (given === 'enough') return invalid('userId', `A user has at most ${mostGrants} grants there.`);
    if (!given) return { kind: 'NotFound' };
    permissions.forget(userId);
    trail.committed();
    return { kind: 'PermissionGrant', ...grant };
  };

/** A grant in a place that is not there for the caller is not there either. */
export const revokePermission =
  (needs: GrantNeeds) =>
  async (caller: SignedInCaller, { grantId }: { grantId: string }): Promise<RevokeGrantOutcome> => {
    const { database, trail, permissions } = needs;
    const found = isUuid(grantId) ? await findGrant(database, grantId) : undefined;
    if (!found || (found.orgId === null && !caller.permissions.has('permissions.grant'))) return { kind: 'NotFound' };
    if (!(await enter(needs, caller, found.orgId))) return { kind: 'NotFound' };
    // Before the transaction, which waits for no other connection; a grant never changes.
    await mayGive(needs, caller, found.permission, found.orgId);
    const gone = await database.transaction(async (sql) => {
      const grant = await removeGrant(sql, grantId);
      if (!grant) return null;
      const data = { permission: grant.permission, grant: grantId };
      await trail.write(sql, [trail.fact(caller, { type: 'permission.revoked', data, orgId: grant.orgId, subjectId: grant.userId })]);
      return grant;
    });
    if (!gone) return { kind: 'NotFound' };
    permissions.forget(gone.userId);
    trail.committed();
    return { kind: 'Deleted', id: grantId };
  };
