/**
 * Sign-in by a mailed link: single use, 15 minutes. Opened by the client that asked for it, it is enough; opened elsewhere it wants the short code
 * which that client was shown, so that nobody is signed in by a link that somebody else asked for.
 */
import { createHmac } from 'node:crypto';
import type { Clock, Database, Limiter, Random, Rate, Sql } from '../../infra/ports.ts';
import type { Bootstrap } from '../access/bootstrap.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import type { Post } from '../letters/post.ts';
import type { MfaRequired } from '../mfa/due.ts';
import type { Refused } from '../outcome.ts';
import { lockActive } from '../passwords/store.ts';
import type { DeviceInput } from '../sessions/device.ts';
import { inEvenTime } from '../throttle/index.ts';
import type { OneTimeTokens } from '../tokens/one-time.ts';
import { type MailAccepted, mailedLink, takeMailPlace } from '../users/mail.ts';
import { accountDigest, emailKey } from '../users/model.ts';
import { activateAccount, dropPassword, findByEmail, forgetRegistrations, lockUnverified } from '../users/store.ts';
import type { Complete } from './complete.ts';
import type { SignedIn } from './model.ts';
import { proofOf } from './proof.ts';
import type { SignIn } from './sign-in.ts';
import { findPerson, type Person } from './store.ts';

export type MagicLinkNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  limiter: Limiter;
  trail: AuditTrail;
  post: Post;
  oneTime: OneTimeTokens;
  bootstrap: Bootstrap;
  signIn: SignIn;
  complete: Complete;
  pepper: Buffer;
  config: {
    RATE_LIMIT_RESET: Rate;
    RATE_LIMIT_LOGIN: Rate;
    LINK_MAGIC_LINK?: string | undefined;
    BOOTSTRAP_ADMIN_EMAIL?: string | undefined;
    publicUrl: string;
  };
};
/** `deviceCode` is for the screen of whoever asks; it is made up for an unknown address too. */
export type MagicLinkAccepted = MailAccepted & { readonly deviceCode: string };
export type RequestMagicLinkOutcome = MagicLinkAccepted | Refused<'TooManyAttempts'>;
export type MagicLinkLoginInput = {
  token: string;
  code?: string | null;
  persistent?: boolean | null;
  device?: DeviceInput | null;
  delivery?: string | null;
};
export type MagicLinkLoginOutcome =
  | SignedIn
  | MfaRequired
  | Refused<'TokenInvalid' | 'CodeInvalid' | 'AccountDeactivated' | 'TooManyAttempts'>;

const validMinutes = 15;
const purpose = 'magic_link';

/** What ties a link to the client that asked for it: where it was, and what it calls itself. */
const bindingOf = (pepper: Buffer, { network, userAgent }: Caller): string =>
  createHmac('sha256', pepper)
    .update(`magic link\0${network}\0${userAgent ?? ''}`)
    .digest('base64url');

export const requestMagicLink =
  ({ database, clock, random, limiter, trail, post, oneTime, pepper, config }: MagicLinkNeeds) =>
  async (caller: Caller, input: { email: string }): Promise<RequestMagicLinkOutcome> => {
    const key = emailKey(input.email);
    const account = accountDigest(pepper, key);
    const refused = await takeMailPlace(limiter, config.RATE_LIMIT_RESET, caller.network, account);
    if (refused) return refused;
    const deviceCode = await inEvenTime(async () => {
      const user = await findByEmail(database, key);
      const addressee = user && (user.status === 'ACTIVE' || user.status === 'PENDING_VERIFICATION') ? user : null;
      // For nobody the same is made, sealed and thrown away, so that the time tells nothing.
      const userId = addressee?.id ?? random.uuid(clock.now());
      const data = { binding: bindingOf(pepper, caller) };
      const token = oneTime.issue({ purpose, userId, seconds: validMinutes * 60, withCode: true, data });
      const link = mailedLink(config.LINK_MAGIC_LINK ?? `${config.publicUrl}/magic-link`, token.token);
      const queueLetter = await post.prepare({
        name: 'magic-link',
        to: addressee?.email ?? input.email,
        locale: addressee?.locale ?? null,
        data: { link, validMinutes },
      });
      await database.transaction(async (sql) => {
        if (addressee) {
          await token.insert(sql);
          await queueLetter(sql);
        }
        const who = { subjectId: addressee?.id ?? null, data: { account } };
        await trail.write(sql, [trail.fact(caller, { type: 'user.magic_link_requested', ...who })]);
      });
      return token.code as string;
    });
    trail.committed();
    return { kind: 'MailAccepted', email: input.email, deviceCode };
  };

