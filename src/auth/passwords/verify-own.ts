/** A signed-in user's own password, as a proof for something else; wrong ones are counted together wherever they are given. */
import type { Database, Hasher, Limiter, Rate } from '../../infra/ports.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { findPasswordHash } from '../users/erase.ts';
import { passwordLimitKey } from './change-password.ts';
import { normalisePassword } from './model.ts';

export type PasswordVerdict = { readonly kind: 'right' | 'wrong' } | Refused<'TooManyAttempts'>;

/** A user without a password has none that is right; the work is the same. */
export const verifyOwnPassword =
  ({ database, hasher, limiter, config }: { database: Database; hasher: Hasher; limiter: Limiter; config: { RATE_LIMIT_LOGIN: Rate } }) =>
  async ({ identity: { userId }, network }: SignedInCaller, given: string): Promise<PasswordVerdict> => {
    const limitKey = passwordLimitKey(userId);
    const { allowed, retryAfterSeconds } = await limiter.take(limitKey, config.RATE_LIMIT_LOGIN);
    if (!allowed) return { kind: 'TooManyAttempts', retryAfterSeconds };
    let wrong = false;
    try {
      const hash = await findPasswordHash(database, userId);
      const password = normalisePassword(given);
      wrong = !(hash ? await hasher.verify(hash, password, network) : await hasher.verifyNothing(password, network));
      return { kind: wrong ? 'wrong' : 'right' };
    } finally {
      if (!wrong) await limiter.giveBack(limitKey);
    }
  };
