/** Authenticator apps: how one is set up, and which of its codes count, once. */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stepOf } from '../../../src/auth/mfa/totp.ts';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { totp, withTotp } from '../../kit/mfa.ts';
import { openWorld, type World } from '../../kit/world.ts';
import { challenged, claimsOf, confirm, factsOf, logIn, nextStep, otherThan, setup, verify } from './asking.ts';

/** The independent tool (OATH Toolkit). */
const oathtool = spawnSync('oathtool', ['--version']).status === 0;
const skipped = oathtool ? '' : ' (SKIPPED: oathtool is not on PATH)';
if (!oathtool) console.log('SKIPPED: the test that compares with oathtool: it needs oathtool on PATH');

let world: World;
let watch: Watch;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
});
afterAll(() => world?.close());

/** A signed-in user in the middle of a set-up, at the beginning of a time step. */
const settingUp = async () => {
  nextStep(world);
  const person = await world.signedIn();
  const begun = await setup(person.client, { type: 'TOTP', label: 'Phone' });
  return { ...person, begun, methodId: begun.method.id as string, secret: begun.secret as string };
};
/** A user with the app, in a step of which no code has been used. */
const enrolled = async () => {
  nextStep(world);
  const person = await withTotp(world);
  nextStep(world);
  return { ...person, code: (step = 0) => totp(person.secret, world.clock.now(), step) };
};
const answer = async (person: { id: string; email: string }, code: string) =>
  verify(world.anonymous, { challengeToken: await challenged(world, person), type: 'TOTP', code });
const mfaOf = async ({ client }: { client: World['anonymous'] }) =>
  (await client.ask('{ me { mfaEnabled mfaMethods { id type label confirmed lastUsedAt } } }')).data.me;

