/** The first right answer makes a setup count. It raises the session too: its user has just proved the factor. */
import type { Clock, Database, Sql } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Post } from '../letters/post.ts';
import type { Refused } from '../outcome.ts';
import { isUuid } from '../paging.ts';
import { lockActive } from '../passwords/store.ts';
import { raiseSession } from '../sessions/store.ts';
import type { Factors } from './factors.ts';
import { methodOf } from './list.ts';
import { digitsOf, type MfaMethod, mostAttempts, mostCodeAttempts, withFactor } from './model.ts';
import { type Confirmed, confirmMethod, findOwner, isSecondOfType, type MethodRow, trySetup, verifyPhone } from './store.ts';

export type ConfirmNeeds = { database: Database; clock: Clock; trail: AuditTrail; post: Post; factors: Factors };
export type ConfirmMfaInput = { methodId: string; code?: string | null; webauthn?: unknown };
export type ConfirmMfaOutcome =
  | { readonly kind: 'MfaEnabled'; readonly method: MfaMethod; readonly backupCodes: readonly string[] }
  | Refused<'CodeInvalid' | 'NotFound' | 'TooManyAttempts'>;

const triesOf = (row: MethodRow): number => (row.code_hash ? mostCodeAttempts : mostAttempts);

export const confirmMfa = (needs: ConfirmNeeds) => {
  const { database, clock, trail, post, factors } = needs;

  const prove = async (row: MethodRow, input: ConfirmMfaInput): Promise<Confirmed | null> => {
    if (row.type === 'TOTP') return factors.totp.confirm(row, input.code);
    if (row.type === 'WEBAUTHN') return factors.webauthn.confirm(row, input.webauthn);
    return row.code_hash?.equals(factors.codes.digest(row.id, digitsOf(input.code))) ? {} : null;
  };

  const enable = async (sql: Sql, caller: SignedInCaller, row: MethodRow, proved: Confirmed) => {
    const { userId, sessionId, amr } = caller.identity;
    if (!(await lockActive(sql, userId))) return null;
    const method = await confirmMethod(sql, row.id, clock.now(), proved);
    if (!method) return null;
    if (row.phone) await verifyPhone(sql, userId, row.phone, clock.now());
    // Under the lock: of two factors confirmed at once the first brings the codes.
    const now = await findOwner(sql, userId);
    const backupCodes = now && now.backupCodes > 0 ? [] : await factors.backupCodes.renew(sql, userId);
    await raiseSession(sql, sessionId, clock.now(), withFactor(amr, row.type));
    await trail.write(sql, [trail.fact(caller, { type: 'mfa.enabled', data: { method: row.type } })]);
    return { method, backupCodes };
  };

  return async (caller: SignedInCaller, input: ConfirmMfaInput): Promise<ConfirmMfaOutcome> => {
    const { userId } = caller.identity;
    if (!isUuid(input.methodId)) return { kind: 'NotFound' };
    // The try is spent before it is looked at, so that parallel guesses are counted one by one.
    const row = await trySetup(database, input.methodId, userId, clock.now(), mostAttempts);
    const owner = row && (await findOwner(database, userId));
    if (!row || !owner) return { kind: 'NotFound' };
    const left = Math.max(0, triesOf(row) - row.attempts);
    const proved = row.attempts <= triesOf(row) ? await prove(row, input) : null;
    if (!proved) {
      const fact = { type: 'mfa.setup_failed', outcome: 'FAILURE', data: { reason: 'CodeInvalid', method: row.type } } as const;
      await trail.write(database, [trail.fact(caller, fact)]);
      trail.committed();
      return { kind: 'CodeInvalid', attemptsLeft: left };
    }
    const data = { at: clock.now().toISOString(), ip: caller.ip, method: row.type };
    const queueLetter = await post.prepare(
      ...(owner.email ? [{ name: 'mfa-enabled' as const, to: owner.email, locale: owner.locale, data }] : []),
    );
    try {
      const enabled = await database.transaction(async (sql) => {
        const done = await enable(sql, caller, row, proved);
        if (done) await queueLetter(sql);
        return done;
      });
      if (!enabled) return { kind: 'NotFound' };
      trail.committed();
      return { kind: 'MfaEnabled', method: methodOf(enabled.method), backupCodes: enabled.backupCodes };
    } catch (error) {
      // Another setup of the type was confirmed meanwhile, or the authenticator is registered already.
      if (isSecondOfType(error)) return { kind: 'NotFound' };
      throw error;
    }
  };
};
