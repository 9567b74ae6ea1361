/** Devices on which the second factor is not asked for: how one becomes trusted, for how long, and all that ends it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { mfaLoginMutation, totp, verifyMutation, type WithTotp, withTotp } from '../../kit/mfa.ts';
import { refreshWith } from '../../kit/refreshing.ts';
import { openWorld, type Person, password, type World } from '../../kit/world.ts';
import { type Answered, challenged, claimsOf, confirm, factsOf, logIn, nextStep, otherThan, setup, verify, withSent } from './asking.ts';

let world: World;
let watch: Watch;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
});
afterAll(() => world?.close());

type Trusting = WithTotp & { token: string; sessionId: string };
/** A user who has signed in by both factors and let the device be trusted; `client` is of that session. */
const trusting = async (at = world): Promise<Trusting> => {
  nextStep(at);
  const person = await withTotp(at);
  nextStep(at);
  const challengeToken = await challenged(at, person);
  const code = totp(person.secret, at.clock.now());
  const signedIn: Answered = await verify(at.anonymous, { challengeToken, type: 'TOTP', code, trustDevice: true });
  const { accessToken, refreshToken, deviceToken, session } = signedIn;
  return { ...person, accessToken, refreshToken, client: at.anonymous.as(accessToken), token: deviceToken, sessionId: session.id };
};
/** How the password alone, and what the device says of itself, end. */
const by = async (person: Person, token: string, given = password, at = world): Promise<string> =>
  (await logIn(at.anonymous, person, { password: given, device: { token } })).__typename;
const devicesOf = async ({ client }: Pick<WithTotp, 'client'>): Promise<{ id: string; browser: string; lastUsedAt: string | null }[]> =>
  (await client.ask('{ me { trustedDevices { id browser os createdAt expiresAt lastUsedAt } } }')).data.me.trustedDevices;
const mutate = async ({ client }: Pick<WithTotp, 'client'>, text: string): Promise<Answered> => {
  const { data, errors } = await client.ask(`mutation { ${text} { __typename } }`);
  expect(errors).toBeUndefined();
  return (Object.values(data)[0] as Answered).__typename;
};