describe('the set-up', () => {
  it('gives a secret of 160 bits, as base32, as a URI and as a picture, and counts for nothing yet', async () => {
    nextStep(world);
    const person = await world.signedIn();
    const { answer: begun, changed } = await watch(() => setup(person.client, { type: 'TOTP', label: ' Phone ' }));
    expect(changed).toEqual({ ...nothing, facts: ['mfa.setup_started'] });
    expect(begun).toMatchObject({ __typename: 'MfaSetup', webauthnOptions: null });
    expect(begun.method).toEqual({ id: expect.any(String), type: 'TOTP', label: 'Phone', confirmed: false });
    expect(begun.secret).toMatch(/^[A-Z2-7]{32}$/);
    const uri = new URL(begun.otpauthUri);
    expect([uri.protocol, uri.host]).toEqual(['otpauth:', 'totp']);
    expect(decodeURIComponent(uri.pathname)).toBe(`/Latchkey:${person.email}`);
    expect(uri.searchParams.get('secret')).toBe(begun.secret);
    expect(uri.searchParams.get('issuer')).toBe('Latchkey');
    for (const [name, standard] of Object.entries({ algorithm: 'SHA1', digits: '6', period: '30' }))
      expect([null, standard], name).toContain(uri.searchParams.get(name));
    expect(begun.qrCode).toMatch(/^data:image\/svg\+xml;base64,/);
    const picture = Buffer.from(begun.qrCode.split(',')[1], 'base64').toString();
    expect(picture).toMatch(/^<svg [\s\S]*<path [\s\S]*<\/svg>$/);
    expect(picture).not.toContain('script');
    expect(await mfaOf(person)).toMatchObject({ mfaEnabled: false, mfaMethods: [{ id: begun.method.id, confirmed: false }] });
    expect((await logIn(world.anonymous, person)).__typename).toBe('SignedIn');
  });

  it('keeps the secret sealed: neither its row nor any fact has it, in whatever form', async () => {
    const { id, methodId, secret, begun } = await settingUp();
    const [row] = await world.sql<{ text: string; sealed: Buffer }>(
      'SELECT m::text AS text, sealed_secret AS sealed FROM mfa_methods m WHERE id = $1',
      [methodId],
    );
    const bits = [...secret].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
    const bytes = Buffer.from(bits.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2)));
    const facts = JSON.stringify(await factsOf(world, id, 'mfa.setup_started'));
    for (const form of [
      secret,
      begun.otpauthUri,
      ...[Buffer.from(secret), bytes].flatMap((b) => [b.toString('hex'), b.toString('base64')]),
    ])
      for (const place of [row!.text, facts]) expect(place.toLowerCase()).not.toContain(form.toLowerCase());
    expect(row!.sealed.length).toBeGreaterThan(32);
    expect(row!.sealed.includes(secret)).toBe(false);
    expect((await settingUp()).secret).not.toBe(secret);
  });

  it('is confirmed by a code, which is told to the owner, raises the session and gives backup codes', async () => {
    const person = await settingUp();
    const code = totp(person.secret, world.clock.now());
    const { answer: enabled, changed } = await watch(() =>
      confirm(person.client, { methodId: person.methodId, code: ` ${code.slice(0, 3)} ${code.slice(3)}` }),
    );
    expect(changed).toEqual({ ...nothing, facts: ['mfa.enabled'], letters: [`mfa-enabled to ${person.email}`] });
    expect(enabled).toMatchObject({ __typename: 'MfaEnabled', method: { id: person.methodId, type: 'TOTP', confirmed: true } });
    expect(enabled.backupCodes).toHaveLength(8);
    expect(await mfaOf(person)).toMatchObject({ mfaEnabled: true, mfaMethods: [{ label: 'Phone', confirmed: true }] });
    const refreshed = await world.anonymous.ask(
      'mutation ($input: RefreshInput) { refresh(input: $input) { ... on SignedIn { accessToken } } }',
      { input: { refreshToken: person.refreshToken } },
    );
    expect(claimsOf(refreshed.data.refresh.accessToken)['amr']).toEqual(['pwd', 'otp', 'mfa']);
    expect((await logIn(world.anonymous, person)).__typename).toBe('MfaRequired');
  });

  it('is over after ten minutes unless it is confirmed', async () => {
    const [late, soon] = [await settingUp(), await settingUp()];
    world.clock.move(570);
    expect((await confirm(soon.client, { methodId: soon.methodId, code: totp(soon.secret, world.clock.now()) })).__typename).toBe(
      'MfaEnabled',
    );
    world.clock.move(35);
    const { answer: refused, changed } = await watch(() =>
      confirm(late.client, { methodId: late.methodId, code: totp(late.secret, world.clock.now()) }),
    );
    expect(refused.__typename).toBe('NotFound');
    expect(changed).toEqual(nothing);
    expect(await mfaOf(late)).toEqual({ mfaEnabled: false, mfaMethods: [] });
    expect((await logIn(world.anonymous, late)).__typename).toBe('SignedIn');
  });

  it('counts wrong codes, five at most, and then takes not even the right one', async () => {
    const person = await settingUp();
    const code = () => totp(person.secret, world.clock.now());
    for (const attemptsLeft of [4, 3, 2, 1, 0]) {
      const { answer: refused, changed } = await watch(() =>
        confirm(person.client, { methodId: person.methodId, code: otherThan(code()) }),
      );
      expect(refused).toMatchObject({ __typename: 'CodeInvalid', attemptsLeft });
      expect(changed).toEqual({ ...nothing, facts: ['mfa.setup_failed CodeInvalid'] });
    }
    const { answer: refused, changed } = await watch(() => confirm(person.client, { methodId: person.methodId, code: code() }));
    expect(refused.__typename).toBe('NotFound');
    expect(changed).toEqual(nothing);
    expect((await mfaOf(person)).mfaEnabled).toBe(false);
  });

  it('is the newest one alone, and nobody else’s', async () => {
    const [person, other] = [await settingUp(), await settingUp()];
    const code = totp(person.secret, world.clock.now());
    const { answer: foreign, changed } = await watch(() => confirm(other.client, { methodId: person.methodId, code }));
    expect([foreign.__typename, changed]).toEqual(['NotFound', nothing]);
    const again = await setup(person.client, { type: 'TOTP' });
    expect((await confirm(person.client, { methodId: person.methodId, code })).__typename).toBe('NotFound');
    expect((await confirm(person.client, { methodId: again.method.id, code })).__typename).toBe('CodeInvalid');
    const right = totp(again.secret, world.clock.now());
    expect((await confirm(person.client, { methodId: again.method.id, code: right })).__typename).toBe('MfaEnabled');
  });

  it('is confirmed once by five that confirm it at once', async () => {
    const person = await settingUp();
    const code = totp(person.secret, world.clock.now());
    const kinds = await Promise.all(
      Array.from({ length: 5 }, async () => (await confirm(person.client, { methodId: person.methodId, code })).__typename),
    );
    expect(kinds.sort()).toEqual(['MfaEnabled', ...Array(4).fill('NotFound')]);
    expect(await factsOf(world, person.id, 'mfa.enabled')).toHaveLength(1);
    expect(await world.sql('SELECT 1 FROM mfa_backup_codes WHERE user_id = $1', [person.id])).toHaveLength(8);
  });

  it('is refused where there is an app already, with MfaAlreadyEnabled, and for what cannot be set up', async () => {
    const person = await enrolled();
    const { answer: second, changed } = await watch(() => setup(person.client, { type: 'TOTP' }));
    expect(second).toMatchObject({ __typename: 'MfaAlreadyEnabled', code: 'MFA_ALREADY_ENABLED' });
    expect(changed).toEqual(nothing);
    for (const [input, field] of [
      [{ type: 'BACKUP_CODE' }, 'input.type'],
      [{ type: 'EMAIL', label: 'x'.repeat(101) }, 'input.label'],
      [{ type: 'SMS' }, 'input.phone'],
      [{ type: 'SMS', phone: '030 1234567' }, 'input.phone'],
    ] as const) {
      const { answer: refused, changed: left } = await watch(() => setup(person.client, input));
      expect(refused).toMatchObject({ __typename: 'InvalidInput', field });
      expect(left).toEqual(nothing);
    }
    expect((await mfaOf(person)).mfaMethods).toHaveLength(1);
  });
});

