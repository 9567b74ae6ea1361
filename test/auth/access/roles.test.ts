/** Roles that organizations make for themselves, and grants in them: no cycles, nobody above himself, and everywhere at once. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { act, found, heldIn, member } from '../../kit/organizations.ts';
import { openStream } from '../../kit/stream.ts';
import { openWorld, type SignedInPerson } from '../../kit/world.ts';

let world: Awaited<ReturnType<typeof openWorld>>;
let watch: Watch;
let owner: SignedInPerson;
let orgId: string;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
  owner = await world.signedIn();
  orgId = await found(owner);
});
afterAll(() => world?.close());

let count = 0;
const roleName = () => `desk-${++count}`;
const create = async (input: object = {}, by = owner) =>
  act(by.client, 'createRole', { orgId, name: roleName(), permissions: ['trading.trade'], ...input });
/** The outcome of a refusal that left nothing behind. */
const refused = async (by: SignedInPerson, name: string, input: object) => {
  const { answer, changed } = await watch(() => act(by.client, name, input));
  expect(changed).toEqual(nothing);
  return answer.__typename;
};

describe('a role of an organization', () => {
  it('is made with its own permissions and with what it inherits, held by members, changed, and removed when nobody holds it', async () => {
    const name = roleName();
    const made = await create({ name, description: 'Reads the log', inherits: ['viewer'], permissions: ['audit.read', 'audit.read'] });
    expect(made).toEqual({
      __typename: 'Role',
      id: made.id,
      name,
      description: 'Reads the log',
      builtIn: false,
      permissions: ['audit.read'],
      inherits: [{ name: 'viewer' }],
      organization: { id: orgId },
    });
    const auditor = await member(world, owner, orgId, name);
    expect(await heldIn(auditor.client, orgId)).toEqual(['audit.read', 'org.members.read', 'org.read', 'trading.view']);
    const { data } = await auditor.client.ask(
      `{ organization(id: "${orgId}") { roles { name } members { edges { node { user { id } role { name } } } } } me { roles { role { name } organization { id } } memberships { edges { node { role { name } } } } } }`,
    );
    expect(data.organization.roles.map((role: { name: string }) => role.name)).toEqual(
      expect.arrayContaining(['admin', 'owner', 'trader', 'viewer', name]),
    );
    expect(data.organization.members.edges).toContainEqual({ node: { user: { id: auditor.id }, role: { name } } });
    expect(data.me).toEqual({
      roles: [{ role: { name }, organization: { id: orgId } }],
      memberships: { edges: [{ node: { role: { name } } }] },
    });
    expect(await refused(owner, 'deleteRole', { roleId: made.id })).toBe('Conflict');
    expect(await act(owner.client, 'updateRole', { roleId: made.id, permissions: ['sessions.read'], inherits: [] })).toMatchObject({
      description: 'Reads the log',
      permissions: ['sessions.read'],
      inherits: [],
    });
    expect(await heldIn(auditor.client, orgId)).toEqual(['sessions.read']);
    await act(owner.client, 'removeMember', { orgId, userId: auditor.id });
    expect((await act(owner.client, 'deleteRole', { roleId: made.id })).__typename).toBe('Deleted');
    expect(await refused(owner, 'deleteRole', { roleId: made.id })).toBe('NotFound');
  });

  it('does not inherit from itself, by whatever way, nor from another organization’s role or one of the platform', async () => {
    const [a, b, c] = [await create(), await create(), await create()];
    await act(owner.client, 'updateRole', { roleId: b.id, inherits: [a.name] });
    await act(owner.client, 'updateRole', { roleId: c.id, inherits: [b.name] });
    for (const inherits of [[a.name], [b.name], [c.name]])
      expect(await refused(owner, 'updateRole', { roleId: a.id, inherits })).toBe('InvalidInput');
    const other = await world.signedIn();
    const theirs = await create({ orgId: await found(other) }, other);
    for (const inherits of [[theirs.name], ['superadmin'], ['nothing']])
      expect(await refused(owner, 'createRole', { orgId, name: roleName(), permissions: ['org.read'], inherits })).toBe('InvalidInput');
  });

  it('makes no cycle with another one that is changed at the same time, fifty times', async () => {
    const [a, b] = [await create(), await create()];
    for (let round = 0; round < 50; round += 1) {
      const kinds = await Promise.all([
        act(owner.client, 'updateRole', { roleId: a.id, inherits: [b.name] }),
        act(owner.client, 'updateRole', { roleId: b.id, inherits: [a.name] }),
      ]);
      expect(kinds.map(({ __typename }) => __typename).toSorted()).not.toEqual(['Role', 'Role']);
      for (const { id } of [a, b]) await act(owner.client, 'updateRole', { roleId: id, inherits: [] });
    }
  }, 60_000);

  it.each([
    ['a name out of form', { name: 'Desk 1' }, 'InvalidInput'],
    ['a built-in role’s name', { name: 'owner' }, 'Conflict'],
    ['the name of a role of the platform', { name: 'superadmin' }, 'Conflict'],
    ['a permission there is not', { permissions: ['everything'] }, 'InvalidInput'],
    ['nothing to give', { permissions: [] }, 'InvalidInput'],
    ['a description that is too long', { description: 'x'.repeat(201) }, 'InvalidInput'],
  ])('is not made with %s', async (_what, input, outcome) => {
    expect(await refused(owner, 'createRole', { orgId, name: roleName(), permissions: ['org.read'], ...input })).toBe(outcome);
  });

  it('is neither made twice under one name nor changed where it is built in', async () => {
    const { name } = await create();
    expect(await refused(owner, 'createRole', { orgId, name, permissions: ['org.read'] })).toBe('Conflict');
    const [{ id }] = (await world.sql<{ id: string }>(`SELECT id FROM roles WHERE name = 'viewer'`)) as [{ id: string }];
    const boss = await world.signedIn(undefined, { roles: ['superadmin'] });
    expect(await refused(boss, 'updateRole', { roleId: id, permissions: ['users.read'] })).toBe('InvalidInput');
    expect(await refused(boss, 'deleteRole', { roleId: id })).toBe('Conflict');
    for (const name of ['updateRole', 'deleteRole']) expect(await refused(owner, name, { roleId: id })).toBe('FORBIDDEN');
  });

  it('stays as it was for who asked, where somebody is given it while it is removed, fifty times', async () => {
    const trader = await member(world, owner, orgId, 'trader');
    for (let round = 0; round < 50; round += 1) {
      const role = await create();
      const give = () =>
        round % 2
          ? act(owner.client, 'updateMemberRole', { orgId, userId: trader.id, role: role.name })
          : act(owner.client, 'assignRole', { orgId, userId: trader.id, role: role.name });
      const [gone, given] = await Promise.all([act(owner.client, 'deleteRole', { roleId: role.id }), give()]);
      const there = await world.sql('SELECT 1 FROM roles WHERE id = $1', [role.id]);
      expect([gone.__typename === 'Deleted', ['User', 'OrgMember'].includes(given.__typename), there.length]).toEqual(
        there.length ? [false, true, 1] : [true, false, 0],
      );
      await act(owner.client, 'updateMemberRole', { orgId, userId: trader.id, role: 'trader' });
    }
  }, 60_000);
});

