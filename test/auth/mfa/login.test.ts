/** Sign-in in two steps: what is asked for, what the answer brings, and all that ends a challenge. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Changes, nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { totp, verifyMutation, type WithTotp, withTotp } from '../../kit/mfa.ts';
import { refreshWith } from '../../kit/refreshing.ts';
import { openWorld, password, type SignedInPerson, type World } from '../../kit/world.ts';
import { type Answered, challenge, challenged, claimsOf, factsOf, logIn, nextStep, otherThan, verify, withSent } from './asking.ts';

let world: World & { databaseUrl: string; keyFile: string };
let watch: Watch;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
});
afterAll(() => world?.close());

/** A user with an authenticator app, in a step of which no code has been used. */
const enrolled = async (person?: SignedInPerson): Promise<WithTotp & { code(): string }> => {
  nextStep(world);
  const who = await withTotp(world, person);
  nextStep(world);
  return { ...who, code: () => totp(who.secret, world.clock.now()) };
};
const answer = (challengeToken: string, code: string, input: object = {}): Promise<Answered> =>
  verify(world.anonymous, { challengeToken, type: 'TOTP', code, ...input });
const opened: Changes = { ...nothing, facts: ['session.created', 'user.login'], sessionsOpened: 1 };
/** The challenge is worth nothing, and asking leaves nothing behind. */
const expectOver = async (challengeToken: string, code: string) => {
  const { answer: refused, changed } = await watch(() => answer(challengeToken, code));
  expect(refused).toMatchObject({ __typename: 'TokenInvalid', code: 'TOKEN_INVALID' });
  expect(changed).toEqual(nothing);
};
const withKey = async ({ id }: { id: string }): Promise<void> => {
  const values = [world.house.infra.random.uuid(world.clock.now()), id, world.clock.now(), Buffer.from(id), Buffer.alloc(32)];
  await world.sql(
    `INSERT INTO mfa_methods (id, user_id, type, created_at, confirmed_at, setup_ends_at, credential_id, public_key)
      VALUES ($1, $2, 'WEBAUTHN', $3, $3, $3, $4, $5)`,
    values,
  );
};

