/** checkPermission(s) for programs: a service asks, with its own token, what a user may. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../kit/client.ts';
import { deleteMutation, factsOf, keyMutation, type Service, serviceOf, tokenOf } from '../../kit/services.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
let admin: SignedInPerson;
let user: SignedInPerson;
let service: Service;
let program: Client;
beforeAll(async () => {
  world = await openWorld();
  admin = await world.signedIn(undefined, { roles: ['superadmin'] });
  user = await world.signedIn();
  service = await serviceOf(admin.client, ['permissions.check', 'users.read']);
  program = world.anonymous.as(await tokenOf(world, service));
});
afterAll(() => world?.close());

const query = 'query ($inputs: [PermissionCheckInput!]!) { checkPermissions(inputs: $inputs) { allowed reason } }';
const one = 'query ($input: PermissionCheckInput!) { checkPermission(input: $input) { allowed reason } }';
const codeOf = async (client: Client, input: object) => (await client.ask(one, { input })).errors?.[0]?.extensions.code;

describe('a program with permissions.check', () => {
  it('hears what any user may, as an administrator does', async () => {
    const inputs = [
      { permission: 'users.read', userId: user.id },
      { permission: 'users.read', userId: user.id, resource: `user:${user.id}` },
      { permission: 'sessions.revoke', userId: user.id, resource: `session:${user.sessionId}` },
      { permission: 'users.read', userId: admin.id.toUpperCase() },
      { permission: 'users.read', userId: service.id },
    ];
    const { data } = await program.ask(query, { inputs });
    expect(data.checkPermissions.map(({ allowed }: { allowed: boolean }) => allowed)).toEqual([false, true, true, true, false]);
    expect(data).toEqual((await admin.client.ask(query, { inputs })).data);
    const single = await program.ask(one, { input: inputs[1] });
    expect(single.data.checkPermission).toEqual({ allowed: true, reason: "It is the user's own." });
  });

  it('has nothing of its own, and is told to name the user', async () => {
    const before = await factsOf(world, '%');
    const { errors } = await program.ask(one, { input: { permission: 'users.read' } });
    expect(errors?.[0]).toMatchObject({ message: 'userId is needed: a program asks about a user.', extensions: { code: 'BAD_REQUEST' } });
    expect(await codeOf(program, { permission: 'users.read', userId: 'me' })).toBe('BAD_REQUEST');
    expect(await factsOf(world, '%')).toBe(before);
  });
});

describe('a program without permissions.check', () => {
  it('is refused, whatever it asks and whatever else it may', async () => {
    const narrowed = world.anonymous.as(await tokenOf(world, service, { scope: 'users.read' }));
    for (const input of [{ permission: 'users.read', userId: user.id }, { permission: 'users.read' }, { permission: '!' }])
      expect(await codeOf(narrowed, input)).toBe('FORBIDDEN');
    expect((await narrowed.ask(query, { inputs: [] })).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
  });

  it('hears nothing any more once it is deleted', async () => {
    const other = await serviceOf(admin.client, ['permissions.check']);
    const client = world.anonymous.as(await tokenOf(world, other));
    expect(await codeOf(client, { permission: 'users.read', userId: user.id })).toBeUndefined();
    await admin.client.ask(deleteMutation, { id: other.id });
    expect(await codeOf(client, { permission: 'users.read', userId: user.id })).toBe('UNAUTHENTICATED');
  });
});

describe('people and API keys', () => {
  it('a key hears of itself what both it and its owner may, on the owner’s own things too', async () => {
    const keyOf = async (permissions: string[]) =>
      world.anonymous.as((await admin.client.ask(keyMutation, { input: { name: 'k', permissions } })).data.createApiKey.key);
    const [bare, reading] = [await keyOf([]), await keyOf(['users.read'])];
    const allowed = async (client: Client, input: object) => {
      const { data } = await client.ask('query ($input: PermissionCheckInput!) { checkPermission(input: $input) { allowed } }', { input });
      return data.checkPermission.allowed;
    };
    const own = { permission: 'users.read', resource: `user:${admin.id}` };
    for (const input of [{ permission: 'users.read' }, own])
      expect([await allowed(admin.client, input), await allowed(reading, input), await allowed(bare, input)]).toEqual([true, true, false]);
  });

  it('ask about themselves without a userId, and about others with the permission', async () => {
    const made = async (client: Client, permissions: string[]) =>
      world.anonymous.as((await client.ask(keyMutation, { input: { name: 'k', permissions } })).data.createApiKey.key);
    const [bare, checking] = [await made(admin.client, []), await made(admin.client, ['permissions.check'])];
    for (const client of [user.client, admin.client, bare]) expect(await codeOf(client, { permission: 'users.read' })).toBeUndefined();
    for (const client of [user.client, bare])
      expect(await codeOf(client, { permission: 'users.read', userId: service.id })).toBe('FORBIDDEN');
    for (const client of [admin.client, checking])
      expect(await codeOf(client, { permission: 'users.read', userId: user.id })).toBeUndefined();
    expect(await codeOf(world.anonymous, { permission: 'users.read' })).toBe('UNAUTHENTICATED');
  });
});
