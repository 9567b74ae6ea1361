/** MFA_REQUIRED: a sign-in without a second factor opens nothing but the way to one. */
import type { GraphQLField } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schema } from '../../../src/resolvers/index.ts';
import type { Door } from '../../../src/schema/doors.ts';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import type { Client } from '../../kit/client.ts';
import { callOf } from '../../kit/documents.ts';
import { totp, withTotp } from '../../kit/mfa.ts';
import { refreshWith } from '../../kit/refreshing.ts';
import { openStream } from '../../kit/stream.ts';
import { openWorld, password, type SignedInPerson, type World } from '../../kit/world.ts';
import { challenged, claimsOf, confirm, logIn, nextStep, setup, stepUp, verify, withSent } from './asking.ts';

let world: World;
let watch: Watch;
beforeAll(async () => {
  world = await openWorld({ MFA_REQUIRED: 'on' });
  watch = await watchChanges(world);
});
afterAll(() => world?.close());

type RootField = { root: 'Query' | 'Mutation' | 'Subscription'; name: string; field: GraphQLField<unknown, unknown>; door: Door };
/** Entities are tried below; the SDL is everybody's. */
const federation = new Set(['_entities', '_service']);
const fields: RootField[] = [schema.getQueryType()!, schema.getMutationType()!, schema.getSubscriptionType()!].flatMap((type) =>
  Object.values(type.getFields())
    .filter((field) => !federation.has(field.name))
    .map((field) => ({ root: type.name as RootField['root'], name: field.name, field, door: field.extensions['door'] as Door })),
);
/** What leads to a factor, and what needs no token at all. By hand: a door that is opened by mistake is not on the list. */
const toFactor = ['setupMfa', 'confirmMfa', 'stepUp', 'challengeMfa', 'verifyMfa', 'refresh', 'logout', 'serviceInfo'];
const forAnyone = [
  ...['register', 'resendVerification', 'verifyEmail', 'login', 'requestPasswordReset', 'resetPassword'],
  ...['requestMagicLink', 'loginWithMagicLink', 'passkeyOptions', 'loginWithPasskey', 'completeOAuth', 'disownSession'],
];
const open = new Set([...toFactor, ...forAnyone]);
const shut = fields.filter(({ name }) => !open.has(name));

type Error = { code: string; methods?: string[] };
/** The first error that a call of the field leads to. */
const errorOf = async (client: Client, { root, field }: RootField, person: SignedInPerson): Promise<Error | null> => {
  const text = callOf(field, { id: person.id, email: person.email, password });
  if (root !== 'Subscription') return (await client.ask(`${root.toLowerCase()} { ${text} }`)).errors?.[0]?.extensions ?? null;
  const stream = await openStream(client, `subscription { ${text} }`);
  await stream.close();
  return stream.refused === null ? null : { code: stream.refused };
};
const validate = (accessToken: string) => fetch(`${world.url}/auth/validate`, { headers: { authorization: `Bearer ${accessToken}` } });
const entities = 'query ($refs: [_Any!]!) { _entities(representations: $refs) { __typename ... on User { id } ... on Session { id } } }';
const referred = ({ client, id, sessionId }: SignedInPerson, as: Client = client) =>
  as.ask(entities, {
    refs: [
      { __typename: 'User', id },
      { __typename: 'Session', id: sessionId },
    ],
  });

