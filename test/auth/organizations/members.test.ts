/** Members: roles, owners, and what an organization is to those outside of it. */
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../kit/client.ts';
import { ask, problem } from '../../kit/mfa.ts';
import { openWorld, type SignedInPerson } from '../../kit/world.ts';

let world: Awaited<ReturnType<typeof openWorld>>;
beforeAll(async () => {
  world = await openWorld({ DATABASE_POOL_SIZE: '20' });
});
afterAll(() => world?.close());

// biome-ignore lint/suspicious/noExplicitAny: answers of any shape
type Any = any;
const add = (client: Client, input: object): Promise<Any> =>
  ask(client, `mutation ($input: OrgMemberInput!) { addMember(input: $input) { __typename ${problem} } }`, input);
const setRole = (client: Client, input: object): Promise<Any> =>
  ask(client, `mutation ($input: OrgMemberInput!) { updateMemberRole(input: $input) { __typename ${problem} } }`, input);
const remove = (client: Client, input: object): Promise<Any> =>
  ask(client, `mutation ($input: RemoveMemberInput!) { removeMember(input: $input) { __typename ${problem} } }`, input);
const transfer = (client: Client, input: object): Promise<Any> =>
  ask(client, `mutation ($input: TransferOwnershipInput!) { transferOwnership(input: $input) { __typename ${problem} } }`, input);
const deniedAs = async (client: Client, name: string, type: string, input: object) =>
  (await client.ask(`mutation ($input: ${type}!) { ${name}(input: $input) { __typename } }`, { input })).errors?.[0]?.extensions.code;
const found = async (owner: SignedInPerson): Promise<string> =>
  (
    (await ask(
      owner.client,
      'mutation ($input: CreateOrganizationInput!) { createOrganization(input: $input) { __typename ... on Organization { id } } }',
      { name: 'Sons' },
    )) as Any
  ).id;
const member = async (owner: SignedInPerson, orgId: string, role: string): Promise<SignedInPerson> => {
  const person = await world.signedIn();
  expect((await add(owner.client, { orgId, userId: person.id, role })).__typename).toBe('OrgMember');
  return person;
};
const owners = async (orgId: string) =>
  (await world.sql(`SELECT 1 FROM org_members m JOIN roles r ON r.id = m.role_id WHERE m.org_id = $1 AND r.name = 'owner'`, [orgId]))
    .length;

describe('nobody', () => {
  it('gives, changes or takes a role that gives more than he holds', async () => {
    const owner = await world.signedIn();
    const orgId = await found(owner);
    const [admin, trader, stranger] = [await member(owner, orgId, 'admin'), await member(owner, orgId, 'trader'), await world.signedIn()];
    expect((await setRole(admin.client, { orgId, userId: trader.id, role: 'admin' })).__typename).toBe('OrgMember');
    const input = { orgId, userId: trader.id, role: 'owner' };
    expect(await deniedAs(admin.client, 'updateMemberRole', 'OrgMemberInput', input)).toBe('FORBIDDEN');
    expect(await deniedAs(admin.client, 'addMember', 'OrgMemberInput', { ...input, userId: stranger.id })).toBe('FORBIDDEN');
    expect(await deniedAs(admin.client, 'updateMemberRole', 'OrgMemberInput', { ...input, userId: owner.id, role: 'viewer' })).toBe(
      'FORBIDDEN',
    );
    expect(await deniedAs(admin.client, 'removeMember', 'RemoveMemberInput', { orgId, userId: owner.id })).toBe('FORBIDDEN');
    expect(await deniedAs(admin.client, 'transferOwnership', 'TransferOwnershipInput', { orgId, toUserId: admin.id })).toBe('FORBIDDEN');
    expect((await add(owner.client, { orgId, userId: stranger.id, role: 'superadmin' })).__typename).toBe('InvalidInput');
    expect((await stranger.client.ask('{ me { permissions } }')).data.me.permissions).toEqual([]);
  });
});

