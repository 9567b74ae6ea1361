/** A new password by a mailed token: whoever has it reads the address's mail. */
import type { Breaches, Clock, Database, Hasher, Limiter, Random, Rate, Sql } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import type { Post } from '../letters/post.ts';
import { forgetFirstFactor } from '../mfa/forget.ts';
import type { Refused } from '../outcome.ts';
import type { Endings } from '../sessions/ending.ts';
import type { OneTimeTokens } from '../tokens/one-time.ts';
import type { UserOutcome } from '../users/model.ts';
import { changedLetters } from './change-password.ts';
import { checkPassword } from './check.ts';
import { wasUsed } from './history.ts';
import { normalisePassword, type PolicyConfig } from './model.ts';
import { findHolderByResetToken, lockActive, type PasswordHolder, proveAddress, setPassword } from './store.ts';

export type ResetPasswordNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  hasher: Hasher;
  limiter: Limiter;
  breaches: Breaches;
  trail: AuditTrail;
  post: Post;
  oneTime: OneTimeTokens;
  endings: Endings;
  /** Lifts the locks that wrong passwords put on the account. */
  unlock(sql: Sql, caller: Caller, emailKey: string): Promise<void>;
  config: PolicyConfig & { RATE_LIMIT_LOGIN: Rate };
};
export type ResetPasswordInput = { token: string; newPassword: string };
export type ResetPasswordRefusal = Refused<'TokenInvalid' | 'WeakPassword' | 'BreachedPassword' | 'PasswordReused' | 'TooManyAttempts'>;
export type ResetPasswordOutcome = UserOutcome | ResetPasswordRefusal;

export const resetPassword = (needs: ResetPasswordNeeds) => {
  const { database, clock, hasher, trail, oneTime, config } = needs;
  const check = checkPassword(needs);

  const refuse = async (caller: Caller, userId: string | null, refusal: ResetPasswordRefusal): Promise<ResetPasswordRefusal> => {
    const data = { reason: refusal.kind };
    await trail.write(database, [
      trail.fact(caller, { type: 'password.reset_failed', outcome: 'FAILURE', data, actorId: null, subjectId: userId }),
    ]);
    trail.committed();
    return refusal;
  };

  /** False where the token, or the user, was spent meanwhile. */
  const commit = async (caller: Caller, holder: PasswordHolder, token: string, hash: string, unchecked: boolean): Promise<boolean> => {
    const at = clock.now();
    const { user_id: userId, email_key: key } = holder;
    const queueLetter = await needs.post.prepare(...changedLetters(holder, at, caller.ip));
    const historyId = needs.random.uuid(at);
    const who = { actorId: userId, subjectId: userId };
    const ended = await database.transaction(async (sql) => {
      if (!(await lockActive(sql, userId)) || (await oneTime.use(sql, 'reset_password', token)) === null) return null;
      await setPassword(sql, { userId, historyId, hash, at, verifiedHash: null });
      const ids = await needs.endings.all(sql, caller, userId, 'password_reset');
      await oneTime.endAll(sql, 'reset_password', userId);
      await oneTime.endAll(sql, 'magic_link', userId);
      await forgetFirstFactor(sql, userId, at);
      if (key) await needs.unlock(sql, caller, key);
      // Tokens end with the address they were mailed to: whoever has one reads the mail of the present one.
      const proved = await proveAddress(sql, userId, at);
      await queueLetter(sql);
      const facts = [trail.fact(caller, { type: 'password.reset_completed', data: {}, ...who })];
      if (proved) facts.push(trail.fact(caller, { type: 'user.verified', data: { by: 'reset' }, ...who }));
      if (unchecked) facts.push(trail.fact(caller, { type: 'password.breach_check_unavailable', data: {}, ...who }));
      await trail.write(sql, facts);
      return ids;
    });
    if (ended) needs.endings.announce(ended);
    return ended !== null;
  };

  return async (caller: Caller, input: ResetPasswordInput): Promise<ResetPasswordOutcome> => {
    const next = normalisePassword(input.newPassword);
    const holder = await findHolderByResetToken(database, input.token, clock.now());
    if (!holder) return refuse(caller, null, { kind: 'TokenInvalid' });
    const { user_id: userId } = holder;
    // A token may be tried with other passwords, each of which costs up to six hashes.
    const { allowed, retryAfterSeconds } = await needs.limiter.take(`reset:${userId}`, config.RATE_LIMIT_LOGIN);
    if (!allowed) return refuse(caller, userId, { kind: 'TooManyAttempts', retryAfterSeconds });
    const { refused, unchecked } = await check(next, holder);
    if (refused) return refuse(caller, userId, refused);
    if (await wasUsed(hasher, next, holder, caller.network)) return refuse(caller, userId, { kind: 'PasswordReused' });
    const done = await commit(caller, holder, input.token, await hasher.hash(next, caller.network), unchecked);
    return done ? { kind: 'User', id: userId } : refuse(caller, userId, { kind: 'TokenInvalid' });
  };
};
