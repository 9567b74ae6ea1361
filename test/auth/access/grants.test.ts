/** Direct grants over the API: given, asked about, ended, taken back; and the streams that stood on them. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import type { Client } from '../../kit/client.ts';
import { ask, problem } from '../../kit/mfa.ts';
import { openSocketStream } from '../../kit/socket.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

type Opened = Awaited<ReturnType<typeof openWorld>>;
let world: Opened;
let second: Opened;
let admin: SignedInPerson;
let watch: Watch;
beforeAll(async () => {
  world = await openWorld();
  second = await openWorld({}, { databaseUrl: world.databaseUrl, keyFile: world.keyFile, clock: world.clock });
  watch = await watchChanges(world);
});
afterAll(async () => {
  await second?.close();
  await world?.close();
});
// A step-up lasts five minutes, and the clock moves.
const fresh = async () => {
  admin ??= await world.signedIn(undefined, { roles: ['superadmin'] });
  return (await world.signIn(admin)).client;
};

// biome-ignore lint/suspicious/noExplicitAny: answers of any shape
type Any = any;
const grantMutation = `mutation ($input: GrantPermissionInput!) { grantPermission(input: $input) { __typename ${problem} ... on InvalidInput { field }
  ... on PermissionGrant { id permission resource expiresAt reason user { id } grantedBy { id } } } }`;
const revokeMutation = `mutation ($input: RevokePermissionInput!) { revokePermission(input: $input) { __typename ${problem} ... on Deleted { id } } }`;
const grant = (client: Client, input: object): Promise<Any> => ask(client, grantMutation, input);
const check = async (client: Client, input: object): Promise<Any> =>
  (await client.ask('query ($input: PermissionCheckInput!) { checkPermission(input: $input) { allowed reason } }', { input })).data
    ?.checkPermission;
const codeOf = async (client: Client, mutation: string, input: object) =>
  (await client.ask(mutation, { input })).errors?.[0]?.extensions.code;
const seesOthers = async (of: World, person: SignedInPerson, other: string): Promise<boolean> =>
  (await of.anonymous.as(person.accessToken).ask(`{ sessions(userId: "${other}") { totalCount } }`)).errors === undefined;

/** What was news when a stream begins is none any more. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 600));

describe('a grant', () => {
  it('opens a door in every process within a second, is a fact, and closes it when it is taken back', async () => {
    const [person, other] = [await world.signedIn(), await world.person()];
    const client = await fresh();
    const { answer, changed } = await watch(() => grant(client, { userId: person.id, permission: 'sessions.read', reason: 'an incident' }));
    expect(answer).toMatchObject({
      __typename: 'PermissionGrant',
      user: { id: person.id },
      grantedBy: { id: admin.id },
      reason: 'an incident',
      expiresAt: null,
    });
    expect(changed).toEqual({ ...nothing, facts: ['permission.granted'] });
    for (const of of [world, second])
      await vi.waitFor(async () => expect(await seesOthers(of, person, other.id)).toBe(true), { timeout: 1000, interval: 20 });
    expect(await check(person.client, { permission: 'sessions.read' })).toEqual({ allowed: true, reason: 'By a grant.' });
    expect((await ask(client, revokeMutation, { grantId: answer.id })).__typename).toBe('Deleted');
    for (const of of [world, second])
      await vi.waitFor(async () => expect(await seesOthers(of, person, other.id)).toBe(false), { timeout: 1000, interval: 20 });
    expect((await ask(client, revokeMutation, { grantId: answer.id })).__typename).toBe('NotFound');
  });

  it('is never used after its end, by a request or by a stream', async () => {
    const [person, other] = [await world.signedIn(), await world.signedIn()];
    const expiresAt = new Date(world.clock.now().getTime() + 60_000).toISOString();
    await grant(await fresh(), { userId: person.id, permission: 'sessions.read', expiresAt });
    expect(await seesOthers(world, person, other.id)).toBe(true);
    await settled();
    const stream = await openSocketStream(world.url, person.accessToken, 'subscription ($id: ID) { sessionEvents(userId: $id) { type } }', {
      id: other.id,
    });
    await world.signIn(other);
    expect(await stream.next()).toMatchObject({ sessionEvents: { type: 'CREATED' } });
    await settled();
    const before = stream.received.length;
    world.clock.move(61);
    expect(await seesOthers(world, person, other.id)).toBe(false);
    await world.signIn(other);
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(stream.received).toHaveLength(before);
    await stream.close();
  });

  it('counts to the last millisecond before its end, and at its end no more', async () => {
    let at = Date.now();
    const still = await openWorld({}, { clock: { now: () => new Date(at), move: () => {} } });
    try {
      const boss = await still.signedIn(undefined, { roles: ['superadmin'] });
      const [person, other] = [await still.signedIn(), await still.signedIn()];
      const end = at + 60_000;
      const made = await grant(boss.client, { userId: person.id, permission: 'sessions.read', expiresAt: new Date(end).toISOString() });
      expect(made.__typename).toBe('PermissionGrant');
      for (const [moment, counts] of [
        [end - 1, true],
        [end, false],
        [end + 1, false],
      ] as const) {
        at = moment;
        expect(await seesOthers(still, person, other.id)).toBe(counts);
        expect((await check(person.client, { permission: 'sessions.read' })).allowed).toBe(counts);
      }
    } finally {
      await still.close();
    }
  });

  it('that is taken back ends the streams that its holder has, within a second', async () => {
    const [person, other] = [await world.signedIn(), await world.signedIn()];
    const { id } = await grant(await fresh(), { userId: person.id, permission: 'sessions.read' });
    await vi.waitFor(async () => expect(await seesOthers(second, person, other.id)).toBe(true), { timeout: 1000, interval: 20 });
    await settled();
    const stream = await openSocketStream(
      second.url,
      person.accessToken,
      'subscription ($id: ID) { sessionEvents(userId: $id) { type } }',
      { id: other.id },
    );
    await world.signIn(other);
    expect(await stream.next()).toMatchObject({ sessionEvents: { type: 'CREATED' } });
    await ask(await fresh(), revokeMutation, { grantId: id });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await world.signIn(other);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(stream.received).toHaveLength(1);
    await stream.close();
  });

  it('on a resource opens that alone, and no door of the platform', async () => {
    const [person, other] = [await world.signedIn(), await world.signedIn()];
    await grant(await fresh(), { userId: person.id, permission: 'sessions.read', resource: `session:${other.sessionId}` });
    expect(await check(person.client, { permission: 'sessions.read', resource: `session:${other.sessionId}` })).toEqual({
      allowed: true,
      reason: 'By a grant on this resource.',
    });
    expect(await check(person.client, { permission: 'sessions.read' })).toMatchObject({ allowed: false });
    expect(await seesOthers(world, person, other.id)).toBe(false);
  });
});

describe('nobody', () => {
  it('gives or takes back what he does not hold, nor beyond the end of what he holds for a while', async () => {
    const [giver, friend] = [await world.signedIn(), await world.person()];
    const client = await fresh();
    const expiresAt = new Date(world.clock.now().getTime() + 3_600_000).toISOString();
    await grant(client, { userId: giver.id, permission: 'permissions.grant' });
    await grant(client, { userId: giver.id, permission: 'users.read', expiresAt });
    const strange = await grant(client, { userId: friend.id, permission: 'keys.rotate' });
    const own = (await world.signIn(giver)).client;
    const { changed } = await watch(async () => {
      expect(await codeOf(own, grantMutation, { userId: friend.id, permission: 'audit.read' })).toBe('FORBIDDEN');
      expect(await codeOf(own, revokeMutation, { grantId: strange.id })).toBe('FORBIDDEN');
      for (const end of [null, new Date(Date.parse(expiresAt) + 1).toISOString()])
        expect(await grant(own, { userId: friend.id, permission: 'users.read', expiresAt: end })).toMatchObject({
          __typename: 'InvalidInput',
          field: 'input.expiresAt',
        });
    });
    expect(changed).toEqual(nothing);
    expect((await grant(own, { userId: friend.id, permission: 'users.read', expiresAt })).__typename).toBe('PermissionGrant');
  });

  it('asks about others without permissions.check, and everybody about himself', async () => {
    const [person, other] = [await world.signedIn(), await world.signedIn()];
    const query = 'query ($inputs: [PermissionCheckInput!]!) { checkPermissions(inputs: $inputs) { allowed reason } }';
    const denied = await person.client.ask(query, { inputs: [{ permission: 'users.read', userId: other.id }] });
    expect(denied.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    const { data } = await person.client.ask(query, {
      inputs: [
        { permission: 'users.read' },
        { permission: 'users.read', resource: `user:${person.id}` },
        { permission: 'sessions.revoke', resource: `session:${other.sessionId}` },
      ],
    });
    expect(data.checkPermissions).toEqual([
      { allowed: false, reason: 'No role and no grant gives users.read.' },
      { allowed: true, reason: "It is the user's own." },
      { allowed: false, reason: 'No role and no grant gives sessions.revoke on this resource.' },
    ]);
    expect(await check(await fresh(), { permission: 'users.read', userId: admin.id })).toEqual({
      allowed: true,
      reason: 'By the role superadmin on the platform.',
    });
  });
});

describe('what is out of form', () => {
  it('is the five hundred and first grant of one user in one place, and no more than that', async () => {
    const [client, person, other] = [await fresh(), await world.person(), await world.person()];
    const input = { userId: person.id, permission: 'users.read' };
    await world.sql(
      `INSERT INTO permission_grants (id, user_id, permission, granted_at) SELECT gen_random_uuid(), $1, 'users.read', now() FROM generate_series(1, 499)`,
      [person.id],
    );
    const atOnce = await Promise.all(Array.from({ length: 8 }, () => grant(client, input)));
    expect(atOnce.filter(({ __typename }) => __typename === 'PermissionGrant')).toHaveLength(1);
    const { answer, changed } = await watch(() => grant(client, input));
    expect([answer, changed]).toEqual([expect.objectContaining({ __typename: 'InvalidInput', field: 'input.userId' }), nothing]);
    expect((await grant(client, { ...input, userId: other.id })).__typename).toBe('PermissionGrant');
  });

  it('is InvalidInput, NotFound or BAD_REQUEST, and leaves nothing', async () => {
    const [client, person] = [await fresh(), await world.person()];
    const { changed } = await watch(async () => {
      expect(await grant(client, { userId: person.id, permission: 'no.such' })).toMatchObject({
        __typename: 'InvalidInput',
        field: 'input.permission',
      });
      expect(await grant(client, { userId: person.id, permission: 'users.read', resource: 'x' })).toMatchObject({
        field: 'input.resource',
      });
      expect(await grant(client, { userId: person.id, permission: 'users.read', expiresAt: '2020-01-01T00:00:00Z' })).toMatchObject({
        field: 'input.expiresAt',
      });
      expect((await grant(client, { userId: admin.sessionId, permission: 'users.read' })).__typename).toBe('NotFound');
      expect((await grant(client, { userId: person.id, permission: 'users.read', orgId: person.id })).__typename).toBe('NotFound');
      for (const input of [{ permission: 'x' }, { permission: 'users.read', resource: 'x' }, { permission: 'users.read', userId: '1' }])
        expect(
          (await client.ask('query ($i: PermissionCheckInput!) { checkPermission(input: $i) { allowed } }', { i: input })).errors?.[0]
            ?.extensions.code,
        ).toBe('BAD_REQUEST');
    });
    expect(changed).toEqual(nothing);
  });
});
