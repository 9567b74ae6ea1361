/** Authenticator apps: time-based one-time passwords (RFC 6238), six digits, steps of 30 seconds, SHA-1 as every app knows it. */
import { generateURI, ScureBase32Plugin, verifySync } from 'otplib';
import { type Clock, type Database, type Kms, type Random, Unavailable } from '../../infra/ports.ts';
import type { SealedColumn } from '../seals/model.ts';
import { type Claim, digitsOf, type MfaAnswer } from './model.ts';
import { type Confirmed, type MethodRow, type Owner, takeStep } from './store.ts';

/** RFC 4226 §4 R6: 160 bits. */
const secretBytes = 20;
const period = 30;
const base32 = new ScureBase32Plugin();

/** The secret in base32, and as the URI that apps read (Key URI Format). */
export type TotpSetup = { secret: string; otpauthUri: string };
export type TotpNeeds = { database: Database; clock: Clock; random: Random; kms: Kms; config: { MFA_ISSUER: string } };
const sealContext = (id: string, owner: string) => ({ purpose: 'totp_secret', id, owner });
export const totpSecrets: SealedColumn = {
  table: 'mfa_methods',
  column: 'sealed_secret',
  key: 'id',
  keyType: 'uuid',
  needs: ['user_id'],
  context: (row) => sealContext(row['id'] as string, row['user_id'] as string),
};

export type Totp = ReturnType<typeof openTotp>;

/** The step that `code` belongs to, one before or one after now at most (RFC 6238 §6); null where it is of none. */
export const stepOf = (secret: string, code: string, now: Date): number | null => {
  if (!/^\d{6}$/.test(code)) return null;
  const result = verifySync({ secret, token: code, epoch: Math.floor(now.getTime() / 1000), epochTolerance: period, period });
  return result.valid && 'timeStep' in result ? result.timeStep : null;
};

export const openTotp = ({ clock, random, kms, config }: TotpNeeds) => {
  const open = async (row: MethodRow): Promise<string> => {
    if (!row.sealed_secret) throw new Unavailable('a second factor has no secret');
    return (await kms.open(row.sealed_secret, sealContext(row.id, row.user_id))).toString();
  };
  return {
    /** A new secret for the method `id`, sealed, and what the user's app needs. */
    begin: async (id: string, owner: Owner): Promise<{ sealedSecret: Buffer; told: TotpSetup }> => {
      const secret = base32.encode(random.bytes(secretBytes));
      const otpauthUri = generateURI({ issuer: config.MFA_ISSUER, label: owner.email ?? owner.userId, secret });
      return { sealedSecret: await kms.seal(Buffer.from(secret), sealContext(id, owner.userId)), told: { secret, otpauthUri } };
    },
    /** What a setup's first code proves; null where it is wrong. */
    confirm: async (row: MethodRow, code: string | null | undefined): Promise<Confirmed | null> => {
      const step = stepOf(await open(row), digitsOf(code), clock.now());
      return step === null ? null : { lastStep: step };
    },
    judge: async (owner: Owner, { code }: MfaAnswer): Promise<Claim | null> => {
      for (const row of owner.methods) {
        if (row.type !== 'TOTP') continue;
        const step = stepOf(await open(row), digitsOf(code), clock.now());
        if (step !== null) return { take: (sql) => takeStep(sql, row.id, step, clock.now()) };
      }
      return null;
    },
  };
};