describe('nobody', () => {
  it('makes, changes, removes, assigns or grants more than he holds there', async () => {
    const [admin, trader] = [await member(world, owner, orgId, 'admin'), await member(world, owner, orgId, 'trader')];
    const owning = await create({ permissions: ['org.own'] });
    const mine = await create({}, admin);
    expect(mine.__typename).toBe('Role');
    for (const [name, input] of [
      ['createRole', { orgId, name: roleName(), permissions: ['org.own'] }],
      ['createRole', { orgId, name: roleName(), permissions: ['org.read'], inherits: ['owner'] }],
      ['createRole', { orgId, name: roleName(), permissions: ['users.read'] }],
      ['createRole', { name: roleName(), permissions: ['org.read'] }],
      ['updateRole', { roleId: mine.id, inherits: [owning.name] }],
      ['updateRole', { roleId: owning.id, permissions: ['org.read'] }],
      ['deleteRole', { roleId: owning.id }],
      ['assignRole', { orgId, userId: admin.id, role: owning.name }],
      ['updateMemberRole', { orgId, userId: admin.id, role: owning.name }],
      ['grantPermission', { orgId, userId: admin.id, permission: 'org.own' }],
      ['grantPermission', { userId: admin.id, permission: 'org.read' }],
    ] as const)
      expect([name, await refused(admin, name, input)]).toEqual([name, 'FORBIDDEN']);
    expect(await refused(trader, 'createRole', { orgId, name: roleName(), permissions: ['org.read'] })).toBe('FORBIDDEN');
    expect(await refused(trader, 'grantPermission', { orgId, userId: trader.id, permission: 'org.read' })).toBe('FORBIDDEN');
    expect(await refused(admin, 'assignRole', { orgId, userId: admin.id, role: 'owner' })).toBe('InvalidInput');
  });

  it('hands on by a role what he holds for a while', async () => {
    const boss = await world.signedIn(undefined, { roles: ['superadmin'] });
    const expiresAt = new Date(world.clock.now().getTime() + 60_000).toISOString();
    const desk = await create({ permissions: ['org.read', 'org.members.manage', 'org.roles.manage'] });
    const [person, there] = [await member(world, owner, orgId, desk.name), { orgId, permission: 'audit.read', expiresAt }];
    await create({ name: 'auditors', permissions: ['audit.read'] });
    expect((await act(owner.client, 'grantPermission', { ...there, userId: person.id })).__typename).toBe('PermissionGrant');
    for (const [name, input] of [
      ['createRole', { orgId, name: roleName(), permissions: ['audit.read'] }],
      ['updateRole', { roleId: desk.id, permissions: ['org.read', 'org.members.manage', 'audit.read'] }],
      ['assignRole', { orgId, userId: person.id, role: 'auditors' }],
      ['updateMemberRole', { orgId, userId: person.id, role: 'auditors' }],
    ] as const)
      expect([name, await refused(person, name, input)]).toEqual([name, 'FORBIDDEN']);

    await act(boss.client, 'createRole', { name: 'role-makers', permissions: ['roles.manage', 'roles.assign'] });
    await act(boss.client, 'createRole', { name: 'readers', permissions: ['users.read'] });
    await act(boss.client, 'assignRole', { userId: person.id, role: 'role-makers' });
    await act(boss.client, 'grantPermission', { userId: person.id, permission: 'users.read', expiresAt });
    for (const [name, input] of [
      ['createRole', { name: roleName(), permissions: ['users.read'] }],
      ['assignRole', { userId: person.id, role: 'readers' }],
    ] as const)
      expect([name, await refused(person, name, input)]).toEqual([name, 'FORBIDDEN']);
    expect((await act(person.client, 'createRole', { name: roleName(), permissions: ['roles.manage'] })).__typename).toBe('Role');
  });

  it('is raised above an administrator by any sequence of what that administrator does', async () => {
    const admin = await member(world, owner, orgId, 'admin');
    const people = [admin, await member(world, owner, orgId, 'viewer')];
    const roles = [await create({}, admin), await create({ permissions: ['org.own'] }), await create({ inherits: ['admin'] }, admin)];
    const most = await heldIn(admin.client, orgId);
    const permissions = ['org.own', 'org.read', 'users.read', 'trading.trade'];
    const pick = <T>(list: readonly T[]) => fc.constantFrom(...list);
    const step = fc.oneof(
      fc
        .record({ roleId: pick(roles.map(({ id }) => id)), permissions: fc.subarray(permissions) })
        .map((input) => ['updateRole', input] as const),
      fc
        .record({ roleId: pick(roles.map(({ id }) => id)), inherits: fc.subarray([...roles.map(({ name }) => name), 'owner', 'trader']) })
        .map((input) => ['updateRole', input] as const),
      fc
        .record({ userId: pick(people.map(({ id }) => id)), role: pick([...roles.map(({ name }) => name), 'owner', 'admin']) })
        .map((input) => ['assignRole', { ...input, orgId }] as const),
      fc
        .record({ userId: pick(people.map(({ id }) => id)), permission: pick(permissions) })
        .map((input) => ['grantPermission', { ...input, orgId }] as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        for (const [name, input] of steps) await act(admin.client, name, input);
        for (const { client } of people) expect(most).toEqual(expect.arrayContaining(await heldIn(client, orgId)));
      }),
      { numRuns: 25 },
    );
  }, 60_000);
});