describe('an organization', () => {
  it('keeps its last owner, whoever asks and however', async () => {
    const owner = await world.signedIn();
    const orgId = await found(owner);
    const admin = await member(owner, orgId, 'admin');
    expect((await remove(owner.client, { orgId, userId: owner.id })).__typename).toBe('LastOwner');
    expect((await setRole(owner.client, { orgId, userId: owner.id, role: 'viewer' })).__typename).toBe('LastOwner');
    expect((await transfer(owner.client, { orgId, toUserId: admin.id })).__typename).toBe('Organization');
    expect(await owners(orgId)).toBe(1);
    expect((await remove(owner.client, { orgId, userId: owner.id })).__typename).toBe('MemberRemoved');
    expect((await remove(owner.client, { orgId, userId: owner.id })).__typename).toBe('NotFound');
  });

  it('has an owner left when the last two leave at once, in fifty rounds', async () => {
    for (let round = 0; round < 50; round += 1) {
      const [one, two] = [await world.signedIn(), await world.signedIn()];
      const orgId = await found(one);
      await add(one.client, { orgId, userId: two.id, role: 'owner' });
      const kinds = (
        await Promise.all([
          remove(one.client, { orgId, userId: one.id }),
          round % 2 ? remove(two.client, { orgId, userId: two.id }) : setRole(two.client, { orgId, userId: two.id, role: 'viewer' }),
        ])
      ).map((answer) => answer.__typename);
      expect(kinds).toContain('LastOwner');
      expect(await owners(orgId)).toBe(1);
    }
  }, 60_000);
});

describe('members', () => {
  it('are listed in pages, by role, by the beginning of a name or address, and by their factor', async () => {
    const owner = await world.signedIn();
    const orgId = await found(owner);
    const people = [await member(owner, orgId, 'trader'), await member(owner, orgId, 'viewer'), await member(owner, orgId, 'viewer')];
    await world.sql(`UPDATE users SET name = 'Grace Hopper' WHERE id = $1`, [people[1]!.id]);
    const query = `query ($orgId: ID!, $first: Int, $after: String, $filter: OrgMemberFilter) { orgMembers(orgId: $orgId, first: $first, after: $after, filter: $filter) {
      totalCount pageInfo { hasNextPage endCursor } edges { node { user { id } joinedAt lastActiveAt } } } }`;
    const page = async (more: object) => (await owner.client.ask(query, { orgId, ...more })).data.orgMembers;
    const ids = (list: Any) => list.edges.map((edge: Any) => edge.node.user.id);
    const first = await page({ first: 3 });
    expect(first).toMatchObject({ totalCount: 4, pageInfo: { hasNextPage: true } });
    const rest = await page({ first: 3, after: first.pageInfo.endCursor });
    expect([...ids(first), ...ids(rest)]).toEqual([owner.id, ...people.map(({ id }) => id)]);
    expect(ids(await page({ filter: { role: 'viewer' } }))).toEqual([people[1]!.id, people[2]!.id]);
    expect(ids(await page({ filter: { search: 'grace' } }))).toEqual([people[1]!.id]);
    expect(ids(await page({ filter: { search: people[0]!.email.toUpperCase() } }))).toEqual([people[0]!.id]);
    expect(ids(await page({ filter: { search: '%' } }))).toEqual([]);
    expect((await page({ filter: { mfaEnabled: true } })).totalCount).toBe(0);
  });

  it('are found neither by an address nor by a factor by a member who is shown neither', async () => {
    const owner = await world.signedIn();
    const orgId = await found(owner);
    const viewer = await member(owner, orgId, 'viewer');
    await world.sql(`UPDATE users SET name = 'Grace Hopper' WHERE id = $1`, [owner.id]);
    const counted = async ({ client }: SignedInPerson, filter: string) => {
      const { data, errors } = await client.ask(`{ orgMembers(orgId: "${orgId}", filter: { ${filter} }) { totalCount } }`);
      return data?.orgMembers.totalCount ?? errors?.[0]?.extensions.code;
    };
    const filters = [`search: "${owner.email}"`, 'search: "grace"', 'mfaEnabled: false'];
    expect(await Promise.all(filters.map((filter) => counted(owner, filter)))).toEqual([1, 1, 2]);
    expect(await Promise.all(filters.map((filter) => counted(viewer, filter)))).toEqual([0, 1, 'FORBIDDEN']);
  });
});

