/** Step-up: which doors ask for it, what opens them, for how long, and how guessing is stopped. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { schema } from '../../../src/resolvers/index.ts';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import type { Client } from '../../kit/client.ts';
import { stepUpMutation, totp, type WithTotp, withTotp } from '../../kit/mfa.ts';
import { refreshWith, useToken } from '../../kit/refreshing.ts';
import { openWorld, password, type SignedInPerson, type World } from '../../kit/world.ts';
import {
  type Answered,
  challenge,
  challenged,
  claimsOf,
  logIn,
  nextStep,
  otherThan,
  sentCode,
  stepUp,
  verify,
  withSent,
} from './asking.ts';

let world: World;
let watch: Watch;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
});
afterAll(() => world?.close());

type Enrolled = WithTotp & { code(): string };
/** A user with an authenticator app whose session is as good as its first factor was; codes are of a fresh step each time. */
const enrolled = async (at = world): Promise<Enrolled> => {
  nextStep(at);
  const person = await withTotp(at);
  const code = (): string => {
    nextStep(at);
    return totp(person.secret, at.clock.now());
  };
  return { ...person, code };
};
const stale = <P>(person: P): P => {
  world.clock.move(301);
  return person;
};

const next = 'seven quiet otters';
const doors = {
  deleteAccount: `deleteAccount(input: { currentPassword: "${password}" }) { __typename }`,
  setupMfa: 'setupMfa(input: { type: TOTP }) { __typename }',
  disableMfa: 'disableMfa(input: { methodId: "01890000-0000-7000-8000-000000000000" }) { __typename }',
  exportMyData: 'exportMyData { __typename }',
  regenerateBackupCodes: 'regenerateBackupCodes { __typename }',
  updateRole: `updateRole(input: { roleId: "01890000-0000-7000-8000-000000000000" }) { __typename }`,
  deleteRole: `deleteRole(input: { roleId: "01890000-0000-7000-8000-000000000000" }) { __typename }`,
  deleteWebhook: `deleteWebhook(input: { endpointId: "01890000-0000-7000-8000-000000000000" }) { __typename }`,
  unlinkIdentity: 'unlinkIdentity(input: { identityId: "01890000-0000-7000-8000-000000000000" }) { __typename }',
  setMfaPolicy: 'setMfaPolicy(input: { phishingResistantOnly: false }) { __typename }',
};
/** Tried where their rooms are: who may not do them at all is told that first. */
const elsewhere = [
  ...['activateUser', 'adminUpdateUser', 'assignRole', 'createUser', 'deleteUser', 'impersonate', 'importUsers', 'unassignRole'],
  ...['createApiKey', 'createRole', 'createWebhook', 'grantPermission', 'transferOwnership'],
  ...['revealTradingCredentials', 'shareTradingAccount', 'startOAuth'],
];
const changePassword = `changePassword(input: { currentPassword: "${password}", newPassword: "${next}" }) { __typename }`;
type Told = { code: string | null; methods?: string[] };
/** The denial that a call leads to; null where there is none. */
const denial = async (client: Client, text: string): Promise<Told> => {
  const { errors } = await client.ask(`mutation { ${text} }`);
  return (errors?.[0]?.extensions as Told | undefined) ?? { code: null };
};
const withoutFactor = ['PASSWORD'];
const withFactor = ['TOTP', 'BACKUP_CODE'];
const shut = (methods: string[]) => expect.objectContaining({ code: 'STEP_UP_REQUIRED', methods });
const opens = async (client: Client) => (await denial(client, doors.disableMfa)).code === null;

