/** Codes that are sent, by mail or text: whereto, how long, how often, and for what alone. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';
import {
  type Answered,
  challenge,
  challenged,
  confirm,
  factsOf,
  logIn,
  otherThan,
  sentCode,
  setup,
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

let numbers = 10_000_000;
/** A German mobile number that nobody else in this file has. */
const somePhone = (): string => `+49151${++numbers}`;
const phoneOf = async ({ id }: { id: string }) =>
  (await world.sql<{ phone: string | null; at: Date | null }>('SELECT phone, phone_verified_at AS at FROM users WHERE id = $1', [id]))[0]!;

const withMail = async (): Promise<SignedInPerson> => withSent(world, await world.signedIn(), { type: 'EMAIL' });
/** Asks for a code of a challenge; the set-up's was the first, so that this is the `nth`. */
const codeFor = async (challengeToken: string, to: string, nth: number, type = 'EMAIL'): Promise<string> => {
  expect((await challenge(world.anonymous, { challengeToken, type })).__typename).toBe('MfaChallenge');
  return sentCode(world, to, nth);
};
const answer = (challengeToken: string, code: string, type = 'EMAIL'): Promise<Answered> =>
  verify(world.anonymous, { challengeToken, type, code });
const refusedOnce = { ...nothing, facts: ['mfa.failed CodeInvalid'] };