describe('a role or a grant in an organization', () => {
  it('is given to members alone, counts there alone, and ends with the membership', async () => {
    const other = await world.signedIn();
    const elsewhere = await found(other);
    const trader = await member(world, owner, orgId, 'trader');
    const { name } = await create({ permissions: ['sessions.read'] });
    expect((await act(owner.client, 'assignRole', { orgId, userId: trader.id, role: name })).__typename).toBe('User');
    const grant = await act(owner.client, 'grantPermission', { orgId, userId: trader.id, permission: 'audit.read' });
    expect(grant).toMatchObject({ __typename: 'PermissionGrant', organization: { id: orgId }, user: { id: trader.id } });
    expect(await heldIn(trader.client, orgId)).toEqual(expect.arrayContaining(['audit.read', 'sessions.read', 'trading.trade']));
    expect(await heldIn(trader.client, elsewhere)).toEqual([]);
    for (const [who, input] of [
      [owner, { orgId, userId: other.id }],
      [other, { orgId, userId: other.id }],
      [owner, { orgId: elsewhere, userId: trader.id }],
    ] as const) {
      expect(await refused(who, 'assignRole', { ...input, role: 'viewer' })).toBe('NotFound');
      expect(await refused(who, 'grantPermission', { ...input, permission: 'org.read' })).toBe('NotFound');
    }
    expect(await refused(other, 'revokePermission', { grantId: grant.id })).toBe('NotFound');
    await act(owner.client, 'removeMember', { orgId, userId: trader.id });
    expect(await heldIn(trader.client, orgId)).toEqual([]);
    await member(world, owner, orgId, 'viewer');
    expect((await act(owner.client, 'revokePermission', { grantId: grant.id })).__typename).toBe('NotFound');
    expect(await world.sql('SELECT 1 FROM role_assignments WHERE user_id = $1', [trader.id])).toEqual([]);
  });

  it('is taken back as it was given', async () => {
    const trader = await member(world, owner, orgId, 'trader');
    const { name } = await create({ permissions: ['sessions.read'] });
    const input = { orgId, userId: trader.id, role: name };
    await act(owner.client, 'assignRole', input);
    const { id } = await act(owner.client, 'grantPermission', { orgId, userId: trader.id, permission: 'audit.read' });
    expect((await act(owner.client, 'unassignRole', input)).__typename).toBe('User');
    expect(await refused(owner, 'unassignRole', input)).toBe('NotFound');
    expect((await act(owner.client, 'revokePermission', { grantId: id })).__typename).toBe('Deleted');
    expect(await heldIn(trader.client, orgId)).not.toEqual(expect.arrayContaining(['audit.read']));
  });
});

