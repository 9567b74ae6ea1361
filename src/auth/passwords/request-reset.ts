/** A reset link by mail, for whoever asks: the answer and the work are the same for a known and an unknown address. */
import type { Clock, Database, Limiter, Random, Rate } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import type { Post } from '../letters/post.ts';
import { inEvenTime } from '../throttle/index.ts';
import type { OneTimeTokens } from '../tokens/one-time.ts';
import { type MailOutcome, mailedLink, takeMailPlace } from '../users/mail.ts';
import { accountDigest, emailKey } from '../users/model.ts';
import { findAddressee } from './store.ts';

export type RequestResetNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  limiter: Limiter;
  trail: AuditTrail;
  post: Post;
  oneTime: OneTimeTokens;
  pepper: Buffer;
  config: { RATE_LIMIT_RESET: Rate; LINK_RESET_PASSWORD?: string | undefined; publicUrl: string };
};

const validMinutes = 30;

/** The page that reset links open; never made from a request's Host. */
export const resetPage = (config: { LINK_RESET_PASSWORD?: string | undefined; publicUrl: string }): string =>
  config.LINK_RESET_PASSWORD ?? `${config.publicUrl}/reset-password`;

export const requestPasswordReset = (needs: RequestResetNeeds) => {
  const { database, clock, random, limiter, trail, oneTime, config } = needs;
  return async (caller: Caller, input: { email: string }): Promise<MailOutcome> => {
    const key = emailKey(input.email);
    const account = accountDigest(needs.pepper, key);
    const refused = await takeMailPlace(limiter, config.RATE_LIMIT_RESET, caller.network, account);
    if (refused) return refused;

    await inEvenTime(async () => {
      const addressee = await findAddressee(database, key);
      // For nobody the same is made, sealed and thrown away, so that the time tells nothing.
      const userId = addressee?.id ?? random.uuid(clock.now());
      const token = oneTime.issue({ purpose: 'reset_password', userId, seconds: validMinutes * 60 });
      const queueLetter = await needs.post.prepare({
        name: 'reset-password',
        // The address on record, never the one typed: what is equal by its key may be another mailbox.
        to: addressee?.email ?? input.email,
        locale: addressee?.locale ?? null,
        data: { link: mailedLink(resetPage(config), token.token), validMinutes },
      });
      const who = { subjectId: addressee?.id ?? null, data: { account } };
      await database.transaction(async (sql) => {
        if (addressee) {
          await token.insert(sql);
          await queueLetter(sql);
        }
        await trail.write(sql, [trail.fact(caller, { type: 'password.reset_requested', ...who })]);
      });
    });
    trail.committed();
    return { kind: 'MailAccepted', email: input.email };
  };
};
