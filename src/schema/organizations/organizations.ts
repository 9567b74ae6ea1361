/** What callers give the organizations room, and how its operations end. */
import type { Organizations } from '../../auth/organizations/index.ts';
import { builder } from '../builder.ts';
import { problems } from '../problems.ts';
import { type OutcomeOf, resultUnion } from '../result.ts';
import { Invitation, Organization, OrgMember } from './organization.ts';

export const OrgMemberFilter = builder.inputType('OrgMemberFilter', {
  description:
    '`search` is the beginning of a username or a name; for those who manage members, of an address too, and `mfaEnabled` is for them alone.',
  fields: (t) => ({ role: t.string(), search: t.string(), mfaEnabled: t.boolean() }),
});
export const CreateOrganizationInput = builder.inputType('CreateOrganizationInput', {
  fields: (t) => ({ name: t.string({ required: true }), slug: t.string() }),
});
export const OrganizationSettingsInput = builder.inputType('OrganizationSettingsInput', {
  description: 'What is left out stays; null takes a limit away.',
  fields: (t) => ({
    requireMfa: t.boolean(),
    maxSessionsPerUser: t.int(),
    allowedEmailDomains: t.stringList(),
    sessionIdleSeconds: t.int(),
    auditRetentionDays: t.int(),
  }),
});
export const UpdateOrganizationInput = builder.inputType('UpdateOrganizationInput', {
  fields: (t) => ({
    orgId: t.id({ required: true }),
    name: t.string(),
    slug: t.string(),
    settings: t.field({ type: OrganizationSettingsInput }),
  }),
});
export const InviteMemberInput = builder.inputType('InviteMemberInput', {
  fields: (t) => ({
    orgId: t.id({ required: true }),
    email: t.field({ type: 'EmailAddress', required: true }),
    role: t.string({ required: true }),
  }),
});
export const AcceptInvitationInput = builder.inputType('AcceptInvitationInput', {
  fields: (t) => ({ token: t.string({ required: true }) }),
});
export const OrgMemberInput = builder.inputType('OrgMemberInput', {
  fields: (t) => ({ orgId: t.id({ required: true }), userId: t.id({ required: true }), role: t.string({ required: true }) }),
});
export const RemoveMemberInput = builder.inputType('RemoveMemberInput', {
  fields: (t) => ({ orgId: t.id({ required: true }), userId: t.id({ required: true }) }),
});
export const TransferOwnershipInput = builder.inputType('TransferOwnershipInput', {
  fields: (t) => ({ orgId: t.id({ required: true }), toUserId: t.id({ required: true }) }),
});

type Membership = Organizations['membership'];
export const MemberRemoved = builder
  .objectRef<Extract<OutcomeOf<Membership['remove']>, { kind: 'MemberRemoved' }>>('MemberRemoved')
  .implement({ fields: (t) => ({ orgId: t.exposeID('orgId'), userId: t.exposeID('userId') }) });

const { NotFound, Conflict, InvalidInput, QuotaExceeded, TooManyAttempts, TokenInvalid, LastOwner } = problems;
type OrganizationOutcome = OutcomeOf<Organizations['create']> | OutcomeOf<Organizations['update']> | OutcomeOf<Membership['transfer']>;
export const OrganizationResult = resultUnion<OrganizationOutcome>('OrganizationResult', {
  Organization,
  NotFound,
  Conflict,
  InvalidInput,
  QuotaExceeded,
});
export const InvitationResult = resultUnion<OutcomeOf<Organizations['invite']>>('InvitationResult', {
  Invitation,
  NotFound,
  Conflict,
  InvalidInput,
  QuotaExceeded,
  TooManyAttempts,
});
type MemberOutcome = OutcomeOf<Membership['add']> | OutcomeOf<Membership['changeRole']> | OutcomeOf<Organizations['acceptInvitation']>;
export const OrgMemberResult = resultUnion<MemberOutcome>('OrgMemberResult', {
  OrgMember,
  NotFound,
  Conflict,
  TokenInvalid,
  LastOwner,
  InvalidInput,
});
export const RemoveMemberResult = resultUnion<OutcomeOf<Membership['remove']>>('RemoveMemberResult', {
  MemberRemoved,
  NotFound,
  LastOwner,
});
