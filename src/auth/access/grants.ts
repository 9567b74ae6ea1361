/** Direct grants: one permission for one person. Nobody grants, or takes back, what he does not hold. */
import type { Clock, Database, Random } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { isUuid } from '../paging.ts';
import { forbidden } from './denial.ts';
import { holdsUntil, parseResource } from './model.ts';
import type { Permissions } from './permissions.ts';
import { type GrantRow, insertGrant, isPermission, removeGrant } from './store.ts';

export type GrantNeeds = { database: Database; clock: Clock; random: Random; trail: AuditTrail; permissions: Permissions };
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
const invalid = (field: string, message: string) => ({ kind: 'InvalidInput', field: `input.${field}`, message }) as const;

/** Of what the caller does not hold on everything, nothing is given or taken back: not on one thing either, and not for a while. */
const mayGive = async (
  { permissions, clock }: Pick<GrantNeeds, 'permissions' | 'clock'>,
  caller: SignedInCaller,
  permission: string,
): Promise<'always' | Date> => {
  const until = holdsUntil(await permissions.compiled(caller.identity.userId), permission, clock.now());
  if (until === null) throw forbidden(`${permission} cannot be given by who does not hold it.`);
  return until;
};

export const grantPermission =
  ({ database, clock, random, trail, permissions }: GrantNeeds) =>
  async (caller: SignedInCaller, input: GrantPermissionInput): Promise<GrantOutcome> => {
    const { permission, reason } = input;
    const userId = input.userId.toLowerCase();
    // No organization is there yet: absent and not visible are one answer.
    if (!isUuid(userId) || input.orgId) return { kind: 'NotFound' };
    const resource = input.resource == null ? null : parseResource(input.resource);
    if (input.resource != null && !resource) return invalid('resource', 'A resource is type:id.');
    if (reason && [...reason].length > longestReason) return invalid('reason', `A reason has at most ${longestReason} characters.`);
    const at = clock.now();
    if (input.expiresAt && input.expiresAt <= at) return invalid('expiresAt', 'The end of a grant lies ahead.');
    if (!(await isPermission(database, permission))) return invalid('permission', 'There is no such permission.');
    const until = await mayGive({ permissions, clock }, caller, permission);
    if (until !== 'always' && (!input.expiresAt || input.expiresAt > until))
      return invalid('expiresAt', 'A grant ends no later than what its giver holds.');
    const grant: GrantRow = {
      id: random.uuid(at),
      userId,
      permission,
      orgId: null,
      resource: resource && `${resource.type}:${resource.id}`,
      grantedBy: caller.identity.userId,
      grantedAt: at,
      expiresAt: input.expiresAt ?? null,
      reason: reason?.trim() || null,
    };
    const given = await database.transaction(async (sql) => {
      if (!(await insertGrant(sql, grant))) return false;
      const data = { permission, grant: grant.id, expiresAt: grant.expiresAt?.toISOString() ?? null };
      await trail.write(sql, [trail.fact(caller, { type: 'permission.granted', data, subjectId: userId, resource: grant.resource })]);
      return true;
    });
    if (!given) return { kind: 'NotFound' };
    permissions.forget(userId);
    trail.committed();
    return { kind: 'PermissionGrant', ...grant };
  };

export const revokePermission =
  ({ database, clock, trail, permissions }: GrantNeeds) =>
  async (caller: SignedInCaller, { grantId }: { grantId: string }): Promise<RevokeGrantOutcome> => {
    if (!isUuid(grantId)) return { kind: 'NotFound' };
    const gone = await database.transaction(async (sql) => {
      const grant = await removeGrant(sql, grantId);
      if (!grant) return null;
      // A denial rolls the removal back.
      await mayGive({ permissions, clock }, caller, grant.permission);
      const data = { permission: grant.permission, grant: grantId };
      await trail.write(sql, [trail.fact(caller, { type: 'permission.revoked', data, subjectId: grant.userId })]);
      return grant;
    });
    if (!gone) return { kind: 'NotFound' };
    permissions.forget(gone.userId);
    trail.committed();
    return { kind: 'Deleted', id: grantId };
  };
