/**
 * Wrong answers to challenges are counted by account too, across challenges: whoever knows a password can open as many as there are
 * sign-ins. As with passwords a known device has its own count, so that a stranger cannot lock the owner out of it. From all other devices
 * together a day has few guesses: of a million codes three are right at a time, and locks alone would let thousands a day be tried.
 */
import type { Clock, Database, Limiter, Rate, Sql } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import type { Post } from '../letters/post.ts';
import { type LockoutKeys, type Lockouts, lockoutKeys } from '../throttle/index.ts';
import type { MfaType } from './model.ts';
import type { Owner } from './store.ts';

export type AttemptNeeds = {
  database: Database;
  clock: Clock;
  trail: AuditTrail;
  post: Post;
  lockouts: Lockouts;
  limiter: Limiter;
  pepper: Buffer;
  config: { LOCKOUT_SECONDS: number };
};
export type Attempts = ReturnType<typeof openAttempts>;
/** `day`: what counts it among the day's guesses, unless it proves right; null on a known device. */
export type Attempt = { key: Buffer; account: Buffer; day: string | null };

/** What stands for a user's second factors where lockouts have an address. */
export const secondFactorAccount = (userId: string): string => `second factor\0${userId}`;

/** Wrong answers of one account in a day, but for known devices. */
const guessesADay: Rate = { limit: 30, seconds: 86_400 };

/** The place among the day's is free again. */
const settleWith =
  (limiter: Limiter) =>
  async ({ day }: Attempt): Promise<void> => {
    if (day) await limiter.giveBack(day);
  };

export const openAttempts = ({ database, clock, trail, post, lockouts, limiter, pepper, config }: AttemptNeeds) => ({
  /**
   * A place for one answer; where there is none, for how many seconds. `device`: the fingerprint of a known one. A step-up has a day of its own: who
   * only knows the password cannot use up the owner's. A passkey's answer is not guessed, and no day counts it.
   */
  reserve: async (
    caller: Caller,
    userId: string,
    { device, type, purpose }: { device: string | null; type: MfaType; purpose: 'login' | 'step_up' },
  ): Promise<Attempt | { lockedSeconds: number | null }> => {
    const keys: LockoutKeys = lockoutKeys(pepper, secondFactorAccount(userId), caller.network, device);
    const day = keys.device || type === 'WEBAUTHN' ? null : `second factor:${purpose}:${userId}`;
    const guess = day ? await limiter.take(day, guessesADay) : null;
    if (guess && !guess.allowed) return { lockedSeconds: guess.retryAfterSeconds };
    const { reserved, lockedUntil } = await lockouts.reserve(database, keys.device ?? keys.network, keys.device ? null : keys.account);
    if (reserved) return { key: keys.device ?? keys.network, account: keys.account, day };
    if (day) await limiter.giveBack(day);
    return { lockedSeconds: lockedUntil && Math.max(1, Math.ceil((lockedUntil.getTime() - clock.now().getTime()) / 1000)) };
  },
  release: async (attempt: Attempt): Promise<void> => {
    await settleWith(limiter)(attempt);
    await lockouts.release(database, attempt.key);
  },
  /** In a transaction: a right answer wipes its count. Of the day's it takes back its own place alone, once the transaction is over: `settle`. */
  clear: (sql: Sql, attempt: Attempt): Promise<void> => lockouts.clear(sql, [attempt.key]),
  settle: settleWith(limiter),
  /** The letter for the case that this wrong answer locks; prepare it before the transaction. */
  prepareAlarm: (caller: Caller, owner: Owner): ReturnType<Post['prepare']> =>
    post.prepare(
      ...(owner.email
        ? [{ name: 'mfa-locked' as const, to: owner.email, locale: owner.locale, data: { at: clock.now().toISOString(), ip: caller.ip } }]
        : []),
    ),
  /** In a transaction: counts a wrong answer, with its fact; a lock is told to the owner, whose first factor somebody has. */
  fail: async (
    sql: Sql,
    caller: Caller,
    attempt: Attempt,
    what: { userId: string; sessionId: string | null; type: MfaType; purpose: 'login' | 'step_up'; alarm: (sql: Sql) => Promise<void> },
  ): Promise<void> => {
    const { userId, sessionId, type, purpose } = what;
    const who = { actorId: null, subjectId: userId, sessionId };
    const facts = [
      trail.fact(caller, { type: 'mfa.failed', outcome: 'FAILURE', data: { reason: 'CodeInvalid', method: type, purpose }, ...who }),
    ];
    if (await lockouts.fail(sql, attempt.key, attempt.account)) {
      facts.push(trail.fact(caller, { type: 'mfa.locked', data: { seconds: config.LOCKOUT_SECONDS }, ...who }));
      await what.alarm(sql);
    }
    await trail.write(sql, facts);
  },
});