describe('a change of a role', () => {
  it('reaches another process, and the streams that were opened by it, within a second', async () => {
    const second = await openWorld({}, { databaseUrl: world.databaseUrl, keyFile: world.keyFile, clock: world.clock });
    try {
      const role = await create({ permissions: ['audit.read', 'org.read'] });
      const auditor = await member(world, owner, orgId, role.name);
      const there = second.anonymous.as(auditor.accessToken);
      const query = `{ auditEvents(filter: { orgId: "${orgId}" }) { edges { cursor } } }`;
      const code = async () => (await there.ask(query)).errors?.[0]?.extensions.code ?? null;
      await vi.waitFor(async () => expect(await code()).toBeNull(), { timeout: 2000 });
      // What was heard of the membership is over: what ends the stream is the role.
      await new Promise((resolve) => setTimeout(resolve, 700));
      const stream = await openStream(there, `subscription { auditEvents(filter: { orgId: "${orgId}" }) { id } }`);
      expect(stream.refused).toBeNull();
      await act(owner.client, 'updateRole', { roleId: role.id, permissions: ['org.read'] });
      await vi.waitFor(async () => expect(await code()).toBe('FORBIDDEN'), { timeout: 1000, interval: 30 });
      await stream.ended;
    } finally {
      await second.close();
    }
  });
});
