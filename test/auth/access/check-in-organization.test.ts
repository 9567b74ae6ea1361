/** checkPermission(s) for those who run an organization: about its members, in it, and nothing beyond. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../kit/client.ts';
import { act, found, member } from '../../kit/organizations.ts';
import { keyMutation } from '../../kit/services.ts';
import { openWorld, type SignedInPerson } from '../../kit/world.ts';

let world: Awaited<ReturnType<typeof openWorld>>;
let owner: SignedInPerson;
let admin: SignedInPerson;
let viewer: SignedInPerson;
let orgId: string;
beforeAll(async () => {
  world = await openWorld();
  owner = await world.signedIn();
  orgId = await found(owner);
  [admin, viewer] = [await member(world, owner, orgId, 'admin'), await member(world, owner, orgId, 'viewer')];
});
afterAll(() => world?.close());

const query = 'query ($input: PermissionCheckInput!) { checkPermission(input: $input) { allowed reason } }';
const ask = async (client: Client, input: object) => {
  const { data, errors } = await client.ask(query, { input });
  return data?.checkPermission ?? errors?.[0]?.extensions.code;
};

describe('who holds permissions.check in an organization', () => {
  it('hears what its members may there', async () => {
    const about = { userId: viewer.id, orgId };
    expect(await ask(admin.client, { ...about, permission: 'trading.view' })).toEqual({
      allowed: true,
      reason: 'By the role viewer in this organization.',
    });
    expect(await ask(admin.client, { ...about, permission: 'org.members.manage' })).toMatchObject({ allowed: false });
    expect(await ask(owner.client, { ...about, userId: viewer.id.toUpperCase(), permission: 'trading.view' })).toMatchObject({
      allowed: true,
    });
  });

  it('hears of a member who is deactivated that he may nothing', async () => {
    const gone = await member(world, owner, orgId, 'trader');
    const superadmin = await world.signedIn(undefined, { roles: ['superadmin'] });
    await superadmin.client.ask(`mutation { deactivateUser(input: { userId: "${gone.id}" }) { __typename } }`);
    expect(await ask(admin.client, { userId: gone.id, orgId, permission: 'trading.view' })).toMatchObject({ allowed: false });
  });

  it('hears nothing of who is no member, of the platform, and of another organization', async () => {
    const stranger = await world.signedIn();
    const other = await found(await world.signedIn(), 'Others');
    for (const about of [
      { userId: stranger.id, orgId },
      { userId: viewer.id },
      { userId: viewer.id, orgId: other },
      { userId: '00000000-0000-7000-8000-00000000dead', orgId },
    ])
      expect(await ask(admin.client, { ...about, permission: 'trading.view' })).toBe('FORBIDDEN');
  });

  it('hears nothing any more of who was removed, and once it is no more his to ask', async () => {
    const [asker, leaver] = [await member(world, owner, orgId, 'admin'), await member(world, owner, orgId, 'viewer')];
    const about = { userId: leaver.id, orgId, permission: 'trading.view' };
    expect(await ask(asker.client, about)).toMatchObject({ allowed: true });
    await act(owner.client, 'removeMember', { orgId, userId: leaver.id });
    expect(await ask(asker.client, about)).toBe('FORBIDDEN');
    await act(owner.client, 'updateMemberRole', { orgId, userId: asker.id, role: 'trader' });
    expect(await ask(asker.client, { ...about, userId: viewer.id })).toBe('FORBIDDEN');
  });

  it('hears by an API key only where the key names it', async () => {
    const keyOf = async (permissions: string[]) => {
      const { data } = await admin.client.ask(keyMutation, { input: { name: permissions.join(), permissions } });
      return world.anonymous.as(data.createApiKey.key);
    };
    const about = { userId: viewer.id, orgId, permission: 'trading.view' };
    expect(await ask(await keyOf(['permissions.check']), about)).toMatchObject({ allowed: true });
    expect(await ask(await keyOf(['org.read']), about)).toBe('FORBIDDEN');
  });
});

it('A member without it hears of himself alone', async () => {
  expect(await ask(viewer.client, { orgId, permission: 'trading.view' })).toMatchObject({ allowed: true });
  expect(await ask(viewer.client, { userId: admin.id, orgId, permission: 'trading.view' })).toBe('FORBIDDEN');
});
