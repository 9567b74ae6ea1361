/** The verbs of organizations. */
import { forbidden } from '../auth/access/denial.ts';
import { builder } from '../schema/builder.ts';
import type { Context } from '../schema/context.ts';
import { DeleteResult } from '../schema/deleted.ts';
import { Organization, OrgMember } from '../schema/organizations/organization.ts';
import * as org from '../schema/organizations/organizations.ts';
import { RefreshResult } from '../schema/sessions/sessions.ts';
import { memberConnection } from './org-members.ts';
import { signedInOnly } from './reference.ts';

builder.queryField('organization', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: Organization,
    nullable: true,
    door: { open: 'signedIn', note: 'Of which the caller is a member; of others: org.read.' },
    args: { id: t.arg.id(), slug: t.arg.string() },
    resolve: (_root, args, { auth, caller }) => auth.organizations.find(caller, args),
  }),
);

builder.queryField('orgMembers', (t) =>
  t.connection(
    {
      type: OrgMember,
      door: { open: 'signedIn', note: 'org.members.read in that organization.' },
      args: { orgId: t.arg.id({ required: true }), filter: t.arg({ type: org.OrgMemberFilter }) },
      resolve: async (_root, { orgId, ...args }, { auth, caller }) => {
        const page = await auth.organizations.members(caller, orgId, args);
        // Absent and not visible are one answer.
        if (!page) throw forbidden('org.members.read is needed in that organization.');
        return page;
      },
    },
    memberConnection,
  ),
);

/** An outcome that names an organization or a member, as the row it is now. */
const shown = async <O extends { kind: string }>({ auth, loaders }: Context, outcome: O): Promise<O> => {
  const { kind, id, orgId, userId } = outcome as O & Partial<Record<'id' | 'orgId' | 'userId', string>>;
  if (kind === 'Organization' && id) return { ...outcome, ...(await loaders.organization.clear(id).load(id)) };
  if (kind === 'OrgMember' && orgId && userId) return { ...outcome, ...(await auth.organizations.member(orgId, userId)) };
  return outcome;
};

builder.mutationField('createOrganization', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: org.OrganizationResult,
    door: { open: 'signedIn', inPerson: true },
    args: { input: t.arg({ type: org.CreateOrganizationInput, required: true }) },
    resolve: async (_root, { input }, context) => shown(context, await context.auth.organizations.create(context.caller, input)),
  }),
);
builder.mutationField('updateOrganization', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: org.OrganizationResult,
    door: { open: 'signedIn', asOneself: true, note: 'org.update there.' },
    args: { input: t.arg({ type: org.UpdateOrganizationInput, required: true }) },
    resolve: async (_root, { input }, context) => shown(context, await context.auth.organizations.update(context.caller, input)),
  }),
);
builder.mutationField('inviteMember', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: org.InvitationResult,
    door: { open: 'signedIn', asOneself: true, note: 'org.members.manage there.' },
    args: { input: t.arg({ type: org.InviteMemberInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.organizations.invite(caller, input),
  }),
);
builder.mutationField('acceptInvitation', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: org.OrgMemberResult,
    door: { open: 'signedIn', inPerson: true, asOneself: true, note: 'By the user whose address it was sent to.' },
    args: { input: t.arg({ type: org.AcceptInvitationInput, required: true }) },
    resolve: async (_root, { input }, context) => shown(context, await context.auth.organizations.acceptInvitation(context.caller, input)),
  }),
);
builder.mutationField('revokeInvitation', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: DeleteResult,
    door: { open: 'signedIn', note: 'org.members.manage there.' },
    args: { invitationId: t.arg.id({ required: true }) },
    resolve: (_root, { invitationId }, { auth, caller }) => auth.organizations.revokeInvitation(caller, invitationId),
  }),
);
builder.mutationField('addMember', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: org.OrgMemberResult,
    door: { open: 'signedIn', asOneself: true, note: 'org.members.manage there.' },
    args: { input: t.arg({ type: org.OrgMemberInput, required: true }) },
    resolve: async (_root, { input }, context) => shown(context, await context.auth.organizations.membership.add(context.caller, input)),
  }),
);
builder.mutationField('updateMemberRole', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: org.OrgMemberResult,
    door: { open: 'signedIn', asOneself: true, note: 'org.members.manage there; nobody gives or takes more than he holds.' },
    args: { input: t.arg({ type: org.OrgMemberInput, required: true }) },
    resolve: async (_root, { input }, context) =>
      shown(context, await context.auth.organizations.membership.changeRole(context.caller, input)),
  }),
);
builder.mutationField('removeMember', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: org.RemoveMemberResult,
    door: { open: 'signedIn', asOneself: true, note: 'Oneself; others: org.members.manage there.' },
    args: { input: t.arg({ type: org.RemoveMemberInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.organizations.membership.remove(caller, input),
  }),
);
builder.mutationField('transferOwnership', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: org.OrganizationResult,
    door: {
      open: 'signedIn',
      stepUp: 'always',
      note: 'By an owner, who becomes admin; a further owner: org.recover, by who is no member.',
    },
    args: { input: t.arg({ type: org.TransferOwnershipInput, required: true }) },
    resolve: async (_root, { input }, context) =>
      shown(context, await context.auth.organizations.membership.transfer(context.caller, input)),
  }),
);
builder.mutationField('switchOrganization', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: RefreshResult,
    door: { open: 'signedIn', note: 'The new access token speaks for the organization; the refresh token stays, and is null here.' },
    args: { orgId: t.arg.id({ required: true }) },
    resolve: async (_root, { orgId }, { auth, caller }) => (await auth.organizations.switchTo(caller, orgId)) as never,
  }),
);

builder.asEntity(Organization, {
  key: builder.selection<{ id: string }>('id'),
  resolveReference: ({ id }, { loaders, caller }) => signedInOnly(caller, () => loaders.organization.load(id)) as never,
});
