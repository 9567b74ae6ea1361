/** Setting a factor up: begun here, counted from when its first answer proves it (./confirm.ts), forgotten after ten minutes. */
import { createHash } from 'node:crypto';
import type { Clock, Database, Limiter, Random, Rate, Sql } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { lockActive } from '../passwords/store.ts';
import { parsePhone } from '../users/profile.ts';
import { codeLimitKey } from './challenge.ts';
import type { Factors } from './factors.ts';
import { methodOf } from './list.ts';
import { type MethodType, type MfaMethod, type MfaType, mostCredentials, setupSeconds, type UsableConfig } from './model.ts';
import { dropSetups, findOwner, insertMethod, type MethodRow, type Owner } from './store.ts';

export type SetupNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  limiter: Limiter;
  trail: AuditTrail;
  factors: Factors;
  config: UsableConfig & { RATE_LIMIT_RESET: Rate };
};
export type SetupMfaInput = { type: MfaType; label?: string | null; phone?: string | null };
export type MfaSetup = {
  readonly kind: 'MfaSetup';
  readonly method: MfaMethod;
  readonly secret: string | null;
  readonly otpauthUri: string | null;
  readonly webauthnOptions: object | null;
};
export type SetupMfaOutcome = MfaSetup | Refused<'MfaAlreadyEnabled' | 'InvalidInput' | 'QuotaExceeded' | 'TooManyAttempts'>;

type Begun = Partial<Pick<MethodRow, 'sealed_secret' | 'phone' | 'code_hash' | 'challenge'>> & {
  told?: Partial<Pick<MfaSetup, 'secret' | 'otpauthUri' | 'webauthnOptions'>>;
  queue?: (sql: Sql) => Promise<void>;
};

const longestLabel = 100;
const gone = { kind: 'InvalidInput', field: 'input.type', message: 'The account is not active.' } as const;

const digestOf = (phone: string): string => createHash('sha256').update(phone).digest('base64url');

export const setupMfa = (needs: SetupNeeds) => {
  const { database, clock, random, limiter, trail, factors, config } = needs;

  const begin = async (id: string, type: MethodType, owner: Owner, phone: string | null): Promise<Begun | null> => {
    if (type === 'TOTP') {
      const { sealedSecret, told } = await factors.totp.begin(id, owner);
      return { sealed_secret: sealedSecret, told };
    }
    if (type === 'WEBAUTHN') {
      const challenge = factors.webauthn.newChallenge();
      return { challenge, told: { webauthnOptions: await factors.webauthn.creationOptions(owner, challenge) } };
    }
    const code = await factors.codes.make(id, type, owner, phone);
    return code && { code_hash: code.hash, phone, queue: code.queue };
  };

  /** What stands against it, as far as the input and the methods there are tell. */
  const problemOf = ({ type, label, phone }: SetupMfaInput, owner: Owner): Exclude<SetupMfaOutcome, MfaSetup> | null => {
    const invalid = (field: string, message: string) => ({ kind: 'InvalidInput', field: `input.${field}`, message }) as const;
    if (type === 'BACKUP_CODE') return invalid('type', 'Backup codes come with the first factor; regenerateBackupCodes makes new ones.');
    if (!config.MFA_TYPES.includes(type)) return invalid('type', 'This kind of second factor is not offered here.');
    if (label && [...label].length > longestLabel) return invalid('label', `A label has at most ${longestLabel} characters.`);
    if (type === 'SMS' && !(phone && parsePhone(phone)))
      return invalid('phone', 'A phone number in international form, such as +49 30 1234567.');
    const same = owner.methods.filter((method) => method.type === type).length;
    if (type !== 'WEBAUTHN') return same > 0 ? { kind: 'MfaAlreadyEnabled' } : null;
    return same >= mostCredentials ? { kind: 'QuotaExceeded', limit: mostCredentials } : null;
  };

  return async (caller: SignedInCaller, input: SetupMfaInput): Promise<SetupMfaOutcome> => {
    const { userId } = caller.identity;
    const owner = await findOwner(database, userId);
    if (!owner) return gone;
    const problem = problemOf(input, owner);
    if (problem) return problem;
    const type = input.type as MethodType;
    if (type === 'EMAIL' || type === 'SMS') {
      const { allowed, retryAfterSeconds } = await limiter.take(codeLimitKey(userId), config.RATE_LIMIT_RESET);
      if (!allowed) return { kind: 'TooManyAttempts', retryAfterSeconds };
    }
    const number = type === 'SMS' ? parsePhone(input.phone as string) : null;
    if (number) {
      // By number too: many accounts could flood one telephone, and texts cost money.
      const { allowed, retryAfterSeconds } = await limiter.take(`mfa-number:${digestOf(number)}`, config.RATE_LIMIT_RESET);
      if (!allowed) return { kind: 'TooManyAttempts', retryAfterSeconds };
    }
    const at = clock.now();
    const id = random.uuid(at);
    const begun = await begin(id, type, owner, number);
    if (!begun) return { kind: 'InvalidInput', field: 'input.type', message: 'The account has no address to send a code to.' };
    const row = await database.transaction(async (sql) => {
      if (!(await lockActive(sql, userId))) return null;
      await dropSetups(sql, userId, type);
      const { sealed_secret = null, phone = null, code_hash = null, challenge = null } = begun;
      const label = input.label?.trim() || null;
      const made = await insertMethod(sql, {
        ...{
          id,
          user_id: userId,
          session_id: caller.identity.sessionId,
          type,
          label,
          created_at: at,
          setup_ends_at: new Date(at.getTime() + setupSeconds * 1000),
        },
        ...{ sealed_secret, phone, code_hash, challenge },
      });
      await begun.queue?.(sql);
      await trail.write(sql, [trail.fact(caller, { type: 'mfa.setup_started', data: { method: type } })]);
      return made;
    });
    if (!row) return gone;
    trail.committed();
    return { kind: 'MfaSetup', method: methodOf(row), secret: null, otpauthUri: null, webauthnOptions: null, ...begun.told };
  };
};