describe('MfaRequired', () => {
  it('comes after the right password, opens no session, and names a challenge of five minutes', async () => {
    const person = await enrolled();
    const { answer: due, changed } = await watch(() => logIn(world.anonymous, person));
    expect(due).toMatchObject({ __typename: 'MfaRequired', methods: ['TOTP', 'BACKUP_CODE'], expiresIn: 300 });
    expect(due.challengeToken).toMatch(/^[\w-]{43}$/);
    expect(changed).toEqual({ ...nothing, facts: ['mfa.challenged'] });
    const [fact] = await factsOf(world, person.id, 'mfa.challenged');
    expect(fact).toMatchObject({ actor_id: null, session_id: null, data: { purpose: 'login', methods: ['TOTP', 'BACKUP_CODE'] } });
    const rows = await world.sql<{ text: string }>('SELECT c::text AS text FROM mfa_challenges c WHERE user_id = $1', [person.id]);
    for (const secret of [due.challengeToken, password, '$argon2']) expect(rows[0]!.text).not.toContain(secret);
  });

  it('names the methods that count, strongest first', async () => {
    const phone = '+4915110000001';
    const mailed = await withSent(world, await world.signedIn(), { type: 'EMAIL' });
    const texted = await withSent(world, mailed, { type: 'SMS', phone });
    const person = await enrolled(texted);
    const methods = async (at = world) => (await logIn(at.anonymous, person)).methods;
    expect(await methods()).toEqual(['TOTP', 'SMS', 'EMAIL', 'BACKUP_CODE']);
    await withKey(person);
    expect(await methods()).toEqual(['WEBAUTHN', 'TOTP', 'SMS', 'EMAIL', 'BACKUP_CODE']);
    const fewer = await openWorld(
      { MFA_TYPES: 'EMAIL,TOTP' },
      { databaseUrl: world.databaseUrl, keyFile: world.keyFile, clock: world.clock },
    );
    expect(await methods(fewer as typeof world)).toEqual(['TOTP', 'EMAIL', 'BACKUP_CODE']);
    await fewer.close();
    await world.sql('UPDATE users SET strong_mfa_only = true WHERE id = $1', [person.id]);
    expect(await methods()).toEqual(['WEBAUTHN', 'BACKUP_CODE']);
    const token = await challenged(world, person);
    expect((await challenge(world.anonymous, { challengeToken: token, type: 'SMS' })).__typename).toBe('MfaNotEnabled');
    expect((await answer(token, person.code())).__typename, 'a code that would be right').toBe('CodeInvalid');
  });

  it('is not told of a wrong password, which looks as it does for a user without a factor', async () => {
    const [person, other] = [await enrolled(), await world.person()];
    const told: unknown[] = [];
    for (const who of [person, other]) told.push(await watch(() => logIn(world.anonymous, who, { password: 'a wrong password' })));
    expect(told[0]).toEqual(told[1]);
    expect(told[0]).toMatchObject({
      answer: { __typename: 'InvalidCredentials' },
      changed: { facts: ['user.login_failed InvalidCredentials'] },
    });
  });

  it('comes with the password hashed anew, where its parameters are outdated', async () => {
    const person = await enrolled();
    const settings = { ARGON2_MEMORY_KIB: '128', ARGON2_TIME_COST: '2' };
    const costly = await openWorld(settings, { databaseUrl: world.databaseUrl, keyFile: world.keyFile, clock: world.clock });
    const hashOf = async () => (await world.sql<{ hash: string }>('SELECT hash FROM passwords WHERE user_id = $1', [person.id]))[0]!.hash;
    expect(await hashOf()).toContain('m=64,t=1,');
    const { answer: due, changed } = await watch(() => logIn(costly.anonymous, person));
    expect(due.__typename).toBe('MfaRequired');
    expect([...changed.facts].sort()).toEqual(['mfa.challenged', 'password.rehashed']);
    expect(await hashOf()).toContain('m=128,t=2,');
    await costly.close();
    expect((await answer(due.challengeToken, person.code())).__typename, 'the same password').toBe('SignedIn');
  });
});

