/** Making, rotating and deleting service clients. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Client } from '../../kit/client.ts';
import {
  basic,
  clientMutation,
  deleteMutation,
  factsOf,
  grant,
  post,
  rotateMutation,
  type Service,
  serviceOf,
  tokenOf,
} from '../../kit/services.ts';
import { openSocketStream } from '../../kit/socket.ts';
import { openWorld } from '../../kit/world.ts';

type Opened = Awaited<ReturnType<typeof openWorld>>;
let world: Opened;
let second: Opened;
let admin: Client;
beforeAll(async () => {
  world = await openWorld();
  second = await openWorld({}, { databaseUrl: world.databaseUrl, keyFile: world.keyFile, clock: world.clock });
  admin = (await world.signedIn(undefined, { roles: ['superadmin'] })).client;
});
afterAll(async () => {
  await second?.close();
  await world?.close();
});

const create = async (client: Client, input: object) => (await client.ask(clientMutation, { input })).data.createServiceClient;
const rotate = async (client: Client, id: string) => (await client.ask(rotateMutation, { id })).data.rotateServiceClientSecret;
const remove = async (client: Client, id: string) => (await client.ask(deleteMutation, { id })).data.deleteServiceClient;
const works = async ({ id, secret }: Service) => (await post(world, 'token', grant, basic(id, secret))).status === 200;
const codeOf = async (house: Opened, token: string) =>
  (await house.anonymous.as(token).ask('{ serviceInfo { name } }')).errors?.[0]?.extensions.code ?? 'taken';

describe('a new client', () => {
  it('is made with its secret, which is shown once and kept as a digest', async () => {
    const made = await create(admin, { name: ' Orders ', permissions: ['users.read', 'users.read', 'audit.read'] });
    expect(made).toEqual({
      __typename: 'ServiceClientCreated',
      clientSecret: expect.stringMatching(/^lks_[\w-]{43}$/),
      client: {
        id: expect.any(String),
        name: 'Orders',
        permissions: ['audit.read', 'users.read'],
        createdAt: expect.any(String),
        lastUsedAt: null,
        disabledAt: null,
      },
    });
    const [row] = await world.sql<{ row: string }>('SELECT c::text AS row FROM service_clients c WHERE id = $1', [made.client.id]);
    expect(row?.row).not.toContain(made.clientSecret.slice(4));
    expect(JSON.stringify(await world.sql('SELECT data FROM audit_events'))).not.toContain(made.clientSecret);
  });

  it.each([
    ['no name', { name: '  ', permissions: [] }, 'input.name'],
    ['a name that is too long', { name: 'x'.repeat(101), permissions: [] }, 'input.name'],
    ['a permission that is none', { name: 'Orders', permissions: ['nothing.at_all'] }, 'input.permissions'],
  ])('is refused with %s, and nothing happens', async (_, input, field) => {
    const before = await factsOf(world, '%');
    expect(await create(admin, input)).toMatchObject({ __typename: 'InvalidInput', field });
    expect(await factsOf(world, '%')).toBe(before);
  });

  it('gets no permission that its maker does not hold, be that a program', async () => {
    const manager = world.anonymous.as(await tokenOf(world, await serviceOf(admin, ['services.manage', 'users.read'])));
    expect(await create(manager, { name: 'More', permissions: ['audit.read'] })).toMatchObject({ field: 'input.permissions' });
    expect(await create(manager, { name: 'As much', permissions: ['users.read'] })).toMatchObject({ __typename: 'ServiceClientCreated' });
    const strong = await serviceOf(admin, ['audit.read']);
    expect((await rotate(manager, strong.id)).__typename).toBe('NotFound');
    expect(await works(strong)).toBe(true);
  });
});

describe('a secret that is rotated', () => {
  it('counts for 24 hours more while it is used, beside the new one', async () => {
    const old = await serviceOf(admin, []);
    const uses: Promise<boolean>[] = [];
    for (let i = 0; i < 10; i++) uses.push(works(old));
    const { clientSecret } = await rotate(admin, old.id);
    for (let i = 0; i < 10; i++) uses.push(works(old), works({ id: old.id, secret: clientSecret }));
    expect(new Set(await Promise.all(uses))).toEqual(new Set([true]));
    world.clock.move(24 * 3600 + 1);
    try {
      expect([await works(old), await works({ id: old.id, secret: clientSecret })]).toEqual([false, true]);
    } finally {
      world.clock.move(-24 * 3600 - 1);
    }
  });

  it('is dead at the second rotation: two secrets count, never three', async () => {
    const first = await serviceOf(admin, []);
    const next = { id: first.id, secret: (await rotate(admin, first.id)).clientSecret };
    const last = { id: first.id, secret: (await rotate(admin, first.id)).clientSecret };
    expect([await works(first), await works(next), await works(last)]).toEqual([false, true, true]);
    expect(await factsOf(world, 'service_client.secret_rotated')).toBeGreaterThanOrEqual(3);
  });

  it.each(['01890000-0000-7000-8000-000000000000', 'nobody'])('is none of a client that is not there (%s)', async (id) => {
    const before = await factsOf(world, '%');
    expect((await rotate(admin, id)).__typename).toBe('NotFound');
    expect((await remove(admin, id)).__typename).toBe('NotFound');
    expect(await factsOf(world, '%')).toBe(before);
  });
});

describe('a client that is deleted', () => {
  it('has its tokens die here at once and within a second in another house, gets no more, and is not listed', async () => {
    const service = await serviceOf(admin, ['users.read']);
    const token = await tokenOf(world, service);
    expect([await codeOf(world, token), await codeOf(second, token)]).toEqual(['taken', 'taken']);
    expect(await remove(admin, service.id)).toEqual({ __typename: 'Deleted', id: service.id });
    expect(await codeOf(world, token)).toBe('UNAUTHENTICATED');
    await vi.waitFor(async () => expect(await codeOf(second, token)).toBe('UNAUTHENTICATED'), { timeout: 1000, interval: 20 });
    expect(await works(service)).toBe(false);
    expect((await remove(admin, service.id)).__typename).toBe('NotFound');
    expect((await rotate(admin, service.id)).__typename).toBe('NotFound');
    const { data } = await admin.ask('{ serviceClients { id } }');
    expect(data.serviceClients.map((client: { id: string }) => client.id)).not.toContain(service.id);
  });

  it('has its sockets closed within a second in another house', async () => {
    const service = await serviceOf(admin, []);
    const socket = await openSocketStream(second.url, await tokenOf(world, service), '{ serviceInfo { name } }');
    expect(await socket.next()).toEqual({ serviceInfo: { name: 'latchkey' } });
    const began = performance.now();
    await remove(admin, service.id);
    expect(await socket.closed).toBe(4401);
    expect(performance.now() - began).toBeLessThan(1000);
  });

  it('stays dead for a house that opens later', async () => {
    const service = await serviceOf(admin, []);
    const token = await tokenOf(world, service);
    await remove(admin, service.id);
    const third = await openWorld({}, { databaseUrl: world.databaseUrl, keyFile: world.keyFile, clock: world.clock });
    try {
      expect(await codeOf(third, token)).toBe('UNAUTHENTICATED');
    } finally {
      await third.close();
    }
  });

  it('is deleted once by fifty who try, with one fact', async () => {
    const service = await serviceOf(admin, []);
    const before = await factsOf(world, 'service_client.deleted');
    const kinds = (await Promise.all(Array.from({ length: 50 }, () => remove(admin, service.id)))).map(({ __typename }) => __typename);
    expect(kinds.filter((kind) => kind === 'Deleted')).toHaveLength(1);
    expect(await factsOf(world, 'service_client.deleted')).toBe(before + 1);
  });
});
