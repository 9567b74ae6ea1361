/** A signed-in user changes the password; the other sessions stay unless asked. */
import type { Breaches, Clock, Database, Hasher, Limiter, Random, Rate } from '../../infra/ports.ts';
import { Unavailable } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Letter } from '../letters/model.ts';
import type { Post } from '../letters/post.ts';
import { forgetFirstFactor } from '../mfa/forget.ts';
import type { Refused } from '../outcome.ts';
import type { Endings } from '../sessions/ending.ts';
import type { OneTimeTokens } from '../tokens/one-time.ts';
import type { UserOutcome } from '../users/model.ts';
import { checkPassword } from './check.ts';
import { wasUsed } from './history.ts';
import { normalisePassword, type PolicyConfig } from './model.ts';
import { findHolder, lockActive, type PasswordHolder, setPassword } from './store.ts';

export type ChangePasswordNeeds = {
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
  config: PolicyConfig & { RATE_LIMIT_LOGIN: Rate };
};
export type ChangePasswordInput = { currentPassword: string; newPassword: string; revokeOtherSessions?: boolean | null };
export type ChangePasswordRefusal = Refused<
  'InvalidCredentials' | 'WeakPassword' | 'BreachedPassword' | 'PasswordReused' | 'TooManyAttempts'
>;
export type ChangePasswordOutcome = UserOutcome | ChangePasswordRefusal;

/** How often a change starts over because the hash was replaced meanwhile (a sign-in elsewhere renewed its parameters). */
const mostTries = 3;

/** The notice to the owner; none where there is no address. */
export const changedLetters = (holder: PasswordHolder, at: Date, ip: string): Letter[] =>
  holder.email ? [{ name: 'password-changed', to: holder.email, locale: holder.locale, data: { at: at.toISOString(), ip } }] : [];

export const changePassword = (needs: ChangePasswordNeeds) => {
  const { database, clock, hasher, limiter, trail, config } = needs;
  const check = checkPassword(needs);

  const refuse = async (caller: SignedInCaller, refusal: ChangePasswordRefusal): Promise<ChangePasswordRefusal> => {
    const fact = { type: 'password.change_failed', outcome: 'FAILURE', data: { reason: refusal.kind } } as const;
    await trail.write(database, [trail.fact(caller, fact)]);
    trail.committed();
    return refusal;
  };

  const commit = async (
    caller: SignedInCaller,
    holder: PasswordHolder,
    change: { verifiedHash: string; hash: string; unchecked: boolean; revokeOthers: boolean },
  ): Promise<boolean> => {
    const at = clock.now();
    const { userId, sessionId } = caller.identity;
    const queueLetter = await needs.post.prepare(...changedLetters(holder, at, caller.ip));
    const historyId = needs.random.uuid(at);
    const ended = await database.transaction(async (sql) => {
      if (!(await lockActive(sql, userId)) || !(await setPassword(sql, { userId, historyId, at, ...change }))) return null;
      const ids = change.revokeOthers ? await needs.endings.all(sql, caller, userId, 'password_changed', sessionId) : [];
      await needs.oneTime.endAll(sql, 'reset_password', userId);
      await forgetFirstFactor(sql, userId, at);
      await queueLetter(sql);
      const facts = [trail.fact(caller, { type: 'password.changed', data: {} })];
      if (change.unchecked) facts.push(trail.fact(caller, { type: 'password.breach_check_unavailable', data: {} }));
      await trail.write(sql, facts);
      return ids;
    });
    if (ended) needs.endings.announce(ended);
    return ended !== null;
  };

  const attempt = async (caller: SignedInCaller, input: ChangePasswordInput): Promise<ChangePasswordOutcome> => {
    const { userId } = caller.identity;
    const [current, next] = [normalisePassword(input.currentPassword), normalisePassword(input.newPassword)];
    for (let tries = 0; tries < mostTries; tries += 1) {
      const holder = await findHolder(database, userId);
      const verifiedHash = holder?.hash;
      const right = verifiedHash
        ? await hasher.verify(verifiedHash, current, caller.network)
        : await hasher.verifyNothing(current, caller.network);
      if (!right || !holder || !verifiedHash) return refuse(caller, { kind: 'InvalidCredentials' });
      const { refused, unchecked } = await check(next, holder);
      if (refused) return refuse(caller, refused);
      if (await wasUsed(hasher, next, holder, caller.network)) return refuse(caller, { kind: 'PasswordReused' });
      const change = {
        verifiedHash,
        hash: await hasher.hash(next, caller.network),
        unchecked,
        revokeOthers: input.revokeOtherSessions ?? false,
      };
      if (await commit(caller, holder, change)) return { kind: 'User', id: userId };
    }
    throw new Unavailable('the password is being changed elsewhere');
  };

  return async (caller: SignedInCaller, input: ChangePasswordInput): Promise<ChangePasswordOutcome> => {
    const limitKey = passwordLimitKey(caller.identity.userId);
    const { allowed, retryAfterSeconds } = await limiter.take(limitKey, config.RATE_LIMIT_LOGIN);
    if (!allowed) return refuse(caller, { kind: 'TooManyAttempts', retryAfterSeconds });
    let failed = false;
    try {
      const outcome = await attempt(caller, input);
      failed = outcome.kind === 'InvalidCredentials' || outcome.kind === 'PasswordReused';
      return outcome;
    } finally {
      // The limit counts wrong passwords, and reused ones, each of which may have cost six hashes; neither right ones nor our own faults.
      if (!failed) await limiter.giveBack(limitKey);
    }
  };
};

/** What counts wrong passwords that a signed-in user gives for the own account. */
export const passwordLimitKey = (userId: string): string => `password:${userId}`;
