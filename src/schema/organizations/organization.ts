/** The nouns of organizations. */
import type { Dashboard } from '../../auth/organizations/dashboard.ts';
import type { Invitation as InvitationRow, Member, Organization as OrganizationRow } from '../../auth/organizations/model.ts';
import { builder, Node } from '../builder.ts';
import { DailyCount } from '../daily-count.ts';

export const OrganizationSettings = builder.objectRef<OrganizationRow>('OrganizationSettings').implement({
  fields: (t) => ({
    requireMfa: t.exposeBoolean('requireMfa'),
    maxSessionsPerUser: t.exposeInt('maxSessionsPerUser', { nullable: true }),
    allowedEmailDomains: t.exposeStringList('allowedEmailDomains'),
    sessionIdleSeconds: t.exposeInt('sessionIdleSeconds', { nullable: true }),
    auditRetentionDays: t.exposeInt('auditRetentionDays', { nullable: true }),
  }),
});
export const OrganizationDashboard = builder.objectRef<Dashboard>('OrganizationDashboard').implement({
  fields: (t) => ({
    members: t.exposeInt('members'),
    activeMembers30d: t.exposeInt('activeMembers30d'),
    pendingInvitations: t.exposeInt('pendingInvitations'),
    mfaAdoption: t.exposeFloat('mfaAdoption', { description: '0 to 1.' }),
    activeSessions: t.exposeInt('activeSessions'),
    logins30d: t.expose('logins30d', { type: [DailyCount] }),
    failedLogins30d: t.expose('failedLogins30d', { type: [DailyCount] }),
  }),
});
/** Loaded whole where it is shown; a reference that came by mail or from another subgraph has the id alone until then. */
export const Organization = builder.objectRef<OrganizationRow>('Organization').implement({
  description: 'A tenant.',
  interfaces: [Node],
  fields: (t) => ({
    id: t.exposeID('id'),
    name: t.exposeString('name'),
    slug: t.exposeString('slug'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
  }),
});
export const OrgMember = builder.objectRef<Member>('OrgMember').implement({
  fields: (t) => ({
    joinedAt: t.expose('joinedAt', { type: 'DateTime' }),
    lastActiveAt: t.expose('lastActiveAt', { type: 'DateTime', nullable: true }),
  }),
});
export const Membership = builder
  .objectRef<Member>('Membership')
  .implement({ fields: (t) => ({ joinedAt: t.expose('joinedAt', { type: 'DateTime' }) }) });
export const Invitation = builder.objectRef<InvitationRow>('Invitation').implement({
  interfaces: [Node],
  fields: (t) => ({
    id: t.exposeID('id'),
    email: t.expose('email', { type: 'EmailAddress' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
  }),
});
