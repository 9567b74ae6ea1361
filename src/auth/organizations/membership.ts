/** Adding, changing and removing members, and handing an organization over. Never zero owners: whoever counts them holds the organization's row. */
import type { Clock, Database, Sql } from '../../infra/ports.ts';
import { permissionsThere } from '../access/model.ts';
import type { Permissions } from '../access/permissions.ts';
import { findRole, permissionsOfRoles, type RoleRow } from '../access/role-store.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Post } from '../letters/post.ts';
import type { Refused } from '../outcome.ts';
import { isUuid } from '../paging.ts';
import { enoughOwned, holdFor, invalid, isOwner, type OrganizationOutcome, ownsEnough } from './create.ts';
import type { MemberOutcome } from './invite.ts';
import type { May } from './may.ts';
import { isAllowed, mostOwned, ownerRole } from './model.ts';
import {
  countOtherOwners,
  deleteMember,
  findAddressee,
  findEmailKey,
  findMemberRole,
  findOrganizations,
  insertMember,
  leaveOrganization,
  lockOrganization,
  type MemberRole,
  setMemberRole,
} from './store.ts';

export type MembershipNeeds = { database: Database; clock: Clock; trail: AuditTrail; may: May; permissions: Permissions; post: Post };
export type OrgMemberInput = { orgId: string; userId: string; role: string };
export type OrgMemberOutcome = MemberOutcome | Refused<'NotFound' | 'Conflict' | 'LastOwner' | 'InvalidInput'>;
export type RemoveMemberOutcome =
  | { readonly kind: 'MemberRemoved'; readonly orgId: string; readonly userId: string }
  | Refused<'NotFound' | 'LastOwner'>;

type TransferOutcome = OrganizationOutcome | Refused<'NotFound' | 'Conflict' | 'QuotaExceeded'>;

const noRole = () => invalid('role', 'There is no such role in the organization.');
const idsOf = (input: { orgId: string; userId: string }) => ({ orgId: input.orgId.toLowerCase(), userId: input.userId.toLowerCase() });