describe('verifyMfa', () => {
  it('signs in, with both factors in amr, in the token, the session and the fact', async () => {
    const person = await enrolled();
    const challengeToken = await challenged(world, person, { persistent: true, device: { name: 'Laptop' } });
    const { answer: signedIn, changed } = await watch(() => answer(challengeToken, person.code()));
    const amr = ['pwd', 'otp', 'mfa'];
    expect(signedIn).toMatchObject({ __typename: 'SignedIn', deviceToken: null, user: { id: person.id, mfaEnabled: true } });
    expect(signedIn.session).toMatchObject({ amr, current: true, trustedDevice: false });
    expect(changed).toEqual(opened);
    expect(claimsOf(signedIn.accessToken)).toMatchObject({ sub: person.id, sid: signedIn.session.id, amr });
    expect((await factsOf(world, person.id, 'user.login')).at(-1)).toMatchObject({ actor_id: person.id, data: { amr, persistent: true } });
    const [row] = await world.sql<{ device_name: string }>('SELECT * FROM sessions WHERE id = $1', [signedIn.session.id]);
    expect(row, 'as the first step asked').toMatchObject({ persistent: true, device_name: 'Laptop', trusted_device_id: null });
    const refreshed = await refreshWith(world, signedIn.refreshToken);
    expect(claimsOf(refreshed.accessToken)['amr']).toEqual(amr);
  });

  it('takes a challenge for five minutes, once', async () => {
    const person = await enrolled();
    const [soon, late] = [await challenged(world, person), await challenged(world, person)];
    world.clock.move(290);
    expect((await answer(soon, person.code())).__typename).toBe('SignedIn');
    world.clock.move(12);
    nextStep(world);
    await expectOver(soon, person.code());
    await expectOver(late, person.code());
    await expectOver('x'.repeat(43), person.code());
  });

  it('gives five tries; the fifth wrong one locks, for that network, and is told to the owner', async () => {
    const person = await enrolled();
    const challengeToken = await challenged(world, person);
    for (const attemptsLeft of [4, 3, 2, 1, 0]) {
      const { answer: refused, changed } = await watch(() => answer(challengeToken, otherThan(person.code())));
      expect(refused).toMatchObject({ __typename: 'CodeInvalid', attemptsLeft });
      const last = { facts: ['mfa.failed CodeInvalid', 'mfa.locked'], letters: [`mfa-locked to ${person.email}`] };
      expect(changed).toEqual({ ...nothing, ...(attemptsLeft === 0 ? last : { facts: ['mfa.failed CodeInvalid'] }) });
    }
    await expectOver(challengeToken, person.code());
    const another = await challenged(world, person);
    const { answer: locked, changed } = await watch(() => answer(another, person.code()));
    expect(locked).toMatchObject({ __typename: 'AccountLocked', code: 'ACCOUNT_LOCKED' });
    expect(locked.retryAfterSeconds).toBeGreaterThan(1750);
    expect(changed).toEqual(nothing);
    world.clock.move(1801);
    expect((await answer(await challenged(world, person), person.code())).__typename).toBe('SignedIn');
  });

  it('counts wrong answers across challenges, and a right password does not wipe them', async () => {
    const person = await enrolled();
    for (let n = 0; n < 5; n += 1)
      expect((await answer(await challenged(world, person), otherThan(person.code()))).__typename).toBe('CodeInvalid');
    expect((await answer(await challenged(world, person), person.code())).__typename).toBe('AccountLocked');
  });

  it('does not lock the owner out of a device that is known, while a stranger is', async () => {
    const person = await enrolled();
    const device = { fingerprint: `laptop of ${person.id}` };
    expect((await answer(await challenged(world, person, { device }), person.code())).__typename).toBe('SignedIn');
    nextStep(world);
    for (let n = 0; n < 5; n += 1) await answer(await challenged(world, person), otherThan(person.code()));
    expect((await answer(await challenged(world, person), person.code())).__typename).toBe('AccountLocked');
    expect((await answer(await challenged(world, person, { device }), person.code())).__typename).toBe('SignedIn');
  });

  it('takes no answer of another user agent, and the challenge is as good as before', async () => {
    const person = await enrolled();
    const challengeToken = await challenged(world, person);
    const elsewhere = world.anonymous.with({ 'user-agent': 'curl/8.0' });
    const { answer: refused, changed } = await watch(() => verify(elsewhere, { challengeToken, type: 'TOTP', code: person.code() }));
    expect([refused.__typename, changed]).toEqual(['TokenInvalid', nothing]);
    expect((await answer(challengeToken, person.code())).__typename).toBe('SignedIn');
  });

  it('takes a challenge of one of three right answers at once', async () => {
    const person = await enrolled();
    const challengeToken = await challenged(world, person);
    const answers = [
      { type: 'TOTP', code: person.code() },
      { type: 'BACKUP_CODE', code: person.backupCodes[0] },
      { type: 'BACKUP_CODE', code: person.backupCodes[1] },
    ];
    const kinds = await Promise.all(answers.map(async (each) => (await verify(world.anonymous, { challengeToken, ...each })).__typename));
    expect(kinds.sort()).toEqual(['SignedIn', 'TokenInvalid', 'TokenInvalid']);
    const spent = await world.sql('SELECT 1 FROM mfa_backup_codes WHERE user_id = $1 AND used_at IS NOT NULL', [person.id]);
    expect(spent.length, 'nothing is spent in vain').toBeLessThanOrEqual(1);
  });
});

