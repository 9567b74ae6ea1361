/** Whoever is deleted leaves every organization, and none of them without an owner. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admin, factOf } from '../../kit/administration.ts';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { ask, problem } from '../../kit/mfa.ts';
import { act, found, member } from '../../kit/organizations.ts';
import { openWorld, password, type SignedInPerson } from '../../kit/world.ts';

let world: Awaited<ReturnType<typeof openWorld>>;
let second: Awaited<ReturnType<typeof openWorld>>;
let watch: Watch;
let boss: SignedInPerson;
beforeAll(async () => {
  world = await openWorld({ DATABASE_POOL_SIZE: '20' });
  second = await openWorld({}, { databaseUrl: world.databaseUrl, keyFile: world.keyFile });
  watch = await watchChanges(world);
  boss = await world.signedIn(undefined, { roles: ['superadmin'] });
});
afterAll(async () => {
  await second?.close();
  await world?.close();
});

// biome-ignore lint/suspicious/noExplicitAny: answers of any shape
type Any = any;
const deleteOwn = ({ client }: Pick<SignedInPerson, 'client'>): Promise<Any> =>
  ask(client, `mutation ($input: DeleteAccountInput!) { deleteAccount(input: $input) { __typename ${problem} } }`, {
    currentPassword: password,
  });
const deletions: [string, (person: SignedInPerson) => Promise<Any>][] = [
  ['deleteAccount', deleteOwn],
  ['deleteUser', (person) => admin(boss.client, 'deleteUser', { userId: person.id })],
];
const leave = (person: SignedInPerson, orgId: string, client = person.client) => act(client, 'removeMember', { orgId, userId: person.id });
const transfer = (client: SignedInPerson['client'], input: object): Promise<Any> =>
  ask(client, `mutation ($input: TransferOwnershipInput!) { transferOwnership(input: $input) { __typename ${problem} } }`, input);
const membersOf = (orgId: string) =>
  world.sql<{ id: string; role: string; status: string }>(
    `SELECT u.id, r.name AS role, u.status FROM org_members m JOIN users u ON u.id = m.user_id JOIN roles r ON r.id = m.role_id WHERE m.org_id = $1 ORDER BY u.id`,
    [orgId],
  );
const isThere = async (orgId: string) => (await world.sql('SELECT 1 FROM organizations WHERE id = $1', [orgId])).length === 1;

describe.each(deletions)('%s', (_name, remove) => {
  it('is refused to the only owner of an organization with others, by its name, until it is handed over', async () => {
    const owner = await world.signedIn();
    const [orgId, alone] = [await found(owner, 'Zebra Sons'), await found(owner, 'Alone')];
    const heir = await member(world, owner, orgId, 'viewer');
    const { answer, changed } = await watch(() => remove(owner));
    expect(answer).toMatchObject({ __typename: 'LastOwner', message: expect.stringContaining('Zebra Sons') });
    expect(answer.message).not.toContain('Alone');
    expect(changed).toEqual(nothing);
    expect(await isThere(alone)).toBe(true);

    expect((await transfer(owner.client, { orgId, toUserId: heir.id })).__typename).toBe('Organization');
    expect((await remove(owner)).__typename).toBe('AccountDeleted');
    expect(await membersOf(orgId)).toEqual([{ id: heir.id, role: 'owner', status: 'ACTIVE' }]);
    expect(await factOf(world, 'organization.member_removed', owner.id)).toMatchObject({ data: { role: 'owner' } });
    const { data } = await heir.client.ask(`{ orgMembers(orgId: "${orgId}") { totalCount } }`);
    expect(data.orgMembers.totalCount).toBe(1);
  });

  it('takes an organization that nobody else is in, with its roles and invitations', async () => {
    const owner = await world.signedIn();
    const orgId = await found(owner);
    await act(owner.client, 'createRole', { orgId, name: 'desk', permissions: ['org.read'] });
    const invite = `mutation { inviteMember(input: { orgId: "${orgId}", email: "left@example.com", role: "desk" }) { __typename } }`;
    expect((await owner.client.ask(invite)).data.inviteMember.__typename).toBe('Invitation');
    const { answer, changed } = await watch(() => remove(owner));
    expect(answer.__typename).toBe('AccountDeleted');
    expect(changed.facts).toEqual(expect.arrayContaining(['organization.member_removed', 'organization.deleted', 'user.deleted']));
    expect(await isThere(orgId)).toBe(false);
    for (const table of ['invitations', 'roles', 'org_members'])
      expect(await world.sql(`SELECT 1 FROM ${table} WHERE org_id = $1`, [orgId])).toEqual([]);
  });

  it('lets a member and one owner of two go, with what was given there', async () => {
    const [owner, other] = [await world.signedIn(), await world.signedIn()];
    const orgId = await found(owner);
    await act(owner.client, 'addMember', { orgId, userId: other.id, role: 'owner' });
    const trader = await member(world, owner, orgId, 'trader');
    await act(owner.client, 'grantPermission', { orgId, userId: trader.id, permission: 'audit.read' });
    for (const person of [trader, owner]) expect((await remove(person)).__typename).toBe('AccountDeleted');
    expect(await membersOf(orgId)).toEqual([{ id: other.id, role: 'owner', status: 'ACTIVE' }]);
    expect(await world.sql('SELECT 1 FROM permission_grants WHERE org_id = $1', [orgId])).toEqual([]);
    expect((await leave(other, orgId)).__typename).toBe('LastOwner');
  });
});

describe('an owner who was deactivated', () => {
  it('stays one, and is none to leave an organization to', async () => {
    const [owner, other] = [await world.signedIn(), await world.signedIn()];
    const orgId = await found(owner);
    await act(owner.client, 'addMember', { orgId, userId: other.id, role: 'owner' });
    expect((await admin(boss.client, 'deactivateUser', { userId: other.id })).status).toBe('DEACTIVATED');
    expect((await leave(owner, orgId)).__typename).toBe('LastOwner');
    expect((await act(owner.client, 'updateMemberRole', { orgId, userId: owner.id, role: 'viewer' })).__typename).toBe('LastOwner');
    expect((await deleteOwn(owner)).__typename).toBe('LastOwner');
    expect((await admin(boss.client, 'activateUser', { userId: other.id })).status).toBe('ACTIVE');
    expect((await leave(owner, orgId)).__typename).toBe('MemberRemoved');
  });
});

describe('an only owner who is gone for good', () => {
  it('is joined by another one whom the platform’s administrator makes so, of its own active people alone, and then deleted', async () => {
    const owner = await world.signedIn();
    const orgId = await found(owner);
    const [heir, gone] = [await member(world, owner, orgId, 'admin'), await member(world, owner, orgId, 'admin')];
    const [stranger, support] = [await world.signedIn(), await world.signedIn(undefined, { roles: ['support'] })];
    await admin(boss.client, 'deactivateUser', { userId: gone.id });
    for (const toUserId of [stranger.id, gone.id, boss.id])
      expect((await transfer(boss.client, { orgId, toUserId })).__typename).toBe('NotFound');
    expect((await transfer(boss.client, { orgId, toUserId: owner.id })).__typename).toBe('Conflict');
    // Who sees the organization, and who sees it not, and may not.
    for (const person of [support, stranger])
      expect((await transfer(person.client, { orgId, toUserId: heir.id })).__typename).toBe('NotFound');
    expect((await transfer(boss.client, { orgId, toUserId: heir.id })).__typename).toBe('Organization');
    expect(
      (await membersOf(orgId))
        .filter(({ role }) => role === 'owner')
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual([owner.id, heir.id].toSorted());
    expect(
      await world.sql(
        `SELECT actor_id AS actor, subject_id AS heir FROM audit_events WHERE type = 'organization.recovered' AND org_id = $1`,
        [orgId],
      ),
    ).toEqual([{ actor: boss.id, heir: heir.id }]);
    expect((await admin(boss.client, 'deleteUser', { userId: owner.id })).__typename).toBe('AccountDeleted');
  });

  it('does not hand the organization to somebody who is deactivated', async () => {
    const owner = await world.signedIn();
    const orgId = await found(owner);
    const gone = await member(world, owner, orgId, 'admin');
    await admin(boss.client, 'deactivateUser', { userId: gone.id });
    expect((await transfer(owner.client, { orgId, toUserId: gone.id })).__typename).toBe('NotFound');
    expect((await transfer(owner.client, { orgId, toUserId: owner.id })).__typename).toBe('Conflict');
  });
});

describe('at once, on two processes, in fifty rounds', () => {
  /** The second process's client of the same person. */
  const elsewhere = ({ accessToken }: SignedInPerson) => second.anonymous.as(accessToken);
  const owners = async (orgId: string) =>
    (await membersOf(orgId)).filter(({ role, status }) => role === 'owner' && status === 'ACTIVE').length;

  it('one owner is deleted and the other one leaves, hands down, or is deleted: one stays', async () => {
    const tally: Record<string, number> = {};
    for (let round = 0; round < 50; round += 1) {
      const [one, two] = [await world.signedIn(), await world.signedIn()];
      const orgId = await found(one);
      await act(one.client, 'addMember', { orgId, userId: two.id, role: 'owner' });
      await member(world, one, orgId, 'viewer');
      const others = [
        () => leave(two, orgId, elsewhere(two)),
        () => act(elsewhere(two), 'updateMemberRole', { orgId, userId: two.id, role: 'viewer' }),
        () => deleteOwn({ client: elsewhere(two) }),
      ];
      const kinds = (await Promise.all([deletions[round % 2]![1](one), others[round % 3]!()])).map(({ __typename }) => __typename);
      expect(kinds.filter((kind) => kind === 'LastOwner')).toHaveLength(1);
      expect(await owners(orgId)).toBe(1);
      for (const kind of kinds) tally[kind] = (tally[kind] ?? 0) + 1;
    }
    // Either side wins sometimes, or no race was run.
    expect(tally['AccountDeleted']).toBeGreaterThan(0);
    expect((tally['MemberRemoved'] ?? 0) + (tally['OrgMember'] ?? 0)).toBeGreaterThan(0);
  }, 60_000);

  it('somebody is made owner, added, granted or handed an organization, and deleted: he is no member afterwards', async () => {
    for (let round = 0; round < 50; round += 1) {
      const [owner, person] = [await world.signedIn(), await world.signedIn()];
      const orgId = await found(owner);
      const invited = round % 4 > 0;
      if (invited) await act(owner.client, 'addMember', { orgId, userId: person.id, role: 'viewer' });
      const given = [
        () => act(owner.client, 'addMember', { orgId, userId: person.id, role: 'owner' }),
        () => act(owner.client, 'grantPermission', { orgId, userId: person.id, permission: 'audit.read' }),
        () => act(owner.client, 'assignRole', { orgId, userId: person.id, role: 'trader' }),
        () => transfer(owner.client, { orgId, toUserId: person.id }),
      ];
      const [gone, gave] = await Promise.all([deleteOwn({ client: elsewhere(person) }), given[round % 4]!()]);
      expect(gave.__typename).toMatch(/^(OrgMember|PermissionGrant|User|Organization|NotFound|Conflict)$/);
      const rest = await membersOf(orgId);
      expect(rest.some(({ status }) => status === 'DELETED')).toBe(false);
      expect(rest.some(({ id }) => id === person.id)).toBe(gone.__typename === 'LastOwner');
      expect(await owners(orgId)).toBe(1);
    }
  }, 60_000);
});
