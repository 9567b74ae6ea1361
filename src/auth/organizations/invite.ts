/** Invitations by mail: seven days, single use, bound to the address. */
import type { Clock, Database, Limiter, Random, Rate } from '../../infra/ports.ts';
import type { Permissions } from '../access/permissions.ts';
import { findRole, findRolesById, permissionsOfRoles } from '../access/role-store.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Post } from '../letters/post.ts';
import type { Refused } from '../outcome.ts';
import { isUuid } from '../paging.ts';
import { tokenDigest } from '../tokens/one-time.ts';
import { mailedLink } from '../users/mail.ts';
import { accountDigest, emailKey, parseEmail } from '../users/model.ts';
import { findByEmail } from '../users/store.ts';
import { enoughOwned, holdFor, invalid, ownsEnough } from './create.ts';
import type { May } from './may.ts';
import { type Invitation, invitationDays, isAllowed, mostInvitations } from './model.ts';
import {
  countInvitations,
  endInvitation,
  findEmailKey,
  findInvitation,
  findInvitationOrg,
  findInvitedOrg,
  findMemberRole,
  findOrganizations,
  findSent,
  insertInvitation,
  insertMember,
  lockOrganization,
  useInvitation,
} from './store.ts';

export type InviteNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  limiter: Limiter;
  trail: AuditTrail;
  post: Post;
  may: May;
  permissions: Permissions;
  pepper: Buffer;
  config: { RATE_LIMIT_RESET: Rate; LINK_INVITATION?: string | undefined; publicUrl: string };
};
export type InviteMemberInput = { orgId: string; email: string; role: string };
export type InvitationOutcome =
  | ({ readonly kind: 'Invitation' } & Invitation)
  | Refused<'NotFound' | 'Conflict' | 'InvalidInput' | 'QuotaExceeded' | 'TooManyAttempts'>;
export type MemberOutcome = { readonly kind: 'OrgMember'; readonly orgId: string; readonly userId: string };

export const inviteMember =
  ({ database, clock, random, limiter, trail, post, may, pepper, config }: InviteNeeds) =>
  async (caller: SignedInCaller, input: InviteMemberInput): Promise<InvitationOutcome> => {
    const orgId = input.orgId.toLowerCase();
    if (!(await may.enter(caller, orgId, 'org.members.manage'))) return { kind: 'NotFound' };
    const email = parseEmail(input.email);
    const [org] = await findOrganizations(database, [orgId]);
    const role = await findRole(database, orgId, input.role);
    if (!org || !email) return org ? invalid('email', 'This is not an email address.') : { kind: 'NotFound' };
    if (!role) return invalid('role', 'There is no such role in the organization.');
    const key = emailKey(email);
    if (!isAllowed(org.allowedEmailDomains, key)) return invalid('email', 'The organization does not take addresses of this domain.');
    await may.outrank(caller, orgId, await permissionsOfRoles(database, [role.id]));
    const known = await findByEmail(database, key);
    if (known && (await findMemberRole(database, orgId, known.id))) return { kind: 'Conflict' };
    const place = await limiter.take(`invite:${accountDigest(pepper, key)}`, config.RATE_LIMIT_RESET);
    if (!place.allowed) return { kind: 'TooManyAttempts', retryAfterSeconds: place.retryAfterSeconds };
    const at = clock.now();
    const [id, token] = [random.uuid(at), random.bytes(32).toString('base64url')];
    const expiresAt = new Date(at.getTime() + invitationDays * 86_400_000);
    const link = mailedLink(config.LINK_INVITATION ?? `${config.publicUrl}/invitation`, token);
    const data = { link, organization: org.name, validDays: invitationDays };
    const queueLetter = await post.prepare({ name: 'invitation', to: email, locale: known?.locale ?? null, data });
    const row = {
      id,
      orgId,
      email,
      emailKey: key,
      roleId: role.id,
      invitedBy: caller.identity.userId,
      tokenHash: tokenDigest(token),
      at,
      expiresAt,
    };
    const outcome = await database.transaction(async (sql): Promise<InvitationOutcome | null> => {
      if (!(await lockOrganization(sql, orgId))) return { kind: 'NotFound' };
      if ((await countInvitations(sql, orgId, at)) >= mostInvitations) return { kind: 'QuotaExceeded', limit: mostInvitations };
      if (!(await insertInvitation(sql, row))) return { kind: 'Conflict' };
      await queueLetter(sql);
      await trail.write(sql, [
        trail.fact(caller, { type: 'organization.member_invited', data: { invitation: id, role: role.name }, orgId }),
      ]);
      return null;
    });
    if (outcome) return outcome;
    trail.committed();
    return { kind: 'Invitation', ...((await findInvitation(database, id)) as Invitation) };
  };