describe('a challenge ends', () => {
  it('when the password is changed in between', async () => {
    const person = await enrolled();
    const challengeToken = await challenged(world, person);
    const { data } = await person.client.ask('mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { __typename } }', {
      input: { currentPassword: password, newPassword: 'seven quiet otters' },
    });
    expect(data.changePassword.__typename).toBe('User');
    await expectOver(challengeToken, person.code());
  });

  it('when the password is reset in between', async () => {
    const person = await enrolled();
    const challengeToken = await challenged(world, person);
    await world.anonymous.ask(`mutation { requestPasswordReset(input: { email: "${person.email}" }) { __typename } }`);
    const reset = () => world.mailsTo(person.email).flatMap(({ text }) => /reset-password\?token=([\w-]+)/.exec(text)?.[1] ?? []);
    await expect.poll(() => reset().length, { timeout: 8000 }).toBe(1);
    const { data } = await world.anonymous.ask('mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { __typename } }', {
      input: { token: reset()[0], newPassword: 'seven quiet otters' },
    });
    expect(data.resetPassword.__typename).toBe('User');
    await expectOver(challengeToken, person.code());
  });

  it('when a factor is taken away, or the account is deactivated', async () => {
    const person = await enrolled(await withSent(world, await world.signedIn(), { type: 'EMAIL' }));
    const challengeToken = await challenged(world, person);
    await person.client.ask(`mutation { disableMfa(input: { methodId: "${person.methodId}" }) { __typename } }`);
    const { answer: refused, changed } = await watch(() => answer(challengeToken, person.code()));
    expect([refused.__typename, changed]).toEqual(['TokenInvalid', nothing]);
    const other = await enrolled();
    const due = await challenged(world, other);
    await world.sql(`UPDATE users SET status = 'DEACTIVATED' WHERE id = $1`, [other.id]);
    await expectOver(due, other.code());
  });
});

describe('delivery by cookie', () => {
  it('is remembered from the first step to the second: the refresh token is in the cookie alone', async () => {
    const person = await enrolled();
    const page = world.anonymous.with({ 'x-latchkey-csrf': '1' });
    const due = await logIn(page, person, { delivery: 'COOKIE' });
    expect(due.__typename).toBe('MfaRequired');
    const { data, headers } = await page.ask(verifyMutation, {
      input: { challengeToken: due.challengeToken, type: 'TOTP', code: person.code() },
    });
    expect(data.verifyMfa).toMatchObject({ __typename: 'SignedIn', refreshToken: null, deviceToken: null });
    const [cookie, ...more] = headers.getSetCookie();
    expect(more).toEqual([]);
    const [, token] = /^__Host-latchkey-refresh=([^;]+); Path=\/; HttpOnly; Secure; SameSite=Strict; Max-Age=60\d{4}$/.exec(cookie!)!;
    expect((await refreshWith(world, token!)).__typename).toBe('SignedIn');
  });

  it('sets no cookie for an answer that is wrong, nor where the first step asked for none', async () => {
    const person = await enrolled();
    const page = world.anonymous.with({ 'x-latchkey-csrf': '1' });
    const { challengeToken } = await logIn(page, person, { delivery: 'COOKIE' });
    const input = { challengeToken, type: 'TOTP', code: otherThan(person.code()) };
    const { data, headers } = await page.ask(verifyMutation, { input });
    expect([data.verifyMfa.__typename, headers.getSetCookie()]).toEqual(['CodeInvalid', []]);
    const plain = await logIn(page, person);
    const signedIn = await page.ask(verifyMutation, { input: { ...input, challengeToken: plain.challengeToken, code: person.code() } });
    expect(signedIn.data.verifyMfa.refreshToken).toEqual(expect.any(String));
    expect(signedIn.headers.getSetCookie()).toEqual([]);
  });
});