export const openMembership = ({ database, clock, trail, may, permissions, post }: MembershipNeeds) => {
  /** Runs with the rows of these users, one of whom is given the role (if any), and of the organization held; tells caches afterwards. */
  const change = async <Outcome>(
    orgId: string,
    userIds: readonly string[],
    role: RoleRow | undefined,
    work: (sql: Sql) => Promise<Outcome>,
  ) => {
    const outcome = await database.transaction(async (sql) => {
      await holdFor(role)(sql, userIds);
      return (await lockOrganization(sql, orgId)) ? work(sql) : ({ kind: 'NotFound' } as const);
    });
    for (const userId of userIds) permissions.forget(userId);
    trail.committed();
    return outcome;
  };
  const outrank = async (caller: SignedInCaller, orgId: string, roles: readonly Pick<MemberRole, 'id'>[]): Promise<void> => {
    for (const role of roles) await may.outrank(caller, orgId, await permissionsOfRoles(database, [role.id]));
  };

  const add = async (caller: SignedInCaller, input: OrgMemberInput): Promise<OrgMemberOutcome> => {
    const { orgId, userId } = idsOf(input);
    if (!isUuid(userId) || !(await may.enter(caller, orgId, 'org.members.manage'))) return { kind: 'NotFound' };
    const role = await findRole(database, orgId, input.role);
    if (!role) return noRole();
    await outrank(caller, orgId, [role]);
    const [org] = await findOrganizations(database, [orgId]);
    const key = await findEmailKey(database, userId);
    if (!org || key === null) return { kind: 'NotFound' };
    if (!isAllowed(org.allowedEmailDomains, key)) return invalid('userId', 'The organization does not take addresses of this domain.');
    const at = clock.now();
    const person = await findAddressee(database, userId);
    if (!person) return { kind: 'NotFound' };
    // Nobody asked the person, whose sessions and second factors this concerns.
    const data = { at: at.toISOString(), organization: org.name, role: role.name };
    const queueLetter = await post.prepare({ name: 'added-to-organization', to: person.email, locale: person.locale, data });
    return change(orgId, [userId], role, async (sql): Promise<OrgMemberOutcome> => {
      if (await ownsEnough(sql, userId, role)) return enoughOwned('userId');
      if (!(await insertMember(sql, orgId, userId, role.id, at))) return { kind: 'Conflict' };
      await queueLetter(sql);
      await trail.write(sql, [
        trail.fact(caller, { type: 'organization.member_added', data: { role: role.name }, orgId, subjectId: userId }),
      ]);
      return { kind: 'OrgMember', orgId, userId };
    });
  };

  const changeRole = async (caller: SignedInCaller, input: OrgMemberInput): Promise<OrgMemberOutcome> => {
    const { orgId, userId } = idsOf(input);
    if (!isUuid(userId) || !(await may.enter(caller, orgId, 'org.members.manage'))) return { kind: 'NotFound' };
    const role = await findRole(database, orgId, input.role);
    if (!role) return noRole();
    const before = await findMemberRole(database, orgId, userId);
    if (!before) return { kind: 'NotFound' };
    await outrank(caller, orgId, [role, before]);
    return change(orgId, [userId], role, async (sql): Promise<OrgMemberOutcome> => {
      const current = await findMemberRole(sql, orgId, userId);
      // Somebody else was quicker: what the caller may was asked about another role.
      if (current?.id !== before.id) return { kind: current ? 'Conflict' : 'NotFound' };
      if (isOwner(current) && !isOwner(role) && (await countOtherOwners(sql, orgId, userId)) === 0) return { kind: 'LastOwner' };
      if (!isOwner(current) && (await ownsEnough(sql, userId, role))) return enoughOwned('userId');
      if (!(await setMemberRole(sql, orgId, userId, role.id))) return { kind: 'Conflict' };
      const data = { from: before.name, to: role.name };
      await trail.write(sql, [trail.fact(caller, { type: 'organization.member_role_changed', data, orgId, subjectId: userId })]);
      return { kind: 'OrgMember', orgId, userId };
    });
  };

  const remove = async (caller: SignedInCaller, input: { orgId: string; userId: string }): Promise<RemoveMemberOutcome> => {
    const { orgId, userId } = idsOf(input);
    const self = userId === caller.identity.userId;
    if (!isUuid(userId) || !isUuid(orgId)) return { kind: 'NotFound' };
    // Everybody may leave, whatever the role there gives; a key does it where it names that it sees the organization.
    const free = self && caller.identity.keyPermissions === null;
    if (!free && !(await may.enter(caller, orgId, self ? 'org.read' : 'org.members.manage'))) return { kind: 'NotFound' };
    const before = await findMemberRole(database, orgId, userId);
    if (!before) return { kind: 'NotFound' };
    if (!self) {
      await outrank(caller, orgId, [before]);
      // The roles and grants beside that of the membership go with it.
      await may.outrank(caller, orgId, permissionsThere(await permissions.compiled(userId), orgId, clock.now()));
    }
    return change(orgId, [userId], undefined, async (sql): Promise<RemoveMemberOutcome> => {
      const current = await findMemberRole(sql, orgId, userId);
      if (!current || (!self && current.id !== before.id)) return { kind: 'NotFound' };
      if (isOwner(current) && (await countOtherOwners(sql, orgId, userId)) === 0) return { kind: 'LastOwner' };
      await deleteMember(sql, orgId, userId);
      await leaveOrganization(sql, orgId, userId);
      await trail.write(sql, [
        trail.fact(caller, { type: 'organization.member_removed', data: { role: current.name }, orgId, subjectId: userId }),
      ]);
      return { kind: 'MemberRemoved', orgId, userId };
    });
  };

  const recover = (caller: SignedInCaller, orgId: string, toUserId: string, owner: { id: string }) =>
    change(orgId, [toUserId], undefined, async (sql): Promise<TransferOutcome> => {
      const current = await findMemberRole(sql, orgId, toUserId);
      if (!current?.isActive) return { kind: 'NotFound' };
      if (isOwner(current)) return { kind: 'Conflict' };
      if (!(await setMemberRole(sql, orgId, toUserId, owner.id))) return { kind: 'NotFound' };
      await trail.write(sql, [trail.fact(caller, { type: 'organization.recovered', data: {}, orgId, subjectId: toUserId })]);
      return { kind: 'Organization', id: orgId };
    });

  const transfer = async (caller: SignedInCaller, input: { orgId: string; toUserId: string }): Promise<TransferOutcome> => {
    const [orgId, toUserId] = [input.orgId.toLowerCase(), input.toUserId.toLowerCase()];
    const { userId } = caller.identity;
    if (!isUuid(toUserId)) return { kind: 'NotFound' };
    const [owner, admin] = [await findRole(database, orgId, ownerRole), await findRole(database, orgId, 'admin')];
    if (!owner || !admin) throw new Error('the built-in roles of organizations are not there');
    // From outside, for an organization whose owners are gone: a further one, of its own people.
    if (caller.permissions.has('org.recover') && !(await findMemberRole(database, orgId, userId)))
      return recover(caller, orgId, toUserId, owner);
    if (!(await may.enter(caller, orgId, 'org.own'))) return { kind: 'NotFound' };
    return change(orgId, [userId, toUserId], owner, async (sql): Promise<TransferOutcome> => {
      const own = await findMemberRole(sql, orgId, userId);
      if (!own || !isOwner(own) || userId === toUserId) return { kind: 'Conflict' };
      // Whoever is deactivated would be an owner who can do nothing.
      const theirs = await findMemberRole(sql, orgId, toUserId);
      if (!theirs?.isActive) return { kind: 'NotFound' };
      if (!isOwner(theirs) && (await ownsEnough(sql, toUserId, owner))) return { kind: 'QuotaExceeded', limit: mostOwned };
      if (!(await setMemberRole(sql, orgId, toUserId, owner.id))) return { kind: 'NotFound' };
      await setMemberRole(sql, orgId, userId, admin.id);
      await trail.write(sql, [
        trail.fact(caller, { type: 'organization.ownership_transferred', data: {}, orgId, subjectId: toUserId }),
        trail.fact(caller, { type: 'organization.member_role_changed', data: { from: ownerRole, to: 'admin' }, orgId, subjectId: userId }),
      ]);
      return { kind: 'Organization', id: orgId };
    });
  };

  return { add, changeRole, remove, transfer };
};
