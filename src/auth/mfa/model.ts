/** The nouns and pure rules of second factors. */
import type { Sql } from '../../infra/ports.ts';

export const mfaTypes = ['TOTP', 'EMAIL', 'SMS', 'WEBAUTHN', 'BACKUP_CODE'] as const;
export type MfaType = (typeof mfaTypes)[number];
/** Backup codes come with the first method; they are not set up. */
export type MethodType = Exclude<MfaType, 'BACKUP_CODE'>;

/** As it is told to its owner. */
export type MfaMethod = {
  readonly id: string;
  readonly type: MethodType;
  readonly label: string | null;
  readonly confirmed: boolean;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
};

/** Seconds. */
export const setupSeconds = 600;
export const challengeSeconds = 300;
export const codeSeconds = 600;
/** For how long an authentication opens the sensitive doors (DESIGN 6). */
export const stepUpSeconds = 300;
export const trustSeconds = 30 * 86_400;

/** Tries of one challenge or one setup; of one mailed or texted code. */
export const mostAttempts = 5;
export const mostCodeAttempts = 3;
/** WebAuthn credentials of one user. */
export const mostCredentials = 10;

/** RFC 8176 §2: what a factor adds to a session's `amr`, beside `mfa`. */
export const amrOf: Record<MfaType, string> = { TOTP: 'otp', EMAIL: 'otp', SMS: 'sms', WEBAUTHN: 'hwk', BACKUP_CODE: 'otp' };

/** `amr` with what another factor proved; each value once. */
export const withFactor = (amr: readonly string[], type: MfaType): string[] => [...new Set([...amr, amrOf[type], 'mfa'])];

/** What a client answers to a challenge. */
export type MfaAnswer = { readonly type: MfaType; readonly code?: string | null; readonly webauthn?: unknown };

/** What is right about an answer as far as could be told: taken in the transaction that makes it count, once. False: not, or no longer. */
export type Claim = { readonly take: (sql: Sql) => Promise<boolean> };

/** Digits as people type them. */
export const digitsOf = (code: string | null | undefined): string => (code ?? '').replaceAll(/[\s-]/g, '');

/** `ad…@example.com`: enough to know one's own. */
export const maskEmail = (email: string): string => {
  const at = email.lastIndexOf('@');
  return `${[...email.slice(0, at)].slice(0, at > 3 ? 2 : 1).join('')}…${email.slice(at)}`;
};
/** `+49…89`. */
export const maskPhone = (phone: string): string => `${phone.slice(0, 3)}…${phone.slice(-2)}`;

export type UsableConfig = { MFA_TYPES: readonly MethodType[] };
/**
 * The types that may stand for the second factor, strongest first. A user who wants strong ones alone, and has one, gets those and backup
 * codes; a type that the operator turned off counts no more; what the first factor was is not the second (a mailed link, then a mailed code).
 */
export const usableTypes = (
  owner: { methods: readonly { type: MethodType }[]; strongOnly: boolean; backupCodes: number },
  config: UsableConfig,
  firstFactor: readonly string[] = ['pwd'],
): MfaType[] => {
  const has = (type: MethodType): boolean => config.MFA_TYPES.includes(type) && owner.methods.some((method) => method.type === type);
  // Neither a password, nor a passkey, nor another provider's word: a mailed link.
  const byMail = !['pwd', 'hwk', 'fed'].some((method) => firstFactor.includes(method));
  const strong = has('WEBAUTHN');
  const weaker = (['TOTP', 'SMS', 'EMAIL'] as const).filter((type) => has(type) && !(type === 'EMAIL' && byMail));
  const types: MfaType[] = [...(strong ? (['WEBAUTHN'] as const) : []), ...(strong && owner.strongOnly ? [] : weaker)];
  return types.length > 0 && owner.backupCodes > 0 ? [...types, 'BACKUP_CODE'] : types;
};
