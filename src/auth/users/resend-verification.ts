/** Another verification mail for a pending account; the answer is the same for every address. */
import type { Clock, Database, Limiter, Random, Rate } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import type { Post } from '../letters/post.ts';
import { inEvenTime } from '../throttle/index.ts';
import type { OneTimeTokens } from '../tokens/one-time.ts';
import { type MailOutcome, takeMailPlace } from './mail.ts';
import { accountDigest, emailKey } from './model.ts';
import { issueVerification, type Registration, type VerifyLinkConfig } from './registration.ts';
import { findPending } from './store.ts';

export type ResendVerificationNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  limiter: Limiter;
  trail: AuditTrail;
  post: Post;
  oneTime: OneTimeTokens;
  pepper: Buffer;
  config: VerifyLinkConfig & { RATE_LIMIT_RESET: Rate };
};

export const resendVerification = (needs: ResendVerificationNeeds) => {
  const { database, clock, random, limiter, trail, oneTime, config } = needs;
  return async (caller: Caller, input: { email: string }): Promise<MailOutcome> => {
    const key = emailKey(input.email);
    const account = accountDigest(needs.pepper, key);
    const refused = await takeMailPlace(limiter, config.RATE_LIMIT_RESET, caller.network, account);
    if (refused) return refused;

    await inEvenTime(async () => {
      const pending = await findPending(database, key);
      const registration: Registration = { email: pending?.email ?? input.email, ...pending?.data };
      // For nobody the same is made, sealed and thrown away, so that the time tells little.
      const to = { userId: pending?.id ?? random.uuid(clock.now()), email: registration.email, locale: registration.locale ?? null };
      const { token, letter } = issueVerification(oneTime, config, to, registration);
      const queueLetter = await needs.post.prepare(letter);
      await database.transaction(async (sql) => {
        if (pending) {
          await token.insert(sql);
          await queueLetter(sql);
        }
        const who = { actorId: null, subjectId: pending?.id ?? null, data: { account } };
        await trail.write(sql, [trail.fact(caller, { type: 'user.verification_requested', ...who })]);
      });
    });
    trail.committed();
    return { kind: 'MailAccepted', email: input.email };
  };
};
