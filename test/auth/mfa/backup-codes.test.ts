/** Backup codes: shown once, kept as HMACs, typed as people type them, each used once. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { totp, type WithTotp, withTotp } from '../../kit/mfa.ts';
import { openWorld, type Person, type World } from '../../kit/world.ts';
import { type Answered, challenged, confirm as confirmFactor, logIn, nextStep, sentCode, setup, verify, withSent } from './asking.ts';

let world: World;
let watch: Watch;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
});
afterAll(() => world?.close());

const enrolled = async (): Promise<WithTotp> => {
  nextStep(world);
  return withTotp(world);
};
const regenerate = async ({ client }: { client: World['anonymous'] }): Promise<Answered> => {
  const { data, errors } = await client.ask(
    'mutation { regenerateBackupCodes { __typename ... on Problem { code } ... on BackupCodes { codes } } }',
  );
  expect(errors).toBeUndefined();
  return data.regenerateBackupCodes;
};
const answer = async (person: Person, code: string, token?: string): Promise<Answered> =>
  verify(world.anonymous, { challengeToken: token ?? (await challenged(world, person)), type: 'BACKUP_CODE', code });
const signsIn = async (person: Person, code: string) => (await answer(person, code)).__typename === 'SignedIn';
const unused = async (person: Person) => world.sql('SELECT 1 FROM mfa_backup_codes WHERE user_id = $1 AND used_at IS NULL', [person.id]);
const lettersOf = (person: Person, subject: string) => world.mailsTo(person.email).filter((mail) => mail.subject === subject);

describe('backup codes', () => {
  it('come with the first factor, eight of fifty bits, and not again with the second', async () => {
    const person = await enrolled();
    expect(person.backupCodes).toHaveLength(8);
    expect(new Set(person.backupCodes).size).toBe(8);
    // Crockford's base32, in which no letter is taken for another.
    for (const code of person.backupCodes) expect(code).toMatch(/^[0-9a-hjkmnp-tv-z]{5}-[0-9a-hjkmnp-tv-z]{5}$/);
    expect((await withSent(world, person, { type: 'EMAIL' })).backupCodes).toEqual([]);
    expect(await unused(person)).toHaveLength(8);
    expect(await signsIn(person, person.backupCodes[0]!)).toBe(true);
  });

  it('are kept as HMACs alone: no row, no fact has a code, and no digest can be made of one without the pepper', async () => {
    const { id, backupCodes } = await enrolled();
    const rows = await world.sql<{ text: string; code_hash: Buffer }>(
      'SELECT b::text AS text, code_hash FROM mfa_backup_codes b WHERE user_id = $1',
      [id],
    );
    expect(rows.map(({ code_hash: hash }) => hash.length)).toEqual(Array(8).fill(32));
    const hashes = new Set(rows.map(({ code_hash: hash }) => hash.toString('hex')));
    expect(hashes.size).toBe(8);
    const facts = JSON.stringify(await world.sql('SELECT * FROM audit_events WHERE subject_id = $1', [id]));
    for (const code of backupCodes)
      for (const form of [code, code.replace('-', '')]) {
        for (const place of [...rows.map(({ text }) => text), facts]) expect(place).not.toContain(form);
        for (const algorithm of ['sha256', 'sha512-256'])
          for (const text of [form, `${id}${form}`, `${id}\0${form}`, `backup code\0${id}\0${form}`])
            expect(hashes.has(createHash(algorithm).update(text).digest('hex'))).toBe(false);
      }
  });

  it('sign in, once each, with the factor in amr; a used one is refused, and nothing else happens', async () => {
    const person = await enrolled();
    const [code] = person.backupCodes as [string];
    const challengeToken = await challenged(world, person);
    const { answer: signedIn, changed } = await watch(() => answer(person, code, challengeToken));
    expect(signedIn).toMatchObject({ __typename: 'SignedIn', user: { id: person.id }, session: { amr: ['pwd', 'otp', 'mfa'] } });
    expect(changed).toEqual({
      ...nothing,
      facts: ['session.created', 'user.login'],
      sessionsOpened: 1,
      letters: [`backup-code-used to ${person.email}`],
    });
    const token = await challenged(world, person);
    const { answer: refused, changed: left } = await watch(() => answer(person, code, token));
    expect(refused).toMatchObject({ __typename: 'CodeInvalid', code: 'CODE_INVALID', attemptsLeft: 4 });
    expect(left).toEqual({ ...nothing, facts: ['mfa.failed CodeInvalid'] });
    expect(await unused(person)).toHaveLength(7);
  });

  it('are one use to four that give the same one at once', async () => {
    const person = await enrolled();
    const tokens = await Promise.all(Array.from({ length: 4 }, () => challenged(world, person)));
    const kinds = await Promise.all(tokens.map(async (token) => (await answer(person, person.backupCodes[3]!, token)).__typename));
    expect(kinds.sort()).toEqual(['CodeInvalid', 'CodeInvalid', 'CodeInvalid', 'SignedIn']);
    expect(await unused(person)).toHaveLength(7);
  });

  it('are taken in capitals, with blanks for hyphens or with neither, and with look-alike letters', async () => {
    const person = await enrolled();
    const typed: ((code: string) => string)[] = [
      (code) => code.toUpperCase(),
      (code) => code.replace('-', ''),
      (code) => ` ${code.replace('-', ' ').toUpperCase()} `,
      (code) => [...code].join('-'),
    ];
    for (const [n, as] of typed.entries()) expect(await signsIn(person, as(person.backupCodes[n]!)), String(as)).toBe(true);
    const lookAlikes: [RegExp, RegExp, string][] = [
      [/0/, /0/g, 'O'],
      [/0/, /0/g, 'o'],
      [/1/, /1/g, 'I'],
      [/1/, /1/g, 'l'],
      [/1/, /1/g, 'L'],
      [/1/, /1/g, 'i'],
    ];
    let codes = (await regenerate(person)).codes as string[];
    for (const [has, digit, letter] of lookAlikes) {
      for (let tries = 0; tries < 50 && !codes.some((code) => has.test(code)); tries += 1) codes = (await regenerate(person)).codes;
      const code = codes.find((each) => has.test(each))!;
      expect(await signsIn(person, code.replaceAll(digit, letter)), letter).toBe(true);
      expect(await signsIn(person, code), 'which was that one').toBe(false);
      codes = codes.filter((each) => each !== code);
    }
  });

  it('of another user, and what is none, are refused like any wrong code', async () => {
    const [person, other] = [await enrolled(), await enrolled()];
    const challengeToken = await challenged(world, person);
    for (const [n, code] of [other.backupCodes[0]!, '', '-', '00000-00000', 'x'.repeat(1000)].entries()) {
      const { answer: refused, changed } = await watch(() => answer(person, code, challengeToken));
      expect(refused).toMatchObject({ __typename: 'CodeInvalid', attemptsLeft: 4 - n });
      expect(changed.facts[0]).toBe('mfa.failed CodeInvalid');
      expect([changed.sessionsOpened, changed.letters.filter((letter) => letter.startsWith('backup'))]).toEqual([0, []]);
    }
    expect(await unused(person)).toHaveLength(8);
    expect(await signsIn(other, other.backupCodes[0]!)).toBe(true);
  });

  it('are told to their owner when one is used, with a hint once two are left, and are no more a method when none is', async () => {
    const person = await enrolled();
    const used = 'A backup code was used';
    for (const [n, code] of person.backupCodes.entries()) {
      expect(await signsIn(person, code)).toBe(true);
      await expect.poll(() => lettersOf(person, used).length, { timeout: 8000 }).toBe(n + 1);
      const { text } = lettersOf(person, used)[n]!;
      expect(text).toMatch(new RegExp(`Codes left[^0-9]*${7 - n}\\b`));
      expect(text.includes('Only a few are left'), `${7 - n} left`).toBe(7 - n <= 2);
      expect(text).not.toContain(code);
    }
    expect((await logIn(world.anonymous, person)).methods).toEqual(['TOTP']);
    const challengeToken = await challenged(world, person);
    const { answer: refused, changed } = await watch(() => answer(person, person.backupCodes[0]!, challengeToken));
    expect(refused.__typename).toBe('CodeInvalid');
    expect(changed).toEqual({ ...nothing, facts: ['mfa.failed CodeInvalid'] });
  });
});

describe('regenerateBackupCodes', () => {
  it('gives eight new ones, ends all the old ones, and tells the owner', async () => {
    const person = await enrolled();
    expect(await signsIn(person, person.backupCodes[0]!)).toBe(true);
    const { answer: renewed, changed } = await watch(() => regenerate(person));
    expect(renewed).toMatchObject({ __typename: 'BackupCodes' });
    expect(renewed.codes).toHaveLength(8);
    expect(changed).toEqual({
      ...nothing,
      facts: ['mfa.backup_codes_renewed'],
      letters: [`backup-codes-renewed to ${person.email}`],
    });
    expect(await unused(person)).toHaveLength(8);
    for (const old of person.backupCodes.slice(0, 3)) expect(await signsIn(person, old)).toBe(false);
    expect(await signsIn(person, renewed.codes[0])).toBe(true);
    for (const code of renewed.codes) expect((await world.mail(person.email)).text).not.toContain(code);
  });

  it('is refused with MfaNotEnabled without a factor, or in the middle of a set-up, and nothing happens', async () => {
    const person = await world.signedIn();
    await person.client.ask('mutation { setupMfa(input: { type: TOTP }) { __typename } }');
    const { answer: refused, changed } = await watch(() => regenerate(person));
    expect(refused).toMatchObject({ __typename: 'MfaNotEnabled', code: 'MFA_NOT_ENABLED' });
    expect(changed).toEqual(nothing);
    expect(await unused(person)).toEqual([]);
  });

  it('is refused after the last factor was removed, whose codes went with it', async () => {
    const person = await enrolled();
    const { data } = await person.client.ask('mutation ($id: ID!) { disableMfa(input: { methodId: $id }) { __typename } }', {
      id: person.methodId,
    });
    expect(data.disableMfa.__typename).toBe('User');
    expect(await unused(person)).toEqual([]);
    expect((await regenerate(person)).__typename).toBe('MfaNotEnabled');
    expect((await logIn(world.anonymous, person)).__typename).toBe('SignedIn');
  });

  it('has nothing to do where none are configured, and no backup codes are named as a method', async () => {
    const none = await openWorld({ MFA_BACKUP_CODES: '0' });
    nextStep(none);
    const person = await withTotp(none);
    expect(person.backupCodes).toEqual([]);
    expect((await logIn(none.anonymous, person)).methods).toEqual(['TOTP']);
    const token = await challenged(none, person);
    expect((await verify(none.anonymous, { challengeToken: token, type: 'BACKUP_CODE', code: '' })).__typename).toBe('CodeInvalid');
    await none.close();
  });
});

describe('two factors that are confirmed at once', () => {
  it('show one set of backup codes, which counts, in ten rounds', async () => {
    for (let round = 0; round < 10; round += 1) {
      nextStep(world);
      const person = await world.signedIn();
      const app = await setup(person.client, { type: 'TOTP' });
      const mail = await setup(person.client, { type: 'EMAIL' });
      const code = await sentCode(world, person.email);
      const answers = await Promise.all([
        confirmFactor(person.client, { methodId: app.method.id, code: totp(app.secret, world.clock.now()) }),
        confirmFactor(person.client, { methodId: mail.method.id, code }),
      ]);
      expect(answers.map((answer) => answer.__typename)).toEqual(['MfaEnabled', 'MfaEnabled']);
      const shown = answers.map((answer) => answer.backupCodes as string[]).filter((codes) => codes.length > 0);
      expect(shown).toHaveLength(1);
      const challengeToken = await challenged(world, person);
      const signedIn = await verify(world.anonymous, { challengeToken, type: 'BACKUP_CODE', code: shown[0]![0] });
      expect(signedIn.__typename).toBe('SignedIn');
    }
  });
});
