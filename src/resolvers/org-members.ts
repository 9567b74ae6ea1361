/** What is asked of an organization, its members and invitations, and of users and sessions about organizations. */
import { pageOf, windowOf } from '../auth/paging.ts';
import { AuditEvent } from '../schema/audit/audit.ts';
import { builder } from '../schema/builder.ts';
import { countedTo } from '../schema/counts.ts';
import {
  Invitation,
  Membership,
  Organization,
  OrganizationDashboard,
  OrganizationSettings,
  OrgMember,
} from '../schema/organizations/organization.ts';
import { OrgMemberFilter } from '../schema/organizations/organizations.ts';
import { Session } from '../schema/sessions/session.ts';
import { maySee, User } from '../schema/users/user.ts';

type Counted = { totalCount(): Promise<number> };
const counted = { resolve: (page: unknown) => (page as Counted).totalCount() };
export const memberConnection = builder.connectionObject(
  { type: OrgMember, name: 'OrgMemberConnection', fields: (t) => ({ totalCount: t.int({ ...counted, description: countedTo }) }) },
  { name: 'OrgMemberEdge' },
);
const membershipConnection = builder.connectionObject(
  { type: Membership, name: 'MembershipConnection', fields: (t) => ({ totalCount: t.int(counted) }) },
  { name: 'MembershipEdge' },
);
const invitationConnection = builder.connectionObject(
  { type: Invitation, name: 'InvitationConnection', fields: (t) => ({ totalCount: t.int(counted) }) },
  { name: 'InvitationEdge' },
);

builder.objectFields(Organization, (t) => ({
  settings: t.field({
    type: OrganizationSettings,
    nullable: true,
    description: 'For those who may change them.',
    resolve: async (org, _args, { auth, caller }) => ((await auth.organizations.may(caller, org.id, 'org.update')) ? org : null),
  }),
  members: t.connection(
    {
      type: OrgMember,
      nullable: true,
      args: { filter: t.arg({ type: OrgMemberFilter }) },
      resolve: (org, args, { auth, caller }) => auth.organizations.members(caller, org.id, args),
    },
    memberConnection,
  ),
  invitations: t.connection(
    {
      type: Invitation,
      nullable: true,
      description: 'Open ones, for those who manage members.',
      resolve: async (org, args, { auth, caller }) => {
        const window = windowOf(args);
        const rows = await auth.organizations.invitations(caller, org.id, window.after, window.size + 1);
        return rows && { ...pageOf(window, rows), totalCount: () => auth.organizations.countInvitations(org.id) };
      },
    },
    invitationConnection,
  ),
  dashboard: t.field({
    type: OrganizationDashboard,
    nullable: true,
    description: 'For those who manage members.',
    resolve: async (org, _args, { auth, caller }) =>
      (await auth.organizations.may(caller, org.id, 'org.members.manage')) ? auth.organizations.dashboard(org.id) : null,
  }),
}));

const user = { type: User } as const;
builder.objectFields(OrgMember, (t) => ({
  user: t.field({ ...user, resolve: (member, _args, { loaders }) => loaders.userRef.load(member.userId) as never }),
  organization: t.field({ type: Organization, resolve: (member, _args, { loaders }) => loaders.place.load(member.orgId) as never }),
}));
builder.objectFields(Membership, (t) => ({
  organization: t.field({ type: Organization, resolve: (member, _args, { loaders }) => loaders.place.load(member.orgId) as never }),
}));
builder.objectFields(Invitation, (t) => ({
  organization: t.field({
    type: Organization,
    resolve: (invitation, _args, { loaders }) => loaders.place.load(invitation.orgId) as never,
  }),
  invitedBy: t.field({
    ...user,
    nullable: true,
    resolve: (invitation, _args, { loaders }) => (invitation.invitedBy ? (loaders.userRef.load(invitation.invitedBy) as never) : null),
  }),
}));
builder.objectField(User, 'memberships', (t) =>
  t.connection(
    {
      type: Membership,
      nullable: true,
      resolve: (person, args, context) => (maySee(person.id, context) ? context.auth.organizations.memberships(person.id, args) : null),
    },
    membershipConnection,
  ),
);
builder.prismaObjectField(Session, 'organization', (t) =>
  t.field({
    type: Organization,
    nullable: true,
    select: { orgId: true },
    resolve: (session, _args, { loaders }) => (session.orgId ? (loaders.organization.load(session.orgId) as never) : null),
  }),
);
builder.objectField(AuditEvent, 'organization', (t) =>
  t.field({
    type: Organization,
    nullable: true,
    resolve: (fact, _args, { loaders }) => (fact.org_id ? (loaders.organization.load(fact.org_id) as never) : null),
  }),
);
