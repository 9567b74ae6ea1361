/** The door of the organizations room. */
import type { Clock, Database } from '../../infra/ports.ts';
import type { Caller } from '../caller.ts';
import { isUuid } from '../paging.ts';
import { type CreateNeeds, createOrganization } from './create.ts';
import { readDashboard } from './dashboard.ts';
import { acceptInvitation, type InviteNeeds, inviteMember, revokeInvitation } from './invite.ts';
import { type MayNeeds, openMay } from './may.ts';
import { findMember, listMembers, listMemberships } from './members.ts';
import { type MembershipNeeds, openMembership } from './membership.ts';
import type { Invitation, Member, Organization } from './model.ts';
import { countInvitations, findBySlug, findOrganizations, readInvitations } from './store.ts';
import { type SwitchNeeds, switchOrganization } from './switch.ts';
import { updateOrganization } from './update.ts';

export type OrganizationsNeeds = Omit<CreateNeeds & InviteNeeds & MembershipNeeds & SwitchNeeds, 'may'> &
  MayNeeds & { database: Database; clock: Clock };
export type Organizations = ReturnType<typeof openOrganizations>;

export const openOrganizations = (given: OrganizationsNeeds) => {
  const may = openMay(given);
  const needs = { ...given, may };
  const { database, clock } = given;
  /** Those of `ids` that are there for the caller, in their order. */
  const visible = async (caller: Caller, ids: readonly string[]): Promise<(Organization | null)[]> => {
    const rows = new Map((await findOrganizations(database, ids.filter(isUuid))).map((row) => [row.id, row]));
    return Promise.all(
      ids.map(async (id) => {
        const row = rows.get(id.toLowerCase());
        return row && (await may.holds(caller, row.id, 'org.read')) ? row : null;
      }),
    );
  };
  return {
    create: createOrganization(needs),
    update: updateOrganization(needs),
    invite: inviteMember(needs),
    acceptInvitation: acceptInvitation(needs),
    revokeInvitation: revokeInvitation(needs),
    membership: openMembership(needs),
    switchTo: switchOrganization(needs),
    visible,
    /** Whether or not they are there for the caller: whoever sees a membership or an invitation sees in what. */
    named: async (ids: readonly string[]): Promise<(Organization | null)[]> => {
      const rows = new Map((await findOrganizations(database, ids)).map((row) => [row.id, row]));
      return ids.map((id) => rows.get(id) ?? null);
    },
    find: async (caller: Caller, by: { id?: string | null; slug?: string | null }): Promise<Organization | null> => {
      const id = by.id ?? (by.slug ? ((await findBySlug(database, by.slug))?.id ?? null) : null);
      return id ? ((await visible(caller, [id]))[0] ?? null) : null;
    },
    members: listMembers(needs),
    member: async (orgId: string, userId: string): Promise<Member | null> => (await findMember(database, orgId, userId)) ?? null,
    memberships: listMemberships(needs),
    /** Null where the caller may not see them. */
    invitations: async (caller: Caller, orgId: string, after: string | null, limit: number): Promise<Invitation[] | null> =>
      (await may.holds(caller, orgId, 'org.members.manage')) ? readInvitations(database, orgId, clock.now(), after, limit) : null,
    countInvitations: (orgId: string): Promise<number> => countInvitations(database, orgId, clock.now()),
    dashboard: readDashboard(needs),
    may: may.holds,
  };
};