describe('where a second factor is required, a session without one', () => {
  let person: SignedInPerson;
  let admin: SignedInPerson;
  beforeAll(async () => {
    person = await world.signedIn();
    admin = await world.signedIn(undefined, { roles: ['superadmin'] });
  });

  it('is signed in with a token that names no permission and is for nobody who knows the audience', async () => {
    for (const { accessToken, client } of [person, admin]) {
      const claims = claimsOf(accessToken);
      expect(claims['amr']).toEqual(['pwd']);
      expect(claims['aud']).not.toBe('latchkey');
      expect(claims['scope']).toBe('');
      expect((await client.ask('{ serviceInfo { name mfaTypes } }')).errors).toBeUndefined();
    }
  });

  it('is met by the sweep below at no less than sixteen shut doors, and every name of an open one is a field', () => {
    const names = fields.map(({ name }) => name);
    expect(fields.length).toBeGreaterThanOrEqual(35);
    expect(shut.length).toBeGreaterThanOrEqual(16);
    for (const root of ['Query', 'Mutation', 'Subscription']) expect(shut.some((field) => field.root === root)).toBe(true);
    expect([...open].filter((name) => !names.includes(name))).toEqual([]);
  });

  it.each(shut)('is refused at $root $name with STEP_UP_REQUIRED, and nothing happens', async (field) => {
    for (const who of [person, admin]) {
      const { answer: error, changed } = await watch(() => errorOf(who.client, field, person));
      expect(error).toMatchObject({ code: 'STEP_UP_REQUIRED' });
      expect(changed).toEqual(nothing);
    }
  });

  it.each(fields.filter(({ name }) => open.has(name) && name !== 'logout'))('passes the door of $root $name', async (field) => {
    const someone = await world.signedIn();
    expect((await errorOf(someone.client, field, someone))?.code).not.toBe('STEP_UP_REQUIRED');
  });

  it('gets no entity, neither the user’s nor the session’s, not even its own', async () => {
    const { answer, changed } = await watch(() => referred(person));
    expect(answer.data?._entities ?? [null, null]).toEqual([null, null]);
    expect(answer.errors!.map(({ extensions }) => extensions.code)).toEqual(['STEP_UP_REQUIRED', 'STEP_UP_REQUIRED']);
    expect(changed).toEqual(nothing);
  });

  it('is not taken by the gateway’s check', async () => {
    for (const { accessToken } of [person, admin]) {
      const response = await validate(accessToken);
      expect([response.status, await response.json()]).toEqual([401, { active: false }]);
      expect(response.headers.get('www-authenticate')).toBe('Bearer error="insufficient_user_authentication"');
      expect([...response.headers.keys()].filter((name) => name.startsWith('x-user') || name.startsWith('x-auth'))).toEqual([]);
    }
  });

  it('stays as it is when it is refreshed, or raised by the password', async () => {
    const someone = await world.signedIn();
    const refreshed = await refreshWith(world, someone.refreshToken);
    const up = await stepUp(someone.client, { password });
    expect(up.__typename).toBe('SteppedUp');
    for (const token of [refreshed.accessToken, up.accessToken]) {
      expect((await world.anonymous.as(token).ask('{ me { id } }')).errors?.[0]?.extensions.code).toBe('STEP_UP_REQUIRED');
      expect((await validate(token)).status).toBe(401);
    }
  });

  it('has to be fresh to set a factor up, like any other', async () => {
    const someone = await world.signedIn();
    world.clock.move(301);
    const { answer, changed } = await watch(() => someone.client.ask('mutation { setupMfa(input: { type: TOTP }) { __typename } }'));
    expect(answer.errors?.[0]?.extensions).toMatchObject({ code: 'STEP_UP_REQUIRED', methods: ['PASSWORD'] });
    expect(changed).toEqual(nothing);
    expect((await stepUp(someone.client, { password })).__typename).toBe('SteppedUp');
    expect((await setup(someone.client, { type: 'TOTP' })).__typename).toBe('MfaSetup');
  });

  it('can log out', async () => {
    const someone = await world.signedIn();
    const { data } = await someone.client.ask('mutation { logout { __typename } }');
    expect(data.logout.__typename).toBe('LoggedOut');
  });
});

describe('where a second factor is required, everything opens', () => {
  const expectOpen = async (person: SignedInPerson, accessToken: string) => {
    const client = world.anonymous.as(accessToken);
    const { data, errors } = await client.ask('{ me { id mfaEnabled permissions sessions { totalCount } } }');
    expect(errors).toBeUndefined();
    expect(data.me).toMatchObject({ id: person.id, mfaEnabled: true });
    expect((await referred(person, client)).data._entities).toEqual([
      { __typename: 'User', id: person.id },
      { __typename: 'Session', id: person.sessionId },
    ]);
    expect((await validate(accessToken)).status).toBe(200);
    expect(claimsOf(accessToken)).toMatchObject({ aud: 'latchkey', amr: ['pwd', 'otp', 'mfa'] });
  };

  it('once a factor is set up and the session refreshed; not for the token from before', async () => {
    nextStep(world);
    const person = await world.signedIn(undefined, { roles: ['superadmin'] });
    const { method, secret } = await setup(person.client, { type: 'TOTP' });
    expect((await person.client.ask('{ me { id } }')).errors?.[0]?.extensions.code).toBe('STEP_UP_REQUIRED');
    const enabled = await confirm(person.client, { methodId: method.id, code: totp(secret, world.clock.now()) });
    expect(enabled).toMatchObject({ __typename: 'MfaEnabled', backupCodes: expect.any(Array) });
    expect((await person.client.ask('{ me { id } }')).errors?.[0]?.extensions.code).toBe('STEP_UP_REQUIRED');
    const { accessToken } = await refreshWith(world, person.refreshToken);
    await expectOpen(person, accessToken);
    expect(claimsOf(accessToken)['scope']).toContain('keys.rotate');
    // What its own arguments are refused for comes after the door.
    for (const field of shut.filter(({ root }) => root === 'Query'))
      expect([null, 'BAD_REQUEST']).toContain((await errorOf(world.anonymous.as(accessToken), field, person))?.code ?? null);
  });

  it('with stepUp by the factor, in a session that is older than it', async () => {
    nextStep(world);
    const older = await world.signedIn();
    const person = await withTotp(world, await world.signIn(older));
    nextStep(world);
    const { accessToken } = await refreshWith(world, older.refreshToken);
    expect((await world.anonymous.as(accessToken).ask('{ me { id } }')).errors?.[0]?.extensions.code).toBe('STEP_UP_REQUIRED');
    const up = await stepUp(older.client, { type: 'TOTP', code: totp(person.secret, world.clock.now()) });
    expect(up.__typename).toBe('SteppedUp');
    await expectOpen(older, up.accessToken);
  });

  it('at once for a sign-in by both factors, or on a device that is trusted', async () => {
    nextStep(world);
    const person = await withTotp(world);
    nextStep(world);
    const challengeToken = await challenged(world, person);
    const code = totp(person.secret, world.clock.now());
    const signedIn = await verify(world.anonymous, { challengeToken, type: 'TOTP', code, trustDevice: true });
    await expectOpen({ ...person, sessionId: signedIn.session.id }, signedIn.accessToken);
    const trusted = await logIn(world.anonymous, person, { device: { token: signedIn.deviceToken } });
    expect(claimsOf(trusted.accessToken)).toMatchObject({ aud: 'latchkey', amr: ['pwd'] });
    expect((await world.anonymous.as(trusted.accessToken).ask('{ me { id } }')).data.me.id).toBe(person.id);
    const refreshed = await refreshWith(world, trusted.refreshToken);
    expect((await validate(refreshed.accessToken)).status).toBe(200);
  });
});

