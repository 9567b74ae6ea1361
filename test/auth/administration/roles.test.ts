/** Roles given and taken: nobody hands on what he does not hold, and one superadmin is always left. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admin, countFacts, factOf, makeRole } from '../../kit/administration.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
let boss: SignedInPerson;
beforeAll(async () => {
  world = await openWorld();
  await makeRole(world, 'clerk', ['users.read', 'users.delete', 'users.write', 'roles.assign']);
  boss = await world.signedIn(undefined, { roles: ['superadmin'] });
});
afterAll(() => world?.close());

const superadmins = async () =>
  (
    await world.sql<{ user_id: string }>(
      `SELECT a.user_id FROM role_assignments a JOIN roles r ON r.id = a.role_id JOIN users u ON u.id = a.user_id
       WHERE r.name = 'superadmin' AND u.status = 'ACTIVE'`,
    )
  ).map((row) => row.user_id);

describe('assignRole', () => {
  it('gives a role once, at once, and unassignRole takes it', async () => {
    const person = await world.signedIn();
    const list = () => person.client.ask('{ users(first: 1) { edges { cursor } } }');
    expect((await list()).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    const given = await admin(boss.client, 'assignRole', { userId: person.id, role: 'support' });
    expect(given).toMatchObject({ __typename: 'User', roles: [{ role: { name: 'support' } }] });
    expect((await list()).errors).toBeUndefined();
    expect(await factOf(world, 'role.assigned', person.id)).toMatchObject({ actor_id: boss.id, data: { role: 'support' } });
    const before = await countFacts(world);
    expect((await admin(boss.client, 'assignRole', { userId: person.id, role: 'support' })).__typename).toBe('User');
    expect(await countFacts(world)).toBe(before);
    expect(await admin(boss.client, 'unassignRole', { userId: person.id, role: 'support' })).toMatchObject({ roles: [] });
    expect((await list()).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    expect((await admin(boss.client, 'unassignRole', { userId: person.id, role: 'support' })).__typename).toBe('NotFound');
  });

  it('is refused for a role that may more than the caller, and nothing happens', async () => {
    const clerk = await world.signedIn(undefined, { roles: ['clerk'] });
    const before = await countFacts(world);
    for (const userId of [clerk.id, (await world.person()).id])
      expect((await admin(clerk.client, 'assignRole', { userId, role: 'superadmin' })).__typename).toBe('FORBIDDEN');
    expect((await admin(clerk.client, 'unassignRole', { userId: boss.id, role: 'superadmin' })).__typename).toBe('FORBIDDEN');
    expect(await countFacts(world)).toBe(before);
    expect(await superadmins()).toEqual([boss.id]);
  });

  it('is NotFound for an unknown user or role, FORBIDDEN in an organization of others, and nothing happens', async () => {
    const { id } = await world.person();
    const before = await countFacts(world);
    for (const input of [
      { userId: id, role: 'nothing' },
      { userId: id.replace(/^./, 'f'), role: 'support' },
      { userId: 'nobody', role: 'support' },
    ])
      for (const name of ['assignRole', 'unassignRole'] as const)
        expect((await admin(boss.client, name, input)).__typename).toBe('NotFound');
    for (const name of ['assignRole', 'unassignRole'] as const)
      expect((await admin(boss.client, name, { userId: id, role: 'viewer', orgId: id })).__typename).toBe('FORBIDDEN');
    expect(await countFacts(world)).toBe(before);
  });
});

describe('the last superadmin', () => {
  it('cannot be unassigned, deactivated or deleted, by anybody or by the own hand', async () => {
    const before = await countFacts(world);
    expect((await admin(boss.client, 'unassignRole', { userId: boss.id, role: 'superadmin' })).__typename).toBe('Conflict');
    expect((await admin(boss.client, 'deactivateUser', { userId: boss.id })).__typename).toBe('Conflict');
    expect((await admin(boss.client, 'deleteUser', { userId: boss.id })).__typename).toBe('Conflict');
    const own = await boss.client.ask(
      'mutation { deleteAccount(input: { currentPassword: "correct horse battery" }) { __typename ... on Problem { code } } }',
    );
    expect(own.data.deleteAccount).toEqual({ __typename: 'Conflict', code: 'CONFLICT' });
    expect(await countFacts(world)).toBe(before);
    expect(await superadmins()).toEqual([boss.id]);
  });

  it('is left when the last two take each other away at once, fifty times, in every way there is', async () => {
    const other = await world.person();
    const all = (await world.sql<{ name: string }>('SELECT name FROM permissions')).map(({ name }) => name);
    const ways = [
      (userId: string) => ['unassignRole', { userId, role: 'superadmin' }] as const,
      (userId: string) => ['deactivateUser', { userId }] as const,
    ];
    for (let round = 0; round < 50; round += 1) {
      await world.sql(`UPDATE users SET status = 'ACTIVE' WHERE id = ANY($1)`, [[boss.id, other.id]]);
      await world.sql(
        `INSERT INTO role_assignments (id, user_id, role_id, granted_at) SELECT gen_random_uuid(), v, r.id, now()
         FROM unnest($1::uuid[]) AS v, roles r WHERE r.name = 'superadmin' ON CONFLICT DO NOTHING`,
        [[boss.id, other.id]],
      );
      const caller = (userId: string) => ({
        ip: '203.0.113.7',
        network: '203.0.113.7',
        userAgent: null,
        requestId: 'race',
        identity: { userId, sessionId: boss.sessionId, impersonatorId: null, orgId: null },
        permissions: new Set(all),
      });
      const act = (from: string, to: string, way: number) => {
        const [name, input] = ways[way]!(to);
        const { access, administration } = world.house.auth;
        const run = name === 'unassignRole' ? access.unassignRole : administration.deactivateUser;
        return run(caller(from) as never, input as never);
      };
      const outcomes = await Promise.all([act(boss.id, other.id, round % 2), act(other.id, boss.id, (round >> 1) % 2)]);
      expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['Conflict', 'User']);
      expect(await superadmins()).toHaveLength(1);
    }
  });
});

describe('roles and permissions', () => {
  it('are listed with what they mean', async () => {
    const { client } = await world.signedIn();
    const { data } = await client.ask('{ roles { name builtIn inherits { name } permissions } permissions { name description } }');
    const names = data.permissions.map((permission: { name: string }) => permission.name);
    expect(names).toEqual(expect.arrayContaining(['users.impersonate', 'users.write', 'roles.assign']));
    // What organizations decide over their own people is nobody's on the platform.
    const own = names.filter(
      (name: string) => !/^(org|trading)\./.test(name) || ['org.read', 'org.members.read', 'org.recover'].includes(name),
    );
    const superadmin = data.roles.find((role: { name: string }) => role.name === 'superadmin');
    expect(superadmin).toEqual({ name: 'superadmin', builtIn: true, inherits: [], permissions: own });
    expect(data.roles.map((role: { name: string }) => role.name)).toEqual(['superadmin', 'support', 'clerk']);
    expect((await client.ask(`{ roles(orgId: "${boss.id}") { name } }`)).data.roles).toEqual([]);
  });

  it('of a user are nobody’s else but an administrator’s to see', async () => {
    const person = await world.signedIn();
    const rolesOf = async (client: typeof person.client) =>
      (await client.ask(`{ user(id: "${boss.id}") { roles { role { name } grantedAt } } }`)).data.user.roles;
    expect(await rolesOf(person.client)).toBeNull();
  });
});