describe('a trusted device', () => {
  it('is given its token with the sign-in that trusts it, of which only a digest is kept', async () => {
    nextStep(world);
    const person = await withTotp(world);
    nextStep(world);
    const challengeToken = await challenged(world, person);
    const input = { challengeToken, type: 'TOTP', code: totp(person.secret, world.clock.now()), trustDevice: true };
    const { answer: signedIn, changed } = await watch(() => verify(world.anonymous, input));
    expect(signedIn).toMatchObject({ __typename: 'SignedIn', refreshToken: expect.any(String), session: { trustedDevice: false } });
    expect(signedIn.deviceToken).toMatch(/^[\w-]{43}$/);
    expect([...changed.facts].sort()).toEqual(['device.trusted', 'session.created', 'user.login']);
    expect({ ...changed, facts: [] }).toEqual({ ...nothing, sessionsOpened: 1 });
    const [row] = await world.sql<{ id: string; text: string }>('SELECT id, d::text AS text FROM trusted_devices d WHERE user_id = $1', [
      person.id,
    ]);
    expect(row!.text).not.toContain(signedIn.deviceToken);
    const [fact] = await factsOf(world, person.id, 'device.trusted');
    expect(fact).toMatchObject({ session_id: signedIn.session.id, data: { device: row!.id } });
    const [device, ...more] = await devicesOf(person);
    expect(more).toEqual([]);
    expect(device).toMatchObject({ id: row!.id, browser: 'Firefox 140', lastUsedAt: null });
  });

  it('stands for the second factor, and is none: amr names the password alone', async () => {
    const person = await trusting();
    const { answer: signedIn, changed } = await watch(() => logIn(world.anonymous, person, { device: { token: person.token } }));
    expect(signedIn).toMatchObject({ __typename: 'SignedIn', session: { amr: ['pwd'], trustedDevice: true } });
    expect(changed).toEqual({ ...nothing, facts: ['session.created', 'user.login'], sessionsOpened: 1 });
    expect(claimsOf(signedIn.accessToken)['amr']).toEqual(['pwd']);
    const [device] = await devicesOf(person);
    expect(device!.lastUsedAt).toEqual(expect.any(String));
  });

  it('is no first factor: a wrong password is refused, and the token alone tells nothing', async () => {
    const person = await trusting();
    const input = { password: 'a wrong password', device: { token: person.token } };
    const { answer: refused, changed } = await watch(() => logIn(world.anonymous, person, input));
    expect(refused.__typename).toBe('InvalidCredentials');
    expect(changed).toEqual({ ...nothing, facts: ['user.login_failed InvalidCredentials'] });
  });

  it('is trusted for its own user alone, and no made-up token is', async () => {
    const [person, other] = [await trusting(), await trusting()];
    expect(await by(other, person.token)).toBe('MfaRequired');
    for (const token of ['', 'x'.repeat(43), person.token.slice(0, -1), `${person.token}A`, person.sessionId])
      expect(await by(person, token), token).toBe('MfaRequired');
    expect(await by(person, person.token)).toBe('SignedIn');
  });

  it('is not made by an answer that is wrong', async () => {
    nextStep(world);
    const person = await withTotp(world);
    const challengeToken = await challenged(world, person);
    const code = otherThan(totp(person.secret, world.clock.now()));
    const { answer: refused, changed } = await watch(() =>
      verify(world.anonymous, { challengeToken, type: 'TOTP', code, trustDevice: true }),
    );
    expect(refused.__typename).toBe('CodeInvalid');
    expect(changed).toEqual({ ...nothing, facts: ['mfa.failed CodeInvalid'] });
    expect(await devicesOf(person)).toEqual([]);
  });

  it('keeps its token in a cookie where the sign-in asked for one, which stands for the factor with the header alone', async () => {
    nextStep(world);
    const person = await withTotp(world);
    nextStep(world);
    const page = world.anonymous.with({ 'x-latchkey-csrf': '1' });
    const { challengeToken } = await logIn(page, person, { delivery: 'COOKIE' });
    const input = { challengeToken, type: 'TOTP', code: totp(person.secret, world.clock.now()), trustDevice: true };
    const { data, headers } = await page.ask(verifyMutation, { input });
    expect(data.verifyMfa).toMatchObject({ __typename: 'SignedIn', refreshToken: null, deviceToken: null });
    const cookies = headers.getSetCookie().sort();
    expect(cookies).toHaveLength(2);
    const device = /^(__Host-latchkey-device=[\w-]{43}); Path=\/; HttpOnly; Secure; SameSite=Strict; Max-Age=2592000$/.exec(cookies[0]!);
    expect(cookies[1]).toMatch(/^__Host-latchkey-refresh=/);
    const cookie = device![1]!;
    const asPage = await logIn(page.with({ cookie }), person, { delivery: 'COOKIE' });
    expect(asPage).toMatchObject({ __typename: 'SignedIn', refreshToken: null, session: { trustedDevice: true } });
    const { answer: due, changed } = await watch(() => logIn(world.anonymous.with({ cookie }), person));
    expect([due.__typename, changed]).toEqual(['MfaRequired', { ...nothing, facts: ['mfa.challenged'] }]);
    const kept = await page.with({ cookie }).ask(mfaLoginMutation, { input: { email: person.email, password, delivery: 'COOKIE' } });
    expect(kept.headers.getSetCookie().map((each) => each.split('=')[0])).toEqual(['__Host-latchkey-refresh']);
  });

  it('is trusted for thirty days', async () => {
    const timed = await openWorld();
    const person = await trusting(timed);
    timed.clock.move(30 * 86_400 - 60);
    expect(await by(person, person.token, password, timed)).toBe('SignedIn');
    timed.clock.move(61);
    expect(await by(person, person.token, password, timed), 'however often it was used').toBe('MfaRequired');
    await timed.close();
  });

  it('is seen by its user alone', async () => {
    const [person, admin] = [await trusting(), await world.signedIn(undefined, { roles: ['superadmin'] })];
    const seen = await admin.client.ask(`{ user(id: "${person.id}") { id trustedDevices { id } mfaMethods { type } } }`);
    expect(seen.data.user).toMatchObject({ id: person.id, trustedDevices: null });
    const stranger = await world.signedIn();
    const told = await stranger.client.ask(`{ user(id: "${person.id}") { mfaEnabled mfaMethods { id } trustedDevices { id } } }`);
    expect(told.data.user).toEqual({ mfaEnabled: null, mfaMethods: null, trustedDevices: null });
  });
});

