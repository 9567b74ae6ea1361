/** The letters of the house and what each is about. A letter's words are in ./words/<locale>.ts; it is queued in the transaction that calls for it. */

import type { MethodType } from '../mfa/model.ts';

/** What each letter needs to be written. Times are ISO 8601 in UTC. */
export type LetterData = {
  'verify-email': { link: string; code: string; validHours: number };
  'address-taken': { link: string };
  'reset-password': { link: string; validMinutes: number };
  'account-invitation': { link: string; validHours: number };
  'email-changed': { at: string };
  'email-assigned': { link: string; validHours: number };
  'password-changed': { at: string; ip: string };
  'new-device': { at: string; ip: string; browser: string | null; os: string | null; country: string | null; link: string };
  'session-limit': { at: string; limit: number; browser: string | null; os: string | null };
  invitation: { link: string; organization: string; validDays: number };
  'added-to-organization': { at: string; organization: string; role: string };
  'magic-link': { link: string; validMinutes: number };
  'mfa-code': { code: string; validMinutes: number };
  'mfa-enabled': { at: string; ip: string; method: MethodType };
  'mfa-disabled': { at: string; ip: string; method: MethodType };
  'mfa-locked': { at: string; ip: string };
  'backup-code-used': { at: string; ip: string; left: number; few: boolean };
  'backup-codes-renewed': { at: string; ip: string };
  'data-exported': { at: string; ip: string };
  'refresh-reused': { at: string; ip: string; browser: string | null; os: string | null };
  'identity-linked': { at: string; ip: string; provider: string };
  'identity-unlinked': { at: string; ip: string; provider: string };
  'trading-account-failed': { at: string; broker: string; account: string };
  'trading-credentials-shown': { at: string; ip: string; broker: string; account: string };
  'trading-program-allowed': { at: string; ip: string; broker: string; account: string; program: string };
};
export type LetterName = keyof LetterData;

/** Letters are written in these; the first is for everybody else. */
export const letterLocales = ['en', 'de'] as const;
export type LetterLocale = (typeof letterLocales)[number];

export type Letter<N extends LetterName = LetterName> = N extends LetterName
  ? { name: N; to: string; locale: string | null; data: LetterData[N] }
  : never;

/** Text messages: so short that each is one SMS. */
export type TextData = { 'mfa-code': { code: string; validMinutes: number } };
export type TextName = keyof TextData;
export type Text<N extends TextName = TextName> = N extends TextName
  ? { name: N; to: string; locale: string | null; data: TextData[N] }
  : never;

/** The letter's parts as a mail needs them. */
export type WrittenLetter = { subject: string; text: string; html: string; locale: LetterLocale };

/** The written language that fits a BCP 47 tag best: its primary subtag, else English. */
export const letterLocale = (locale: string | null): LetterLocale => {
  const primary = (locale ?? '').toLowerCase().split('-')[0];
  return letterLocales.find((known) => known === primary) ?? 'en';
};