describe('switching', () => {
  it('makes the token speak for the organization, until its user is a member no more', async () => {
    const owner = await world.signedIn();
    const orgId = await found(owner);
    const admin = await member(owner, orgId, 'admin');
    const mutation =
      'mutation ($orgId: ID!) { switchOrganization(orgId: $orgId) { __typename ... on SignedIn { accessToken refreshToken session { organization { id } } } } }';
    const { data } = await admin.client.ask(mutation, { orgId });
    expect(data.switchOrganization).toMatchObject({
      __typename: 'SignedIn',
      // Whoever has the access token alone gets nothing that outlives it.
      refreshToken: null,
      session: { organization: { id: orgId } },
    });
    const claims = decodeJwt(data.switchOrganization.accessToken);
    expect(claims['org']).toBe(orgId);
    expect(String(claims['scope']).split(' ')).toEqual(expect.arrayContaining(['audit.read', 'org.members.manage', 'trading.trade']));
    const { data: mine } = await admin.client.ask(`{ me { permissions there: permissions(orgId: "${orgId}") } }`);
    expect(mine.me.permissions).toEqual([]);
    expect(mine.me.there).toEqual(expect.arrayContaining(['audit.read', 'org.members.manage', 'trading.trade']));
    const stranger = await world.signedIn();
    expect((await stranger.client.ask(mutation, { orgId })).data.switchOrganization.__typename).toBe('NotFound');
    await remove(owner.client, { orgId, userId: admin.id });
    const { data: after } = await world.anonymous.ask(
      'mutation ($input: RefreshInput) { refresh(input: $input) { ... on SignedIn { accessToken } } }',
      {
        input: { refreshToken: admin.refreshToken },
      },
    );
    expect(decodeJwt(after.refresh.accessToken)).not.toHaveProperty('org');
  });
});

describe('somebody outside', () => {
  it('sees nothing and changes nothing, by any field that takes an organization', async () => {
    const owner = await world.signedIn();
    const orgId = await found(owner);
    const outsider = await world.signedIn();
    await found(outsider);
    const before = await world.sql('SELECT * FROM organizations WHERE id = $1', [orgId]);
    const { client } = outsider;
    const asked = async (query: string) => (await client.ask(query)).errors?.[0]?.extensions.code;
    expect((await client.ask(`{ organization(id: "${orgId}") { id } }`)).data.organization).toBeNull();
    for (const query of [
      `{ orgMembers(orgId: "${orgId}") { totalCount } }`,
      `{ auditEvents(filter: { orgId: "${orgId}" }) { edges { cursor } } }`,
    ])
      expect(await asked(query)).toBe('FORBIDDEN');
    const ids = { orgId, userId: owner.id };
    const kinds = [
      await ask(client, 'mutation ($input: UpdateOrganizationInput!) { updateOrganization(input: $input) { __typename } }', {
        orgId,
        name: 'Mine',
      }),
      await ask(client, 'mutation ($input: InviteMemberInput!) { inviteMember(input: $input) { __typename } }', {
        orgId,
        email: outsider.email,
        role: 'owner',
      }),
      await add(client, { ...ids, role: 'viewer' }),
      await setRole(client, { ...ids, role: 'viewer' }),
      await remove(client, ids),
      await transfer(client, { orgId, toUserId: outsider.id }),
    ].map(({ __typename }) => __typename);
    expect(kinds).toEqual(Array(6).fill('NotFound'));
    expect(await world.sql('SELECT * FROM organizations WHERE id = $1', [orgId])).toEqual(before);
    expect(await owners(orgId)).toBe(1);
  });

  it('is not told of its facts, and a member with audit.read there is', async () => {
    const owner = await world.signedIn();
    const orgId = await found(owner);
    const [admin, viewer] = [await member(owner, orgId, 'admin'), await member(owner, orgId, 'viewer')];
    const query = `{ auditEvents(first: 10, filter: { orgId: "${orgId}", types: ["organization.*"] }) { edges { node { type organization { id } } } } }`;
    const { data } = await admin.client.ask(query);
    expect(data.auditEvents.edges.length).toBe(4);
    for (const { node } of data.auditEvents.edges) expect(node.organization.id).toBe(orgId);
    expect((await viewer.client.ask(query)).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
  });
});