describe('codes by mail', () => {
  it('are set up by one that is mailed, of which only an HMAC is kept', async () => {
    const person = await world.signedIn();
    const { answer: begun, changed } = await watch(() => setup(person.client, { type: 'EMAIL', label: 'Mailbox' }));
    expect(changed).toEqual({ ...nothing, facts: ['mfa.setup_started'], letters: [`mfa-code to ${person.email}`] });
    expect(begun).toMatchObject({ __typename: 'MfaSetup', secret: null, otpauthUri: null, qrCode: null, method: { confirmed: false } });
    expect((await logIn(world.anonymous, person)).__typename).toBe('SignedIn');
    const code = await sentCode(world, person.email);
    const [row] = await world.sql<{ code_hash: Buffer }>('SELECT * FROM mfa_methods WHERE user_id = $1', [person.id]);
    expect(row!.code_hash).toHaveLength(32);
    expect(JSON.stringify(await factsOf(world, person.id, 'mfa.setup_started'))).not.toContain(code);
    const { answer: enabled, changed: left } = await watch(() => confirm(person.client, { methodId: begun.method.id, code }));
    expect(enabled).toMatchObject({ __typename: 'MfaEnabled', method: { type: 'EMAIL', confirmed: true } });
    expect(enabled.backupCodes).toHaveLength(8);
    expect(left).toEqual({ ...nothing, facts: ['mfa.enabled'], letters: [`mfa-enabled to ${person.email}`] });
    expect((await logIn(world.anonymous, person)).methods).toEqual(['EMAIL', 'BACKUP_CODE']);
    expect((await setup(person.client, { type: 'EMAIL' })).__typename).toBe('MfaAlreadyEnabled');
  });

  it('sign in: the challenge sends one to the masked address, and the answer is the second factor', async () => {
    const person = await withMail();
    const challengeToken = await challenged(world, person);
    const { answer: asked, changed } = await watch(() => challenge(world.anonymous, { challengeToken, type: 'EMAIL' }));
    expect(asked).toMatchObject({ __typename: 'MfaChallenge', type: 'EMAIL', webauthnOptions: null });
    expect(asked.sentTo).toBe('pe…@example.com');
    expect(asked.expiresIn).toBeGreaterThan(295);
    expect(asked.expiresIn).toBeLessThanOrEqual(300);
    expect(changed).toEqual({ ...nothing, facts: ['mfa.code_sent'], letters: [`mfa-code to ${person.email}`] });
    const code = await sentCode(world, person.email, 2);
    const { answer: signedIn, changed: opened } = await watch(() => answer(challengeToken, `${code.slice(0, 3)} ${code.slice(3)}`));
    expect(signedIn).toMatchObject({ __typename: 'SignedIn', user: { id: person.id }, session: { amr: ['pwd', 'otp', 'mfa'] } });
    expect(opened).toEqual({ ...nothing, facts: ['session.created', 'user.login'], sessionsOpened: 1 });
    expect((await answer(challengeToken, code)).__typename).toBe('TokenInvalid');
  });

  it('have three tries in a set-up, and the right one is refused after them', async () => {
    const person = await world.signedIn();
    const { method } = await setup(person.client, { type: 'EMAIL' });
    const code = await sentCode(world, person.email);
    for (const attemptsLeft of [2, 1, 0]) {
      const { answer: refused, changed } = await watch(() => confirm(person.client, { methodId: method.id, code: otherThan(code) }));
      expect(refused).toMatchObject({ __typename: 'CodeInvalid', attemptsLeft });
      expect(changed).toEqual({ ...nothing, facts: ['mfa.setup_failed CodeInvalid'] });
    }
    const { answer: refused, changed } = await watch(() => confirm(person.client, { methodId: method.id, code }));
    expect(refused.__typename).toBe('CodeInvalid');
    expect(changed).toEqual({ ...nothing, facts: ['mfa.setup_failed CodeInvalid'] });
    expect((await logIn(world.anonymous, person)).__typename).toBe('SignedIn');
  });

  it('have three tries in a sign-in, and another code that is sent has its own', async () => {
    const person = await withMail();
    const challengeToken = await challenged(world, person);
    const code = await codeFor(challengeToken, person.email, 2);
    for (let n = 0; n < 3; n += 1) expect((await answer(challengeToken, otherThan(code))).attemptsLeft).toBe(4 - n);
    const { answer: refused, changed } = await watch(() => answer(challengeToken, code));
    expect(refused).toMatchObject({ __typename: 'CodeInvalid', attemptsLeft: 1 });
    expect(changed).toEqual(refusedOnce);
    const another = await codeFor(challengeToken, person.email, 3);
    expect((await answer(challengeToken, another)).__typename).toBe('SignedIn');
  });

  it('live ten minutes in a set-up', async () => {
    const [soon, late] = [await world.signedIn(), await world.signedIn()];
    const methods = [(await setup(soon.client, { type: 'EMAIL' })).method, (await setup(late.client, { type: 'EMAIL' })).method];
    const codes = [await sentCode(world, soon.email), await sentCode(world, late.email)];
    world.clock.move(590);
    expect((await confirm(soon.client, { methodId: methods[0].id, code: codes[0] })).__typename).toBe('MfaEnabled');
    world.clock.move(12);
    const { answer: refused, changed } = await watch(() => confirm(late.client, { methodId: methods[1].id, code: codes[1] }));
    expect([refused.__typename, changed]).toEqual(['NotFound', nothing]);
  });

  it('live ten minutes in a sign-in too, were its challenge to live that long', async () => {
    const person = await withMail();
    for (const [seconds, kind] of [
      [590, 'SignedIn'],
      [602, 'CodeInvalid'],
    ] as const) {
      const challengeToken = await challenged(world, person);
      const code = await codeFor(challengeToken, person.email, seconds === 590 ? 2 : 3);
      await world.sql(`UPDATE mfa_challenges SET expires_at = expires_at + interval '1 hour' WHERE user_id = $1`, [person.id]);
      world.clock.move(seconds);
      const { answer: answered, changed } = await watch(() => answer(challengeToken, code));
      expect(answered.__typename, `after ${seconds} s`).toBe(kind);
      if (kind === 'CodeInvalid') expect(changed).toEqual(refusedOnce);
    }
  });

  it('end with the challenge, after five minutes', async () => {
    const person = await withMail();
    const challengeToken = await challenged(world, person);
    const code = await codeFor(challengeToken, person.email, 2);
    world.clock.move(301);
    const { answer: refused, changed } = await watch(() => answer(challengeToken, code));
    expect([refused.__typename, changed]).toEqual(['TokenInvalid', nothing]);
    const { answer: again, changed: left } = await watch(() => challenge(world.anonymous, { challengeToken, type: 'EMAIL' }));
    expect([again.__typename, left]).toEqual(['TokenInvalid', nothing]);
  });

  it('are void once another one is sent', async () => {
    const person = await withMail();
    const challengeToken = await challenged(world, person);
    const first = await codeFor(challengeToken, person.email, 2);
    const second = await codeFor(challengeToken, person.email, 3);
    if (first !== second) {
      const { answer: refused, changed } = await watch(() => answer(challengeToken, first));
      expect([refused.__typename, changed]).toEqual(['CodeInvalid', refusedOnce]);
    }
    expect((await answer(challengeToken, second)).__typename).toBe('SignedIn');
  });

  it('of one challenge are worth nothing in another, whatever that is for', async () => {
    const person = await withMail();
    const [one, other] = [await challenged(world, person), await challenged(world, person)];
    const code = await codeFor(one, person.email, 2);
    const own = await codeFor(other, person.email, 3);
    if (code !== own) expect((await answer(other, code)).__typename).toBe('CodeInvalid');
    expect((await challenge(person.client, { type: 'EMAIL' })).sentTo).toBe('pe…@example.com');
    const raising = await sentCode(world, person.email, 4);
    if (raising !== own) expect((await answer(other, raising)).__typename).toBe('CodeInvalid');
    if (raising !== own) expect((await stepUp(person.client, { type: 'EMAIL', code: own })).__typename).toBe('CodeInvalid');
    expect((await answer(other, own)).__typename).toBe('SignedIn');
    expect((await stepUp(person.client, { type: 'EMAIL', code: raising })).__typename).toBe('SteppedUp');
    expect((await answer(one, code)).__typename).toBe('SignedIn');
  });
});

