/** What is held for a while is handed on for no longer: roles and programs have no end. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admin, makeRole } from '../../kit/administration.ts';
import { act, addMember, found, member } from '../../kit/organizations.ts';
import { clientMutation, rotateMutation, serviceOf } from '../../kit/services.ts';
import { openWorld, type SignedInPerson, someEmail, type World } from '../../kit/world.ts';

let world: World;
let boss: SignedInPerson;
beforeAll(async () => {
  world = await openWorld();
  await makeRole(world, 'reader', ['users.read']);
  boss = await world.signedIn(undefined, { roles: ['superadmin'] });
});
afterAll(() => world?.close());

const soon = () => new Date(world.clock.now().getTime() + 3_600_000).toISOString();
const give = async (to: SignedInPerson, by: SignedInPerson, permissions: string[], input: object) => {
  for (const permission of permissions)
    expect((await act(by.client, 'grantPermission', { userId: to.id, permission, ...input })).__typename).toBe('PermissionGrant');
};

describe('whoever holds a permission of the platform until a date', () => {
  it('gives no role with it, makes none, and makes and rotates no program that has it; for good he does', async () => {
    const [helper, friend] = [await world.signedIn(), await world.person()];
    const service = await serviceOf(boss.client, ['users.read']);
    await give(helper, boss, ['roles.assign', 'roles.manage', 'services.manage', 'users.write'], {});
    let made = 0;
    const tried = async () => {
      const { client } = helper;
      const email = someEmail();
      const [program, secret] = [
        await client.ask(clientMutation, { input: { name: 'mine', permissions: ['users.read'] } }),
        await client.ask(rotateMutation, { id: service.id }),
      ];
      const createUser = await admin(client, 'createUser', { email, role: 'reader', sendInvitation: false });
      const outcomes = [
        await admin(client, 'assignRole', { userId: friend.id, role: 'reader' }),
        await admin(client, 'unassignRole', { userId: friend.id, role: 'reader' }),
        await act(client, 'createRole', { name: `mine-${++made}`, permissions: ['users.read'] }),
        createUser,
        program.data.createServiceClient,
        secret.data.rotateServiceClientSecret,
      ].map(({ __typename }) => __typename);
      expect(await world.sql('SELECT 1 FROM users WHERE email = $1', [email])).toHaveLength(createUser.__typename === 'User' ? 1 : 0);
      return outcomes;
    };
    await give(helper, boss, ['users.read'], { expiresAt: soon() });
    expect(await tried()).toEqual(['FORBIDDEN', 'NotFound', 'FORBIDDEN', 'FORBIDDEN', 'InvalidInput', 'NotFound']);
    expect(await world.sql('SELECT 1 FROM role_assignments WHERE user_id = $1', [friend.id])).toEqual([]);
    await give(helper, boss, ['users.read'], {});
    expect(await tried()).toEqual(['User', 'User', 'Role', 'User', 'ServiceClientCreated', 'ServiceClientCreated']);
  });
});

describe('whoever holds a permission in an organization until a date', () => {
  it('gives no role with it there, by membership, invitation, assignment or a new role; for good he does', async () => {
    const owner = await world.signedIn();
    const orgId = await found(owner);
    const [helper, viewer] = [await member(world, owner, orgId, 'viewer'), await member(world, owner, orgId, 'viewer')];
    await give(helper, owner, ['org.members.manage', 'org.roles.manage'], { orgId });
    let made = 0;
    const tried = async () => {
      const { client } = helper;
      const guest = await world.person();
      const invite = `mutation { inviteMember(input: { orgId: "${orgId}", email: "${someEmail()}", role: "trader" }) { __typename } }`;
      const invited = await client.ask(invite);
      return [
        (await addMember(client, { orgId, userId: guest.id, role: 'trader' })).__typename,
        (await act(client, 'assignRole', { orgId, userId: viewer.id, role: 'trader' })).__typename,
        (await act(client, 'createRole', { orgId, name: `desk-${++made}`, permissions: ['trading.trade'] })).__typename,
        invited.data?.inviteMember?.__typename ?? invited.errors?.[0]?.extensions.code,
      ];
    };
    await give(helper, owner, ['trading.trade'], { orgId, expiresAt: soon() });
    expect(await tried()).toEqual(['FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN']);
    await give(helper, owner, ['trading.trade'], { orgId });
    expect(await tried()).toEqual(['OrgMember', 'User', 'Role', 'Invitation']);
  });
});