describe('the trust ends', () => {
  const forget = 'mutation ($id: ID!) { forgetTrustedDevice(input: { deviceId: $id }) { __typename ... on Deleted { id } } }';

  it('by forgetTrustedDevice, which nobody else can ask for', async () => {
    const [person, other] = [await trusting(), await trusting()];
    const [device] = await devicesOf(person);
    for (const id of [device!.id, other.sessionId, 'nonsense']) {
      const { answer: refused, changed } = await watch(() => other.client.ask(forget, { id }));
      expect([refused.data.forgetTrustedDevice.__typename, changed]).toEqual(['NotFound', nothing]);
    }
    expect(await by(person, person.token)).toBe('SignedIn');
    const { answer: gone, changed } = await watch(() => person.client.ask(forget, { id: device!.id }));
    expect(gone.data.forgetTrustedDevice).toEqual({ __typename: 'Deleted', id: device!.id });
    expect(changed).toEqual({ ...nothing, facts: ['device.untrusted'] });
    expect(await by(person, person.token)).toBe('MfaRequired');
    expect(await devicesOf(person)).toEqual([]);
    expect(await by(other, other.token)).toBe('SignedIn');
  });

  it('with revokeSession of the session that trusted it, or of one that stood on it', async () => {
    const first = await trusting();
    nextStep(world);
    const elsewhere = await challenged(world, first);
    const { accessToken } = await verify(world.anonymous, {
      challengeToken: elsewhere,
      type: 'TOTP',
      code: totp(first.secret, world.clock.now()),
    });
    const other = { client: world.anonymous.as(accessToken) };
    expect(await mutate(other, `revokeSession(input: { sessionId: "${first.sessionId}" })`)).toBe('LoggedOut');
    expect(await by(first, first.token)).toBe('MfaRequired');
    const second = await trusting();
    const standing = await logIn(world.anonymous, second, { device: { token: second.token } });
    expect(await mutate(second, `revokeSession(input: { sessionId: "${standing.session.id}" })`)).toBe('LoggedOut');
    expect(await by(second, second.token)).toBe('MfaRequired');
  });

  it('with a password that is changed, and with a factor that is taken away', async () => {
    const changing = await trusting();
    const next = 'seven quiet otters';
    const change = `changePassword(input: { currentPassword: "${password}", newPassword: "${next}" })`;
    expect(await mutate(changing, change)).toBe('User');
    expect(await by(changing, changing.token, next)).toBe('MfaRequired');
    const fewer = await withSent(world, await trusting(), { type: 'EMAIL' });
    expect(await mutate(fewer, `disableMfa(input: { methodId: "${fewer.methodId}" })`)).toBe('User');
    expect(await by(fewer, fewer.token)).toBe('MfaRequired');
  });

  it('with a refresh token that came back after it was replaced: somebody else has what the device has', async () => {
    const person = await trusting();
    const second = await refreshWith(world, person.refreshToken);
    const third = await refreshWith(world, second.refreshToken);
    await world.anonymous.as(third.accessToken).ask('{ me { id } }');
    world.clock.move(120);
    expect((await refreshWith(world, person.refreshToken)).__typename).toBe('RefreshReused');
    expect(await by(person, person.token)).toBe('MfaRequired');
  });

  it('not with a logout: whoever is back on the device is let in by the password', async () => {
    const person = await trusting();
    expect(await mutate(person, 'logout')).toBe('LoggedOut');
    expect(await by(person, person.token)).toBe('SignedIn');
  });

  it('not with another factor that is added', async () => {
    const person = await trusting();
    const { method } = await setup(person.client, { type: 'EMAIL' });
    expect((await confirm(person.client, { methodId: method.id, code: '000000' })).__typename).toBe('CodeInvalid');
    expect((await withSent(world, person, { type: 'EMAIL' }, 2)).backupCodes).toEqual([]);
    expect(await by(person, person.token)).toBe('SignedIn');
  });
});
