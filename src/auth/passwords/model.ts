/** The password policy: NIST SP 800-63B-4 §3.1.1 and OWASP ASVS 5.0 §6.2. Pure. */
import { isCommon } from './common.ts';

/**
 * What is hashed and verified in place of what was typed: its NFC form (SP 800-63B-4 §3.1.1.2), so that two keyboards' ways to write `é`
 * are one password. Nothing is trimmed, folded or cut off.
 */
export const normalisePassword = (password: string): string => password.normalize('NFC');

export type PasswordRule = 'upper' | 'lower' | 'digit' | 'special';
export type PolicyConfig = { PASSWORD_MIN_LENGTH: number; PASSWORD_RULES: readonly PasswordRule[] };
/** Whose password it is to be: words somebody who knows the person would try. */
export type PasswordContext = { email?: string | null; username?: string | null; name?: string | null };

export const maxPasswordLength = 256;
/** How many passwords, the current one among them, may not be taken again. */
export const historySize = 5;

const product = 'latchkey';
const contextLetters = 4;

/** Words of at least 4 characters that the password may not contain: of the address without its last label, of the names, of the product. */
const contextWords = ({ email, username, name }: PasswordContext): string[] => {
  const [local = '', domain = ''] = (email ?? '').split('@');
  const labels = domain.split('.').slice(0, -1);
  const given = [local, ...labels, username ?? '', name ?? ''].map((text) => text.normalize('NFC').toLowerCase());
  const words = given.flatMap((text) => [text, ...text.split(/[^\p{L}\p{M}]+/u)]);
  return [product, ...words].filter((word) => [...word].length >= contextLetters);
};

const alphabets = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890',
  'qwertyuiop',
  'qwertzuiop',
  'azertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'yxcvbnm',
];
const neighbours = new Set(
  alphabets.flatMap((row) => [...row].slice(1).flatMap((letter, at) => [`${row[at]}${letter}`, `${letter}${row[at]}`])),
);

/** Whether it is one short thing over and over (`abcabcabcabc`), or runs of equal or neighbouring characters, four and more on average. */
const isRepetitive = (characters: readonly string[], minLength: number): boolean => {
  const breaks = characters.filter((each, at) => {
    const previous = characters[at - 1];
    return previous !== undefined && previous !== each && !neighbours.has(previous + each);
  });
  if ((breaks.length + 1) * 4 <= characters.length) return true;
  const longestUnit = Math.min(minLength - 1, Math.floor(characters.length / 2));
  for (let unit = 1; unit <= longestUnit; unit += 1)
    if (characters.every((each, at) => at < unit || each === characters[at - unit])) return true;
  return false;
};

const composition: Record<PasswordRule, RegExp> = { upper: /\p{Lu}/u, lower: /\p{Ll}/u, digit: /\p{Nd}/u, special: /[^\p{L}\p{M}\p{N}]/u };

/**
 * The rules that `password` (normalised) does not meet: `min_length:<n>`, `max_length:256`, `common`, `context`, `repetitive`, and those of
 * PASSWORD_RULES by name; none: it is acceptable. Every code point counts as one character.
 */
export const unmetRules = (password: string, context: PasswordContext, config: PolicyConfig): string[] => {
  const characters = [...password.toLowerCase()];
  const length = [...password].length;
  // Nothing else is said of what is too long: looking at it would cost more the longer it is.
  if (length > maxPasswordLength) return [`max_length:${maxPasswordLength}`];
  const lower = characters.join('');
  const unmet: [string, boolean][] = [
    [`min_length:${config.PASSWORD_MIN_LENGTH}`, length < config.PASSWORD_MIN_LENGTH],
    ['common', isCommon(lower)],
    ['context', contextWords(context).some((word) => lower.includes(word))],
    ['repetitive', length > 0 && isRepetitive(characters, config.PASSWORD_MIN_LENGTH)],
    ...config.PASSWORD_RULES.map((rule): [string, boolean] => [rule, !composition[rule].test(password)]),
  ];
  return unmet.flatMap(([rule, broken]) => (broken ? [rule] : []));
};
