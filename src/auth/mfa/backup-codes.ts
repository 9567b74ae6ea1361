/** Backup codes: for the day the phone is gone. Shown once, kept as HMACs, each used once. */
import { createHmac } from 'node:crypto';
import type { Clock, Database, Random, Sql } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Post } from '../letters/post.ts';
import type { Refused } from '../outcome.ts';
import { lockActive } from '../passwords/store.ts';
import type { Claim, MfaAnswer } from './model.ts';
import { findOwner, type Owner, replaceBackupCodes, takeBackupCode } from './store.ts';

export type BackupCodeNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  trail: AuditTrail;
  post: Post;
  pepper: Buffer;
  config: { MFA_BACKUP_CODES: number };
};
export type BackupCodesOutcome = { readonly kind: 'BackupCodes'; readonly codes: readonly string[] } | Refused<'MfaNotEnabled'>;
export type BackupCodes = ReturnType<typeof openBackupCodes>;

/** Crockford's base32: no letter that is taken for another; 32 divides 256, so that every character is as likely as any. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const characters = 10;
/** As few are left as ought to be told. */
const few = 2;

/** What was typed, as it was shown: without hyphens and blanks, the look-alikes read as what they stand for. */
const normalise = (code: string): string => code.toLowerCase().replaceAll(/[\s-]/g, '').replaceAll('o', '0').replaceAll(/[il]/g, '1');

export const openBackupCodes = (needs: BackupCodeNeeds) => {
  const { database, clock, random, trail, pepper, config } = needs;
  const digest = (userId: string, code: string): Buffer =>
    createHmac('sha256', pepper)
      .update(`backup code\0${userId}\0${normalise(code)}`)
      .digest();
  const makeOne = (): string => {
    const text = [...random.bytes(characters)].map((byte) => alphabet[byte % alphabet.length]).join('');
    return `${text.slice(0, characters / 2)}-${text.slice(characters / 2)}`;
  };

  /** New codes in place of all there were; the plain ones are given back, and nowhere else. */
  const renew = async (sql: Sql, userId: string): Promise<string[]> => {
    const codes = Array.from({ length: config.MFA_BACKUP_CODES }, makeOne);
    const at = clock.now();
    await replaceBackupCodes(
      sql,
      userId,
      at,
      codes.map((code) => ({ id: random.uuid(at), hash: digest(userId, code) })),
    );
    return codes;
  };

  return {
    renew,
    judge: async (owner: Owner, caller: { ip: string }, { code }: MfaAnswer): Promise<Claim> => {
      const left = Math.max(0, owner.backupCodes - 1);
      const data = { at: clock.now().toISOString(), ip: caller.ip, left, few: left <= few };
      const queueLetter = await needs.post.prepare(
        ...(owner.email ? [{ name: 'backup-code-used' as const, to: owner.email, locale: owner.locale, data }] : []),
      );
      return {
        take: async (sql) => {
          if (!(await takeBackupCode(sql, owner.userId, digest(owner.userId, code ?? ''), clock.now()))) return false;
          await queueLetter(sql);
          return true;
        },
      };
    },
    regenerate: async (caller: SignedInCaller): Promise<BackupCodesOutcome> => {
      const { userId } = caller.identity;
      const owner = await findOwner(database, userId);
      if (!owner || owner.methods.length === 0) return { kind: 'MfaNotEnabled' };
      const data = { at: clock.now().toISOString(), ip: caller.ip };
      const queueLetter = await needs.post.prepare(
        ...(owner.email ? [{ name: 'backup-codes-renewed' as const, to: owner.email, locale: owner.locale, data }] : []),
      );
      const codes = await database.transaction(async (sql) => {
        if (!(await lockActive(sql, userId))) return null;
        const fresh = await renew(sql, userId);
        await queueLetter(sql);
        await trail.write(sql, [trail.fact(caller, { type: 'mfa.backup_codes_renewed', data: {} })]);
        return fresh;
      });
      if (!codes) return { kind: 'MfaNotEnabled' };
      trail.committed();
      return { kind: 'BackupCodes', codes };
    },
  };
};