describe('the sensitive doors', () => {
  it('are those of this list, and no other asks everybody', () => {
    const asking = Object.values(schema.getMutationType()!.getFields())
      .filter(({ extensions }) => (extensions['door'] as { stepUp?: string }).stepUp === 'always')
      .map(({ name }) => name);
    expect(asking.sort()).toEqual([...Object.keys(doors), ...elsewhere].sort());
  });

  it.each(Object.entries(doors))('%s asks for the factor once the sign-in is five minutes old, and nothing happens', async (_, text) => {
    const person = stale(await enrolled());
    const { answer: told, changed } = await watch(() => denial(person.client, text));
    expect(told).toEqual(shut(withFactor));
    expect(changed).toEqual(nothing);
  });
  it.each(Object.entries(doors))('%s asks who has no factor for the password, and opens to it for five minutes', async (_, text) => {
    const person = stale(await world.signedIn());
    const { answer: told, changed } = await watch(() => denial(person.client, text));
    expect([told, changed]).toEqual([shut(withoutFactor), nothing]);
    expect((await stepUp(person.client, { password })).__typename).toBe('SteppedUp');
    world.clock.move(290);
    expect((await denial(person.client, text)).code).toBeNull();
  });

  it.each(Object.entries(doors))('%s is open for five minutes to a sign-in by both factors', async (_, text) => {
    const person = await enrolled();
    const signedIn: Answered = await verify(world.anonymous, {
      challengeToken: await challenged(world, person),
      type: 'TOTP',
      code: person.code(),
    });
    world.clock.move(290);
    expect((await denial(world.anonymous.as(signedIn.accessToken), text)).code).toBeNull();
  });

  it('open to no session by the password alone of whoever has a factor, however fresh it is', async () => {
    const person = await enrolled();
    const challengeToken = await challenged(world, person);
    const { deviceToken } = await verify(world.anonymous, { challengeToken, type: 'TOTP', code: person.code(), trustDevice: true });
    const trusted = await logIn(world.anonymous, person, { device: { token: deviceToken } });
    const client = world.anonymous.as(trusted.accessToken);
    for (const text of [...Object.values(doors), changePassword]) expect(await denial(client, text)).toEqual(shut(withFactor));
    expect((await stepUp(client, { type: 'TOTP', code: person.code() })).__typename).toBe('SteppedUp');
    for (const text of [doors.setupMfa, changePassword]) expect((await denial(client, text)).code).toBeNull();
  });

  it('changePassword asks whoever has a factor, and nobody else', async () => {
    const [person, other] = [await enrolled(), await world.signedIn()];
    world.clock.move(301);
    const { answer: told, changed } = await watch(() => denial(person.client, changePassword));
    expect([told, changed]).toEqual([shut(withFactor), nothing]);
    expect((await other.client.ask(`mutation { ${changePassword} }`)).data.changePassword.__typename).toBe('User');
  });

  it('ask an anonymous caller to sign in, and let through what is not sensitive', async () => {
    const person = stale(await enrolled());
    for (const text of Object.values(doors)) expect((await denial(world.anonymous, text)).code).toBe('UNAUTHENTICATED');
    expect((await person.client.ask('{ me { id } sessions { totalCount } }')).data.me.id).toBe(person.id);
    expect((await denial(person.client, 'updateProfile(input: { name: "Ada" }) { __typename }')).code).toBeNull();
  });
});