export type AcceptOutcome = MemberOutcome | Refused<'TokenInvalid' | 'Conflict' | 'InvalidInput'>;

/** By the user whose proved address it was sent to; nobody else's token is good. It is worth what its sender may give now. */
export const acceptInvitation =
  ({ database, clock, trail, permissions, may }: InviteNeeds) =>
  async (caller: SignedInCaller, { token }: { token: string }): Promise<AcceptOutcome> => {
    const { userId } = caller.identity;
    const sent = await findSent(database, tokenDigest(token));
    // Else whoever is put out, or down, comes back by a letter to another address of his.
    const given = sent ? await permissionsOfRoles(database, [sent.roleId]) : [];
    if (!sent?.invitedBy || !(await may.mayAdmit(sent.invitedBy, sent.orgId, given))) return { kind: 'TokenInvalid' };
    const [offered] = await findRolesById(database, [sent.roleId]);
    const outcome = await database.transaction(async (sql): Promise<AcceptOutcome> => {
      await holdFor(offered)(sql, [userId]);
      const hash = tokenDigest(token);
      const place = await findInvitedOrg(sql, hash);
      if (!place || !(await lockOrganization(sql, place))) return { kind: 'TokenInvalid' };
      const key = await findEmailKey(sql, userId);
      const [org] = await findOrganizations(sql, [place]);
      // By the domains of today, whatever they were when it was sent.
      if (!org || key === null || !isAllowed(org.allowedEmailDomains, key)) return { kind: 'TokenInvalid' };
      if (await ownsEnough(sql, userId, offered)) return enoughOwned('token');
      const used = await useInvitation(sql, hash, key, clock.now());
      if (!used) return { kind: 'TokenInvalid' };
      const { id, orgId, roleId } = used;
      // Added by somebody else meanwhile: the invitation is spent, and the role is the one that was given.
      if (!(await insertMember(sql, orgId, userId, roleId, clock.now()))) return { kind: 'Conflict' };
      const role = (await findMemberRole(sql, orgId, userId))?.name ?? '';
      await trail.write(sql, [
        trail.fact(caller, { type: 'organization.invitation_accepted', data: { invitation: id }, orgId }),
        trail.fact(caller, { type: 'organization.member_added', data: { role }, orgId }),
      ]);
      return { kind: 'OrgMember', orgId, userId };
    });
    permissions.forget(userId);
    trail.committed();
    return outcome;
  };

export const revokeInvitation =
  ({ database, clock, trail, may }: InviteNeeds) =>
  async (caller: SignedInCaller, invitationId: string): Promise<{ kind: 'Deleted'; id: string } | Refused<'NotFound'>> => {
    const orgId = isUuid(invitationId) ? await findInvitationOrg(database, invitationId) : null;
    if (!orgId || !(await may.enter(caller, orgId, 'org.members.manage'))) return { kind: 'NotFound' };
    const gone = await database.transaction(async (sql) => {
      if (!(await endInvitation(sql, invitationId, orgId, clock.now()))) return false;
      await trail.write(sql, [trail.fact(caller, { type: 'organization.invitation_revoked', data: { invitation: invitationId }, orgId })]);
      return true;
    });
    if (!gone) return { kind: 'NotFound' };
    trail.committed();
    return { kind: 'Deleted', id: invitationId };
  };
