/** Every root field × every kind of caller, derived from the schema: a door that is missing, or lets the wrong one in, is found here. */
import type { GraphQLField } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schema } from '../../src/resolvers/index.ts';
import { type Door, describeDoor } from '../../src/schema/doors.ts';
import type { Client } from '../kit/client.ts';
import { callOf } from '../kit/documents.ts';
import { openStream } from '../kit/stream.ts';
import { openWorld, password, type SignedInPerson, type World } from '../kit/world.ts';

type Root = 'Query' | 'Mutation' | 'Subscription';
type RootField = { root: Root; name: string; field: GraphQLField<unknown, unknown>; door: Door };

/** Entities and SDL are the federation's own; test/graphql/federation.test.ts tries them. */
const federation = new Set(['_entities', '_service']);
const fields: RootField[] = [schema.getQueryType()!, schema.getMutationType()!, schema.getSubscriptionType()!].flatMap((type) =>
  Object.values(type.getFields())
    .filter((field) => !federation.has(field.name))
    .map((field) => ({ root: type.name as Root, name: field.name, field, door: field.extensions['door'] as Door })),
);

let world: World;
let owner: SignedInPerson;
let other: SignedInPerson;
let admin: SignedInPerson;
beforeAll(async () => {
  world = await openWorld();
  owner = await world.signedIn();
  other = await world.signedIn();
  admin = await world.signedIn(undefined, { roles: ['superadmin'] });
});
afterAll(() => world?.close());

const facts = async () => Number((await world.sql<{ n: string }>('SELECT count(*) AS n FROM audit_events'))[0]?.n);

/** The code of the first error that a call of the field leads to, or null. */
const codeFor = async (
  client: Client,
  { root, field }: RootField,
  text = callOf(field, { id: owner.id, email: owner.email, password }),
) => {
  if (root !== 'Subscription') return (await client.ask(`${root.toLowerCase()} { ${text} }`)).errors?.[0]?.extensions.code ?? null;
  const stream = await openStream(client, `subscription { ${text} }`);
  try {
    return stream.refused;
  } finally {
    await stream.close();
  }
};
const openOf = (door: Door) => (typeof door === 'object' && 'open' in door ? door.open : door);
const freshSignIn = () => world.signedIn();

describe('the doors', () => {
  it('stand in front of at least nineteen root fields, and every one says who may call it', () => {
    expect(fields.length).toBeGreaterThanOrEqual(19);
    expect(fields.filter(({ door }) => !door).map(({ name }) => name)).toEqual([]);
    for (const { field, door } of fields) expect(field.description).toContain(describeDoor(door));
  });

  const closed = fields.filter(({ door }) => openOf(door) !== 'anyone');
  const open = fields.filter(({ door }) => openOf(door) === 'anyone');
  const guarded = closed.filter(({ door }) => typeof openOf(door) === 'object');
  it('are at least eleven closed, seven open and one with a permission', () => {
    expect(closed.length).toBeGreaterThanOrEqual(11);
    expect(open.length).toBeGreaterThanOrEqual(7);
    expect(guarded.length).toBeGreaterThanOrEqual(1);
  });

  it.each(closed)('refuse an anonymous caller at $root $name, and nothing happens', async (field) => {
    const before = await facts();
    expect(await codeFor(world.anonymous, field)).toBe('UNAUTHENTICATED');
    expect(await facts()).toBe(before);
  });

  it.each(open.filter(({ name }) => !['logout', 'refresh', 'challengeMfa'].includes(name)))(
    'let an anonymous caller in at $root $name',
    async (field) => {
      expect([null, 'BAD_REQUEST']).toContain(await codeFor(world.anonymous, field));
    },
  );

  // An organization opens to its own people alone; test/auth/organizations tries both sides of that door.
  const tenants = new Set(['orgMembers']);
  // The place decides, the platform or an organization: test/auth/access/roles.test.ts, test/auth/administration and test/auth/webhooks try them.
  const placed = new Set(['assignRole', 'unassignRole', 'createRole', 'grantPermission', 'createWebhook', 'webhooks']);
  it.each(closed.filter((field) => !guarded.includes(field) && !tenants.has(field.name) && !placed.has(field.name)))(
    'let a signed-in caller in at $root $name',
    async (field) => {
      const someone = await freshSignIn();
      expect(await codeFor(someone.client, field)).not.toBe('UNAUTHENTICATED');
      expect(await codeFor((await freshSignIn()).client, field)).not.toBe('FORBIDDEN');
    },
  );

  it.each(guarded)('refuse a caller without the permission at $root $name, and nothing happens', async (field) => {
    const before = await facts();
    expect(await codeFor(other.client, field)).toBe('FORBIDDEN');
    expect(await facts()).toBe(before);
  });

  it.each(guarded)('let an administrator in at $root $name', async (field) => {
    // Some of them end whom they are given: somebody nobody needs.
    const { id, email } = await world.person();
    expect(await codeFor(admin.client, field, callOf(field.field, { id, email, password }))).toBeNull();
  });

  it.each(fields)('refuse a token that is not ours at $root $name, also where anyone may call', async (field) => {
    expect(await codeFor(world.anonymous.as(`${owner.accessToken.slice(0, -4)}AAAA`), field)).toBe('UNAUTHENTICATED');
  });
});