describe('a code', () => {
  /** RFC 6238 appendix B, SHA-1: the ASCII secret 12345678901234567890, and eight digits. */
  const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
  it.each([
    [59, '94287082'],
    [1_111_111_109, '07081804'],
    [1_111_111_111, '14050471'],
    [1_234_567_890, '89005924'],
    [2_000_000_000, '69279037'],
    [20_000_000_000, '65353130'],
  ])('is the one of RFC 6238 appendix B at %i s', (seconds, digits) => {
    const at = new Date(seconds * 1000);
    expect(stepOf(secret, digits.slice(-6), at)).toBe(Math.floor(seconds / 30));
    expect(totp(secret, at)).toBe(digits.slice(-6));
  });

  it('is of this step, the one before or the one after, wherever in the step it is given', () => {
    for (const into of [0, 1, 15, 29, 29.999]) {
      const at = new Date(1_800_000_000_000 + into * 1000);
      const steps = [-2, -1, 0, 1, 2].map((step) => stepOf(secret, totp(secret, at, step), at));
      expect(steps, `${into} s`).toEqual([null, 59_999_999, 60_000_000, 60_000_001, null]);
    }
  });

  it('has six digits and nothing else', () => {
    const code = totp(secret, new Date(59_000));
    for (const bad of ['', code.slice(1), `${code}0`, `+${code.slice(1)}`, `${code}\n`, '２８７０８２', code.replace(/.$/, 'x')])
      expect(stepOf(secret, bad, new Date(59_000)), JSON.stringify(bad)).toBeNull();
  });

  it.each([-1, 0, 1])('of step %i from now signs in', async (step) => {
    const person = await enrolled();
    expect(await answer(person, person.code(step))).toMatchObject({ __typename: 'SignedIn', user: { id: person.id } });
  });

  it.each([-2, 2])('of step %i from now is refused, and nothing else happens', async (step) => {
    const person = await enrolled();
    const challengeToken = await challenged(world, person);
    const { answer: refused, changed } = await watch(() =>
      verify(world.anonymous, { challengeToken, type: 'TOTP', code: person.code(step) }),
    );
    expect(refused).toMatchObject({ __typename: 'CodeInvalid', code: 'CODE_INVALID', attemptsLeft: 4 });
    expect(changed).toEqual({ ...nothing, facts: ['mfa.failed CodeInvalid'] });
  });

  it('counts once, and none of an earlier step counts after it', async () => {
    const person = await enrolled();
    expect((await answer(person, person.code())).__typename).toBe('SignedIn');
    for (const used of [person.code(), person.code(-1)]) {
      const challengeToken = await challenged(world, person);
      const { answer: refused, changed } = await watch(() => verify(world.anonymous, { challengeToken, type: 'TOTP', code: used }));
      expect(refused.__typename).toBe('CodeInvalid');
      expect(changed).toEqual({ ...nothing, facts: ['mfa.failed CodeInvalid'] });
    }
    expect((await answer(person, person.code(1))).__typename).toBe('SignedIn');
    nextStep(world);
    expect((await answer(person, person.code())).__typename, 'which was used a step ahead').toBe('CodeInvalid');
    nextStep(world);
    expect((await answer(person, person.code())).__typename).toBe('SignedIn');
  });

  it('that confirmed the set-up does not sign in', async () => {
    const person = await settingUp();
    const code = totp(person.secret, world.clock.now());
    await confirm(person.client, { methodId: person.methodId, code });
    expect((await answer(person, code)).__typename).toBe('CodeInvalid');
  });

  it('signs in one of four that give it at once', async () => {
    const person = await enrolled();
    const tokens = await Promise.all(Array.from({ length: 4 }, () => challenged(world, person)));
    const code = person.code();
    const kinds = await Promise.all(
      tokens.map(async (challengeToken) => (await verify(world.anonymous, { challengeToken, type: 'TOTP', code })).__typename),
    );
    expect(kinds.sort()).toEqual(['CodeInvalid', 'CodeInvalid', 'CodeInvalid', 'SignedIn']);
  });

  it('of another user is worth nothing', async () => {
    const [person, other] = [await enrolled(), await enrolled()];
    expect((await answer(person, other.code())).__typename).toBe('CodeInvalid');
    expect((await answer(other, other.code())).__typename).toBe('SignedIn');
  });

  it.skipIf(!oathtool)(`that oathtool computes confirms the set-up and signs in${skipped}`, async () => {
    const fromTool = (secret: string): string => {
      const now = `${world.clock.now().toISOString().slice(0, 19).replace('T', ' ')} UTC`;
      const { stdout, status } = spawnSync('oathtool', ['--totp', '-b', '--now', now, secret], { encoding: 'utf8' });
      expect(status).toBe(0);
      return stdout.trim();
    };
    const person = await settingUp();
    expect(fromTool(person.secret)).toBe(totp(person.secret, world.clock.now()));
    const enabled = await confirm(person.client, { methodId: person.methodId, code: fromTool(person.secret) });
    expect(enabled.__typename).toBe('MfaEnabled');
    for (let n = 0; n < 3; n += 1) {
      nextStep(world);
      expect((await answer(person, fromTool(person.secret))).__typename).toBe('SignedIn');
    }
  });
});
