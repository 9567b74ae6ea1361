/**
 * Wrong answers to challenges are counted by account too, across challenges: whoever knows a password can open as many as there are
 * sign-ins. As with passwords a known device has its own count, so that a stranger cannot lock the owner out of it.
 */
import type { Clock, Database, Sql } from '../../infra/ports.ts';
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
  pepper: Buffer;
  config: { LOCKOUT_SECONDS: number };
};
export type Attempts = ReturnType<typeof openAttempts>;
export type Attempt = { key: Buffer; account: Buffer };

/** What stands for a user's second factors where lockouts have an address. */
export const secondFactorAccount = (userId: string): string => `second factor\0${userId}`;

export const openAttempts = ({ database, clock, trail, post, lockouts, pepper, config }: AttemptNeeds) => ({
  /** A place for one answer; where there is none, for how many seconds. `device`: the fingerprint of a known one. */
  reserve: async (caller: Caller, userId: string, device: string | null): Promise<Attempt | { lockedSeconds: number | null }> => {
    const keys: LockoutKeys = lockoutKeys(pepper, secondFactorAccount(userId), caller.network, device);
    const { reserved, lockedUntil } = await lockouts.reserve(database, keys.device ?? keys.network, keys.device ? null : keys.account);
    if (reserved) return { key: keys.device ?? keys.network, account: keys.account };
    return { lockedSeconds: lockedUntil && Math.max(1, Math.ceil((lockedUntil.getTime() - clock.now().getTime()) / 1000)) };
  },
  release: (attempt: Attempt): Promise<void> => lockouts.release(database, attempt.key),
  /** In a transaction: a right answer wipes its count. */
  clear: (sql: Sql, attempt: Attempt): Promise<void> => lockouts.clear(sql, [attempt.key]),
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