describe('where a second factor is required, the last one', () => {
  const disable = 'mutation ($id: ID!) { disableMfa(input: { methodId: $id }) { __typename ... on Problem { code } } }';
  const open = async (person: SignedInPerson) => {
    const { accessToken, refreshToken } = await refreshWith(world, person.refreshToken);
    return { ...person, accessToken, refreshToken, client: world.anonymous.as(accessToken) };
  };

  it('cannot be removed, and nothing happens', async () => {
    nextStep(world);
    const person = await withTotp(world);
    const { client } = await open(person);
    const { answer, changed } = await watch(() => client.ask(disable, { id: person.methodId }));
    expect(answer.data.disableMfa).toEqual({ __typename: 'Conflict', code: 'CONFLICT' });
    expect(changed).toEqual(nothing);
    expect((await logIn(world.anonymous, person)).methods).toEqual(['TOTP', 'BACKUP_CODE']);
  });

  it('is what is left of two that are removed at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      nextStep(world);
      const mailed = await withSent(world, await world.signedIn(), { type: 'EMAIL' });
      const person = await withTotp(world, await open(mailed));
      const { client } = await open(person);
      const methods = [mailed.methodId, person.methodId];
      // Both connections are there before, so that the two do meet.
      await Promise.all(methods.map(() => client.ask('{ me { id } }')));
      const kinds = await Promise.all(methods.map(async (id) => (await client.ask(disable, { id })).data.disableMfa.__typename));
      expect(kinds.sort()).toEqual(['Conflict', 'User']);
      expect((await client.ask('{ me { mfaMethods { id } } }')).data.me.mfaMethods).toHaveLength(1);
    }
  });
});

describe('what a restricted token leads to', () => {
  const view = `id displayName email phone preferences permissions mfaMethods { type } trustedDevices { id }
    sessions { totalCount edges { node { ipAddress } } } activity { edges { node { id } } }`;
  const hidden = {
    email: null,
    phone: null,
    preferences: null,
    permissions: null,
    mfaMethods: null,
    trustedDevices: null,
    sessions: null,
    activity: null,
  };

  it('shows nothing personal in an answer, not even to an administrator', async () => {
    const admin = await world.signedIn(undefined, { roles: ['superadmin'] });
    const { data: raised } = await admin.client.ask(
      `mutation ($input: StepUpInput!) { stepUp(input: $input) { ... on SteppedUp { session { user { ${view} } } } } }`,
      { input: { password } },
    );
    expect(raised.stepUp.session.user).toMatchObject({ id: admin.id, displayName: expect.any(String), ...hidden });
    const { data: signedIn } = await world.anonymous.ask(
      `mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { user { ${view} } session { current } } } }`,
      { input: { email: admin.email, password } },
    );
    expect(signedIn.login).toMatchObject({ user: { id: admin.id, ...hidden }, session: { current: true } });
    const { data: refreshed } = await world.anonymous.ask(
      `mutation ($input: RefreshInput) { refresh(input: $input) { ... on SignedIn { user { ${view} } } } }`,
      { input: { refreshToken: admin.refreshToken } },
    );
    expect(refreshed.refresh.user).toMatchObject({ id: admin.id, ...hidden });
  });
});