export const loginWithMagicLink = (needs: MagicLinkNeeds) => {
  const { database, clock, limiter, trail, oneTime, bootstrap, signIn, complete, pepper, config } = needs;
  const adminKey = config.BOOTSTRAP_ADMIN_EMAIL === undefined ? null : emailKey(config.BOOTSTRAP_ADMIN_EMAIL);

  /** The address is proved: what somebody else may have planted before, a password, goes. */
  const verify = async (sql: Sql, caller: Caller, { user_id: userId, email_key: key }: Person): Promise<boolean> => {
    if (!(await activateAccount(sql, userId, clock.now(), {}))) return false;
    await dropPassword(sql, userId);
    await oneTime.endAll(sql, 'verify_email', userId);
    await forgetRegistrations(sql, userId);
    await trail.write(sql, [trail.fact(caller, { type: 'user.verified', data: { by: 'magic_link' }, actorId: userId })]);
    if (key !== null && key === adminKey) await bootstrap.promote(sql, caller, userId);
    return true;
  };

  const refuse = async (
    sql: Sql,
    caller: Caller,
    userId: string | null,
    refusal: Refused<'TokenInvalid' | 'CodeInvalid'>,
  ): Promise<Refused<'TokenInvalid' | 'CodeInvalid'>> => {
    const fact = { type: 'user.magic_link_failed', outcome: 'FAILURE', data: { reason: refusal.kind } } as const;
    await trail.write(sql, [trail.fact(caller, { ...fact, actorId: null, subjectId: userId, sessionId: null })]);
    return refusal;
  };

  const attempt = async (caller: Caller, input: MagicLinkLoginInput): Promise<MagicLinkLoginOutcome> => {
    const { device, key } = signIn.device(caller, input.device);
    const found = await oneTime.peek(database, purpose, input.token);
    const person = found && (await findPerson(database, found.userId, key, device.country));
    if (!person || person.status === 'DELETED') return refuse(database, caller, null, { kind: 'TokenInvalid' });
    const { user_id: userId, status } = person;
    if (status === 'DEACTIVATED') return { kind: 'AccountDeactivated' };
    let refusal: Refused<'TokenInvalid' | 'CodeInvalid'> = { kind: 'TokenInvalid' };
    const claim = async (sql: Sql): Promise<boolean> => {
      if (!(status === 'PENDING_VERIFICATION' ? await lockUnverified(sql, { userId }) : await lockActive(sql, userId))) return false;
      const given = { token: input.token, userId, binding: bindingOf(pepper, caller), code: input.code?.replaceAll(/\s/g, '') ?? null };
      const used = await oneTime.useBound(sql, purpose, given);
      if (used?.right) return status !== 'PENDING_VERIFICATION' || verify(sql, caller, person);
      if (used) refusal = { kind: 'CodeInvalid', attemptsLeft: used.left };
      await refuse(sql, caller, userId, refusal);
      return false;
    };
    // RFC 8176 has no word for a mailed link; `otp` is what it comes closest to.
    const proof = { ...proofOf(person, device, input), amr: ['otp'], claim };
    const completed = await complete(caller, proof, person.has_factor, input.device?.token);
    trail.committed();
    return completed ?? refusal;
  };

  return async (caller: Caller, input: MagicLinkLoginInput): Promise<MagicLinkLoginOutcome> => {
    const limitKey = `magic link:${caller.network}`;
    const { allowed, retryAfterSeconds } = await limiter.take(limitKey, config.RATE_LIMIT_LOGIN);
    if (!allowed) return { kind: 'TooManyAttempts', retryAfterSeconds };
    let failed = false;
    try {
      const outcome = await attempt(caller, input);
      failed = outcome.kind === 'TokenInvalid' || outcome.kind === 'CodeInvalid';
      return outcome;
    } finally {
      if (!failed) await limiter.giveBack(limitKey);
    }
  };
};