describe('codes by text message', () => {
  it('prove the number before it counts: only then it is the user’s', async () => {
    const [person, phone] = [await world.signedIn(), somePhone()];
    const begun = await setup(person.client, { type: 'SMS', phone: `${phone.slice(0, 3)} ${phone.slice(3, 6)}/${phone.slice(6)}` });
    expect(begun.__typename).toBe('MfaSetup');
    const code = await sentCode(world, phone);
    expect(await phoneOf(person)).toEqual({ phone: null, at: null });
    expect((await logIn(world.anonymous, person)).__typename).toBe('SignedIn');
    const { answer: refused, changed } = await watch(() => confirm(person.client, { methodId: begun.method.id, code: otherThan(code) }));
    expect(refused).toMatchObject({ __typename: 'CodeInvalid', attemptsLeft: 2 });
    expect(changed).toEqual({ ...nothing, facts: ['mfa.setup_failed CodeInvalid'] });
    expect(await phoneOf(person)).toEqual({ phone: null, at: null });
    expect((await confirm(person.client, { methodId: begun.method.id, code })).__typename).toBe('MfaEnabled');
    expect(await phoneOf(person)).toEqual({ phone, at: expect.any(Date) });
    expect((await person.client.ask('{ me { phone phoneVerified } }')).data.me).toEqual({ phone, phoneVerified: true });
    expect(JSON.stringify(await factsOf(world, person.id, 'mfa.enabled'))).not.toContain(phone);
  });

  it('leave another number of the profile as it is', async () => {
    const [person, phone, profile] = [await world.signedIn(), somePhone(), somePhone()];
    await person.client.ask('mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { __typename } }', {
      input: { phone: profile },
    });
    await withSent(world, person, { type: 'SMS', phone });
    expect(await phoneOf(person)).toEqual({ phone: profile, at: null });
    const challengeToken = await challenged(world, person);
    expect((await challenge(world.anonymous, { challengeToken, type: 'SMS' })).sentTo).toBe(`+49…${phone.slice(-2)}`);
    await sentCode(world, phone, 2);
    expect(world.mailsTo(profile)).toEqual([]);
  });

  it('reach the phone, say so without the number, and sign in with sms in amr', async () => {
    const [someone, phone] = [await world.signedIn(), somePhone()];
    const person = await withSent(world, someone, { type: 'SMS', phone });
    const challengeToken = await challenged(world, person);
    const asked = await challenge(world.anonymous, { challengeToken, type: 'SMS' });
    expect(asked).toMatchObject({ __typename: 'MfaChallenge', type: 'SMS', sentTo: `+49…${phone.slice(-2)}` });
    const code = await sentCode(world, phone, 2);
    expect(world.mailsTo(phone)[1]!.text).toMatch(new RegExp(`^${code} .*10 minutes`));
    expect(world.mailsTo(person.email).every(({ text }) => !text.includes(code))).toBe(true);
    expect(JSON.stringify(await factsOf(world, person.id, 'mfa.code_sent'))).not.toContain(phone);
    expect(await answer(challengeToken, code, 'SMS')).toMatchObject({ __typename: 'SignedIn', session: { amr: ['pwd', 'sms', 'mfa'] } });
  });

  it('are no codes by mail, nor the other way round', async () => {
    const [someone, phone] = [await withMail(), somePhone()];
    const person = await withSent(world, someone, { type: 'SMS', phone });
    const challengeToken = await challenged(world, person);
    const texted = await codeFor(challengeToken, phone, 2, 'SMS');
    const { answer: refused, changed } = await watch(() => answer(challengeToken, texted, 'EMAIL'));
    expect([refused.__typename, changed]).toEqual(['CodeInvalid', refusedOnce]);
    const mailed = await codeFor(challengeToken, person.email, 2);
    expect((await answer(challengeToken, mailed, 'SMS')).__typename).toBe('CodeInvalid');
    expect((await answer(challengeToken, mailed)).__typename).toBe('SignedIn');
  });
});

