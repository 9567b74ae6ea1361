/** The rules of a profile's fields. Each takes what was given and says what is kept, or why it cannot be. */
import { isValidPhoneNumber, parsePhoneNumberFromString } from 'libphonenumber-js';
import type { Refused } from '../outcome.ts';
import { usernameProblem } from './model.ts';

/** Fields as they are kept; a field that is not there is left as it is, null clears it. */
export type Profile = {
  username?: string | null;
  name?: string | null;
  phone?: string | null;
  timezone?: string | null;
  locale?: string | null;
  avatarUrl?: string | null;
  preferences?: Record<string, unknown> | null;
};
export type ProfileInput = Omit<Profile, 'preferences'> & { preferences?: unknown };

type Kept<T> = { value: T } | { problem: string };
const preferencesBytes = 16_384;
const preferencesDepth = 8;

const username = (text: string): Kept<string> => {
  const problem = usernameProblem(text);
  return problem ? { problem } : { value: text };
};

// Control characters, line breaks, halves of surrogate pairs, and what turns the direction of the text after it (UTR #36 §3).
const unprintable = /[\p{Cc}\p{Cs}\u2028\u2029\u202A-\u202E\u2066-\u2069]/u;
const name = (text: string): Kept<string> => {
  const value = text.normalize('NFC').trim();
  if (value === '' || [...value].length > 100) return { problem: 'A name has 1 to 100 characters.' };
  return unprintable.test(value) ? { problem: 'A name has no control characters.' } : { value };
};

/** The number in E.164, or null where `text` is none in international form. */
export const parsePhone = (text: string): string | null => {
  const value = text.length <= 40 && text.startsWith('+') ? parsePhoneNumberFromString(text)?.number : undefined;
  return value && isValidPhoneNumber(value) ? value : null;
};
const phone = (text: string): Kept<string> => {
  const value = parsePhone(text);
  return value ? { value } : { problem: 'A phone number is given in international form, such as +14155552671.' };
};

const timezone = (text: string): Kept<string> => {
  const problem = 'A time zone is a name of the IANA database, such as Europe/Berlin.';
  // Intl also takes offsets such as +01:00, which know no summer time.
  if (!/^[A-Za-z][\w+/-]{1,63}$/.test(text)) return { problem };
  try {
    const known = new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone;
    // A zone's older name stays as it was given; only its case is set right.
    return { value: known.toLowerCase() === text.toLowerCase() ? known : text };
  } catch {
    return { problem };
  }
};

const locale = (text: string): Kept<string> => {
  try {
    const [value] = text.length <= 64 ? Intl.getCanonicalLocales(text) : [];
    if (value) return { value };
  } catch {
    // Not well-formed by BCP 47.
  }
  return { problem: 'A locale is a BCP 47 language tag, such as de-CH.' };
};

const avatarUrl = (text: string): Kept<string> => {
  const url = text.length <= 2048 && URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== 'https:' || url.username || url.password || url.href.length > 2048)
    return { problem: 'An avatar is an https URL of at most 2048 characters, without credentials.' };
  return { value: url.href };
};

/** Whether PostgreSQL's jsonb takes the text: it has neither NUL nor half a surrogate pair. */
const storable = (text: string): boolean => text.isWellFormed() && !text.includes('\0');
const nestsTo = (value: unknown, depth: number): boolean => {
  if (typeof value === 'string') return storable(value);
  if (value === null || typeof value !== 'object') return true;
  if (depth === 0) return false;
  return Object.entries(value).every(([key, item]) => storable(key) && nestsTo(item, depth - 1));
};
const preferences = (value: unknown): Kept<Record<string, unknown>> => {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return { problem: 'Preferences are a JSON object.' };
  if (!nestsTo(value, preferencesDepth))
    return { problem: `Preferences nest at most ${preferencesDepth} deep, and their text is well-formed Unicode without NUL.` };
  if (Buffer.byteLength(JSON.stringify(value)) > preferencesBytes) return { problem: 'Preferences have at most 16 KiB as JSON.' };
  return { value: value as Record<string, unknown> };
};

const rules = { username, name, phone, timezone, locale, avatarUrl, preferences } as const;

/** The fields given, as they are to be kept (null: cleared), or the first that is not acceptable, by its path in the input. */
export const checkProfile = (input: ProfileInput): Profile | Refused<'InvalidInput'> => {
  const profile: Record<string, unknown> = {};
  for (const [field, rule] of Object.entries(rules) as [keyof typeof rules, (given: unknown) => Kept<unknown>][]) {
    const given = input[field];
    if (given === undefined) continue;
    const kept = given === null ? { value: null } : rule(given);
    if ('problem' in kept) return { kind: 'InvalidInput', field: `input.${field}`, message: kept.problem };
    profile[field] = kept.value;
  }
  return profile as Profile;
};