/** Doors that depend on arguments: what the owner and the administrator may, and somebody else may not. */
const dependent: { root: Root; name: string; call: (ownerId: string) => string }[] = [
  { root: 'Query', name: 'sessions', call: (id) => `sessions(userId: "${id}") { totalCount }` },
  { root: 'Mutation', name: 'revokeSessions', call: (id) => `revokeSessions(input: { userId: "${id}" }) { __typename }` },
  { root: 'Subscription', name: 'sessionEvents', call: (id) => `sessionEvents(userId: "${id}") { id }` },
];
describe('the doors that depend on arguments', () => {
  it.each(dependent)('refuse another user at $name, let an administrator in and the owner too', async ({ root, name, call }) => {
    const field = fields.find((candidate) => candidate.root === root && candidate.name === name)!;
    const before = await facts();
    expect(await codeFor(other.client, field, call(owner.id))).toBe('FORBIDDEN');
    expect(await facts()).toBe(before);
    expect(await codeFor(admin.client, field, call((await world.person()).id))).toBeNull();
    const self = await freshSignIn();
    expect(await codeFor(self.client, field, call(self.id))).toBeNull();
  });

  it('keep what is personal of a user from another, and give it to the owner and to a holder of users.read', async () => {
    const personal =
      'email emailVerified name phone phoneVerified timezone locale preferences status createdAt updatedAt lastLoginAt permissions';
    const query = `query ($id: ID!) { user(id: $id) { id displayName ${personal} sessions { totalCount } activity { edges { cursor } } } }`;
    const seenBy = async (client: Client) => (await client.ask(query, { id: owner.id })).data.user;
    const stranger = await seenBy(other.client);
    expect(stranger).toMatchObject({ id: owner.id, displayName: expect.any(String) });
    for (const name of [...personal.split(' '), 'sessions', 'activity']) expect(stranger[name], name).toBeNull();
    for (const client of [owner.client, admin.client]) {
      const seen = await seenBy(client);
      expect(seen).toMatchObject({ email: owner.email, emailVerified: true, status: 'ACTIVE', permissions: [] });
      expect(seen.sessions.totalCount).toBeGreaterThanOrEqual(1);
      expect(seen.activity.edges.length).toBeGreaterThan(0);
    }
  });

  it('keep a session that is not one’s own from being revoked: absent and not visible are one answer', async () => {
    const revoke = 'mutation ($id: ID!) { revokeSession(input: { sessionId: $id }) { __typename } }';
    const foreign = await other.client.ask(revoke, { id: owner.sessionId });
    const absent = await other.client.ask(revoke, { id: other.id });
    expect(foreign.data).toEqual(absent.data);
    expect(foreign.data.revokeSession.__typename).toBe('NotFound');
    expect((await owner.client.ask('{ me { id } }')).data.me.id).toBe(owner.id);
  });
});
