import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCommon } from '../../../src/auth/passwords/common.ts';
import { normalisePassword, type PolicyConfig, unmetRules } from '../../../src/auth/passwords/model.ts';

const config: PolicyConfig = { PASSWORD_MIN_LENGTH: 12, PASSWORD_RULES: [] };
const unmet = (password: string, context = {}, rules: Partial<PolicyConfig> = {}) =>
  unmetRules(normalisePassword(password), context, { ...config, ...rules });
const anyPassword = fc.string({ unit: 'binary', maxLength: 300 });
const codePoints = (text: string) => [...text].length;

describe('normalisePassword', () => {
  it('is idempotent, and makes one password of the ways to write it', () => {
    fc.assert(
      fc.property(anyPassword, (password) => {
        const normal = normalisePassword(password);
        expect(normalisePassword(normal)).toBe(normal);
        expect(normalisePassword(password.normalize('NFD'))).toBe(normal);
      }),
    );
  });

  it('neither trims nor folds', () => {
    expect(normalisePassword('  Ａ ﬁ ² ')).toBe('  Ａ ﬁ ² ');
  });
});

describe('the policy', () => {
  it('counts every code point, of what is hashed', () => {
    expect(unmet('🦦🌧️🪨🎻🧭🐝🍋🪁')).toContain('min_length:12');
    expect(unmet('🦦🌧🪨🎻🧭🐝🍋🪁🛶🧶🌵🥁')).toEqual([]);
    // Twelve letters as typed, with their accents apart; eleven once composed is not asked for here.
    expect(unmet('e\u0301lan vital')).toContain('min_length:12');
  });

  it('asks for the length alone of what is too long, and for nothing of what is short of it', () => {
    fc.assert(
      fc.property(anyPassword, (password) => {
        const length = codePoints(normalisePassword(password));
        const rules = unmet(password);
        expect(rules.includes('min_length:12')).toBe(length < 12);
        if (length > 256) expect(rules).toEqual(['max_length:256']);
        else expect(rules).not.toContain('max_length:256');
      }),
    );
    expect(unmet('a quick brown fox, '.repeat(14).slice(0, 256))).not.toContain('max_length:256');
  });

  it('says the same however the password is composed', () => {
    fc.assert(
      fc.property(anyPassword, (password) => {
        expect(unmet(password.normalize('NFD'))).toEqual(unmet(password.normalize('NFC')));
      }),
    );
  });

  it('takes twelve and more random letters and digits', () => {
    const alphabet = [...'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'];
    const random = fc.noBias(fc.array(fc.constantFrom(...alphabet), { minLength: 14, maxLength: 40 })).map((letters) => letters.join(''));
    // A fixed seed: that a random one is repetitive is all but impossible, and not impossible.
    fc.assert(
      fc.property(random, (password) => {
        expect(unmet(password)).toEqual([]);
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  it.each(['seven quiet otters', 'correct horse battery', 'Blue-Mango-Rivets', 'trombone%lattice', 'ölkännchen im regen'])(
    'takes %s',
    (password) => {
      expect(unmet(password)).toEqual([]);
    },
  );

  it.each([
    ['common', 'administrator'],
    ['common', 'Password1234'],
    ['common', 'P@ssw0rd2024!'],
    ['common', 'MONKEY123456'],
    ['common', 'iloveyou!!!!!'],
    ['repetitive', 'aaaaaaaaaaaa'],
    ['repetitive', 'abababababab'],
    ['repetitive', 'abcabcabcabcab'],
    ['repetitive', 'abcdefghijkl'],
    ['repetitive', 'lkjhgfdsapoiuy'],
    ['repetitive', 'abcd1234wxyz'],
    ['repetitive', '123456789012'],
    ['repetitive', '111122223333'],
    ['repetitive', 'Qwertyuiopop'],
    ['repetitive', '🦦🦦🦦🦦🦦🦦🦦🦦🦦🦦🦦🦦'],
  ])('says %s of %s', (rule, password) => {
    expect(unmet(password)).toContain(rule);
  });

  it('does not call a list word weak for being the head of a long tail', () => {
    expect(unmet('monkey 83-61-07-94-25')).toEqual([]);
  });

  it.each([
    ['the address before the @', { email: 'Grace.Hopper@navy.example' }, 'my hopper jumps'],
    ['the whole of it', { email: 'g.h@navy.example' }, 'xx-g.h@navy-xx'],
    ['the domain', { email: 'a@Initrode.example' }, 'we are initrode!'],
    ['a part of the name', { name: 'Ada Lovelace' }, 'LOVELACE forever'],
    ['a composed name', { name: 'Zoe\u0308lle' }, 'zo\u00eblle rides on'],
    ['the username', { username: 'k4therine' }, 'go k4THERINE go!'],
    ['the product', {}, 'my LatchKey door'],
  ])('refuses a password with %s in it', (_, context, password) => {
    expect(unmet(password, context)).toContain('context');
    expect(unmet('seven quiet otters', context)).toEqual([]);
  });

  it('leaves words of three letters and the last label of a domain alone', () => {
    expect(unmet('seven com otters bob', { email: 'bob@x.com', name: 'Bob Li' })).toEqual([]);
  });

  it('asks for the kinds of characters only where PASSWORD_RULES does', () => {
    const all = { PASSWORD_RULES: ['upper', 'lower', 'digit', 'special'] as const };
    expect(unmet('seven quiet otters', {}, all)).toEqual(['upper', 'digit']);
    expect(unmet('SEVENQUIETOTTERS', {}, all)).toEqual(['lower', 'digit', 'special']);
    expect(unmet('Seven quiet otters 7', {}, all)).toEqual([]);
  });
});

describe('the list of common passwords', () => {
  it('holds what a list of common passwords holds, and none of its own comments', () => {
    for (const word of ['password', 'qwertyuiop', 'iloveyou', 'sunshine', 'trustno1', 'password1234']) expect(isCommon(word)).toBe(true);
    for (const word of ['', '#', '# copyright (c) 2021 @zxcvbn-ts', 'correcthorsebatterystaple']) expect(isCommon(word)).toBe(false);
  });
});