describe('stepUp', () => {
  const raised = { ...nothing, facts: ['user.stepped_up'] };

  it('by the password raises the session of whoever has no factor, for the old token too', async () => {
    const person = stale(await world.signedIn());
    const before = claimsOf(person.accessToken);
    const { answer: up, changed } = await watch(() => stepUp(person.client, { password }));
    expect(up).toMatchObject({ __typename: 'SteppedUp', expiresIn: 900, session: { id: person.sessionId, amr: ['pwd'] } });
    expect(changed).toEqual(raised);
    const claims = claimsOf(up.accessToken);
    expect(claims).toMatchObject({ sub: person.id, sid: person.sessionId, amr: ['pwd'], gen: before['gen'] });
    expect(claims['auth_time'] - before['auth_time']).toBeGreaterThanOrEqual(301);
    expect(await useToken(world, up.accessToken)).toBe(person.id);
    expect(await opens(world.anonymous.as(up.accessToken))).toBe(true);
    expect(await opens(person.client)).toBe(true);
    expect(await useToken(world, (await refreshWith(world, person.refreshToken)).accessToken)).toBe(person.id);
    world.clock.move(301);
    for (const client of [person.client, world.anonymous.as(up.accessToken)]) expect(await opens(client)).toBe(false);
  });

  it('by a code of the app raises time and amr, of this session alone', async () => {
    const person = await enrolled();
    const other = await verify(world.anonymous, { challengeToken: await challenged(world, person), type: 'TOTP', code: person.code() });
    world.clock.move(301);
    const { answer: up, changed } = await watch(() => stepUp(person.client, { type: 'TOTP', code: person.code() }));
    expect(up).toMatchObject({ __typename: 'SteppedUp', session: { id: person.sessionId, amr: ['pwd', 'otp', 'mfa'] } });
    expect(changed).toEqual(raised);
    const claims = claimsOf(up.accessToken);
    expect(claims).toMatchObject({ sid: person.sessionId, amr: ['pwd', 'otp', 'mfa'] });
    expect(Math.abs(claims['auth_time'] * 1000 - world.clock.now().getTime())).toBeLessThan(5000);
    expect(await opens(world.anonymous.as(up.accessToken))).toBe(true);
    expect(await opens(person.client)).toBe(true);
    expect(await opens(world.anonymous.as(other.accessToken))).toBe(false);
    const refreshed = claimsOf((await refreshWith(world, person.refreshToken)).accessToken);
    expect(refreshed).toMatchObject({ amr: ['pwd', 'otp', 'mfa'], auth_time: claims['auth_time'] });
  });

  it('takes a code of the app, or a backup code, once', async () => {
    const person = stale(await enrolled());
    const code = person.code();
    expect((await stepUp(person.client, { type: 'TOTP', code })).__typename).toBe('SteppedUp');
    expect((await stepUp(person.client, { type: 'TOTP', code })).__typename).toBe('CodeInvalid');
    const [backup] = person.backupCodes;
    const { answer: up, changed } = await watch(() => stepUp(person.client, { type: 'BACKUP_CODE', code: backup }));
    expect(up.__typename).toBe('SteppedUp');
    expect(changed).toEqual({ ...raised, letters: [`backup-code-used to ${person.email}`] });
    expect((await stepUp(person.client, { type: 'BACKUP_CODE', code: backup })).__typename).toBe('CodeInvalid');
    const challengeToken = await challenged(world, person);
    expect((await verify(world.anonymous, { challengeToken, type: 'TOTP', code })).__typename, 'nor to sign in').toBe('CodeInvalid');
  });

  it('by a mailed code asks for it without a token, and takes it in that session alone', async () => {
    const person = await withSent(world, await world.signedIn(), { type: 'EMAIL' });
    const signedIn = await challenged(world, person);
    await challenge(world.anonymous, { challengeToken: signedIn, type: 'EMAIL' });
    const other: Answered = await verify(world.anonymous, {
      challengeToken: signedIn,
      type: 'EMAIL',
      code: await sentCode(world, person.email, 2),
    });
    world.clock.move(301);
    const { answer: asked, changed } = await watch(() => challenge(person.client, { type: 'EMAIL' }));
    expect(asked).toMatchObject({ __typename: 'MfaChallenge', sentTo: 'pe…@example.com' });
    expect(changed).toEqual({ ...nothing, facts: ['mfa.code_sent'], letters: [`mfa-code to ${person.email}`] });
    const code = await sentCode(world, person.email, 3);
    expect((await stepUp(world.anonymous.as(other.accessToken), { type: 'EMAIL', code })).__typename).toBe('CodeInvalid');
    expect((await stepUp(person.client, { type: 'EMAIL', code: otherThan(code) })).attemptsLeft).toBe(4);
    expect((await stepUp(person.client, { type: 'EMAIL', code })).__typename).toBe('SteppedUp');
    expect((await stepUp(person.client, { type: 'EMAIL', code })).__typename).toBe('CodeInvalid');
  });

  it('takes no mailed code in a session that a mailed link opened: the mailbox is one factor, not two', async () => {
    const person = await withSent(world, await world.signedIn(), { type: 'EMAIL' });
    await world.anonymous.ask(`mutation { requestMagicLink(input: { email: "${person.email}" }) { __typename } }`);
    const tokens = () => world.mailsTo(person.email).flatMap(({ text }) => /magic-link\?token=([\w-]+)/.exec(text)?.[1] ?? []);
    await expect.poll(() => tokens().length, { timeout: 8000 }).toBe(1);
    const { data } = await world.anonymous.ask(
      `mutation { loginWithMagicLink(input: { token: "${tokens()[0]}" }) { ... on SignedIn { accessToken session { amr } } } }`,
    );
    expect(data.loginWithMagicLink.session.amr).toEqual(['otp']);
    const client = world.anonymous.as(data.loginWithMagicLink.accessToken);
    const { answer: refused, changed } = await watch(() => challenge(client, { type: 'EMAIL' }));
    expect([refused.__typename, changed]).toEqual(['MfaNotEnabled', nothing]);
    expect((await stepUp(client, { type: 'EMAIL', code: '000000' })).__typename).toBe('MfaNotEnabled');
    // Nor does it set another factor up, fresh as it is: the password is asked for, and then the mailed code counts.
    expect(await denial(client, doors.setupMfa)).toEqual(shut(withoutFactor));
    const { session } = await stepUp(client, { password });
    expect(session.amr).toEqual(['otp', 'pwd']);
    expect(await denial(client, doors.setupMfa)).toEqual(shut(['EMAIL', 'BACKUP_CODE']));
  });

  it('takes no password where there is a factor, right or wrong', async () => {
    const person = stale(await enrolled());
    for (const given of [password, 'a wrong password']) {
      const { answer: told, changed } = await watch(() => person.client.ask(stepUpMutation, { input: { password: given } }));
      expect(told.errors?.[0]?.extensions).toMatchObject({ code: 'STEP_UP_REQUIRED', methods: withFactor });
      expect(changed).toEqual(nothing);
    }
    expect(await opens(person.client)).toBe(false);
  });

  it('raises no session that ended while the password was being verified, and gives no token for it', async () => {
    const person = await world.signedIn();
    vi.spyOn(world.house.infra.hasher, 'verify').mockImplementationOnce(async () => {
      await world.sql(`UPDATE sessions SET revoked_at = $2, revoked_reason = 'revoked' WHERE id = $1`, [person.sessionId, new Date()]);
      return true;
    });
    const { answer: told, changed } = await watch(() => person.client.ask(stepUpMutation, { input: { password } }));
    expect(told.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    expect(changed.facts).toEqual([]);
  });

  it('refuses a factor that the user has not, with MfaNotEnabled', async () => {
    const [person, other] = [stale(await enrolled()), await world.signedIn()];
    for (const [client, type] of [
      [person.client, 'EMAIL'],
      [person.client, 'WEBAUTHN'],
      [other.client, 'TOTP'],
      [other.client, 'BACKUP_CODE'],
    ] as const) {
      const { answer: refused, changed } = await watch(() => stepUp(client, { type, code: '000000' }));
      expect([refused.__typename, changed]).toEqual(['MfaNotEnabled', nothing]);
    }
    expect(await opens(person.client)).toBe(false);
  });

  it('counts wrong codes, and after five takes none from there, which the owner is told', async () => {
    const person = stale(await enrolled());
    const wrong = otherThan(person.code());
    for (let n = 1; n <= 5; n += 1) {
      const { answer: refused, changed } = await watch(() => stepUp(person.client, { type: 'TOTP', code: wrong }));
      expect(refused.__typename).toBe('CodeInvalid');
      const last = { facts: ['mfa.failed CodeInvalid', 'mfa.locked'], letters: [`mfa-locked to ${person.email}`] };
      expect(changed).toEqual({ ...nothing, ...(n === 5 ? last : { facts: ['mfa.failed CodeInvalid'] }) });
    }
    for (const input of [
      { type: 'TOTP', code: person.code() },
      { type: 'BACKUP_CODE', code: person.backupCodes[0] },
    ]) {
      const { answer: refused, changed } = await watch(() => stepUp(person.client, input));
      expect(refused).toMatchObject({ __typename: 'TooManyAttempts', code: 'TOO_MANY_ATTEMPTS' });
      expect(changed).toEqual(nothing);
    }
    expect(await opens(person.client)).toBe(false);
  });

  it('counts wrong passwords with those given elsewhere', async () => {
    const limited = await openWorld({ RATE_LIMIT_LOGIN: '3/900s' });
    const seen = await watchChanges(limited);
    const person: SignedInPerson = await limited.signedIn();
    const wrong = 'a wrong password';
    await person.client.ask(`mutation { deleteAccount(input: { currentPassword: "${wrong}" }) { __typename } }`);
    for (let n = 0; n < 2; n += 1) {
      const { answer: refused, changed } = await seen(() => stepUp(person.client, { password: wrong }));
      expect(refused).toMatchObject({ __typename: 'InvalidCredentials', code: 'INVALID_CREDENTIALS' });
      expect(changed).toEqual({ ...nothing, facts: ['user.step_up_failed InvalidCredentials'] });
    }
    const { answer: refused, changed } = await seen(() => stepUp(person.client, { password }));
    expect([refused.__typename, changed]).toEqual(['TooManyAttempts', nothing]);
    await limited.close();
  });
});