describe('challengeMfa', () => {
  it('refuses a factor that the user has not, a token that is none, and a caller with neither token nor session', async () => {
    const person = await withMail();
    const challengeToken = await challenged(world, person);
    for (const [input, kind] of [
      [{ challengeToken, type: 'SMS' }, 'MfaNotEnabled'],
      [{ challengeToken, type: 'TOTP' }, 'MfaNotEnabled'],
      [{ challengeToken: 'nonsense', type: 'EMAIL' }, 'TokenInvalid'],
    ] as const) {
      const { answer: refused, changed } = await watch(() => challenge(world.anonymous, input));
      expect([refused.__typename, changed]).toEqual([kind, nothing]);
    }
    const { answer: told, changed } = await watch(() =>
      world.anonymous.ask('mutation { challengeMfa(input: { type: EMAIL }) { __typename } }'),
    );
    expect([told.errors?.[0]?.extensions.code, changed]).toEqual(['UNAUTHENTICATED', nothing]);
  });

  it('sends as many codes to one user as RATE_LIMIT_RESET allows, for set-up, sign-in and step-up together', async () => {
    const limited = await openWorld({ RATE_LIMIT_RESET: '3/3600s' });
    const seen = await watchChanges(limited);
    const someone = await limited.signedIn();
    const person = await withSent(limited, someone, { type: 'EMAIL' });
    expect((await challenge(person.client, { type: 'EMAIL' })).__typename).toBe('MfaChallenge');
    const challengeToken = await challenged(limited, person);
    expect((await challenge(limited.anonymous, { challengeToken, type: 'EMAIL' })).__typename).toBe('MfaChallenge');
    for (const [client, input] of [
      [limited.anonymous, { challengeToken, type: 'EMAIL' }],
      [person.client, { type: 'EMAIL' }],
    ] as const) {
      const { answer: refused, changed } = await seen(() => challenge(client, input));
      expect(refused).toMatchObject({ __typename: 'TooManyAttempts', code: 'TOO_MANY_ATTEMPTS' });
      expect(changed).toEqual(nothing);
    }
    const { answer: refused, changed } = await seen(() => setup(person.client, { type: 'SMS', phone: somePhone() }));
    expect([refused.__typename, changed]).toEqual(['TooManyAttempts', nothing]);
    // The code that was sent is as good as before, another user is not held up, and an hour later nobody is.
    expect((await setup((await limited.signedIn()).client, { type: 'EMAIL' })).__typename).toBe('MfaSetup');
    const code = await sentCode(limited, person.email, 3);
    expect((await verify(limited.anonymous, { challengeToken, type: 'EMAIL', code })).__typename).toBe('SignedIn');
    limited.clock.move(3601);
    const later = await challenged(limited, person);
    expect((await challenge(limited.anonymous, { challengeToken: later, type: 'EMAIL' })).__typename).toBe('MfaChallenge');
    await limited.close();
  });
});
