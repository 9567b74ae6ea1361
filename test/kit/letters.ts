/** One of every letter, as its operation would write it. */
import type { LetterData, LetterName } from '../../src/auth/letters/model.ts';

const at = '2026-03-05T14:05:00.000Z';
const ip = '203.0.113.7';
export const sampleLink = 'https://id.example.com/verify?token=Zm9v_-8&next=%2Fhome';
export const sampleLetters: LetterData = {
  'verify-email': { link: sampleLink, code: '042917', validHours: 24 },
  'address-taken': { link: sampleLink },
  'reset-password': { link: sampleLink, validMinutes: 30 },
  'account-invitation': { link: sampleLink, validHours: 72 },
  'email-changed': { at },
  'email-assigned': { link: sampleLink, validHours: 72 },
  'password-changed': { at, ip },
  'new-device': { at, ip: '2001:db8::7', browser: 'Firefox', os: 'Linux', country: 'AT', link: sampleLink },
  'session-limit': { at, limit: 3, browser: 'Safari', os: 'macOS' },
  invitation: { link: sampleLink, organization: 'Lovelace & Sons', validDays: 7 },
  'added-to-organization': { at, organization: 'Lovelace & Sons', role: 'trader' },
  'magic-link': { link: sampleLink, validMinutes: 15 },
  'mfa-code': { code: '042917', validMinutes: 10 },
  'mfa-enabled': { at, ip, method: 'TOTP' },
  'mfa-disabled': { at, ip, method: 'WEBAUTHN' },
  'mfa-locked': { at, ip },
  'backup-code-used': { at, ip, left: 2, few: true },
  'backup-codes-renewed': { at, ip },
  'data-exported': { at, ip },
  'refresh-reused': { at, ip, browser: null, os: null },
  'identity-linked': { at, ip, provider: 'Google' },
  'identity-unlinked': { at, ip, provider: 'Lovelace & Sons' },
  'trading-account-failed': { at, broker: 'kite', account: 'Day trading' },
  'trading-credentials-shown': { at, ip, broker: 'kite', account: 'Day trading' },
  'trading-program-allowed': { at, ip, broker: 'alpaca', account: 'PA100001', program: 'Orders' },
};
export const letterNames = Object.keys(sampleLetters) as LetterName[];
