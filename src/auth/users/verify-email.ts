/** Proves an address, by the mailed link's token or by the address and the mailed code, and makes the account active. */
import type { Clock, Database, Limiter, Random, Rate, Sql } from '../../infra/ports.ts';
import type { Bootstrap } from '../access/bootstrap.ts';
import { badRequest } from '../access/denial.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { inEvenTime } from '../throttle/index.ts';
import type { OneTimeTokens, UsedToken } from '../tokens/one-time.ts';
import { accountDigest, emailKey, type UserOutcome } from './model.ts';
import {
  activateAccount,
  dropPassword,
  findByEmail,
  forgetRegistrations,
  isDisputed,
  isUsernameConflict,
  lockUnverified,
} from './store.ts';

export type VerifyEmailNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  limiter: Limiter;
  trail: AuditTrail;
  oneTime: OneTimeTokens;
  bootstrap: Bootstrap;
  /** Mails a link by which a password is chosen. */
  mailReset(caller: Caller, input: { email: string }): Promise<unknown>;
  pepper: Buffer;
  config: { RATE_LIMIT_LOGIN: Rate; BOOTSTRAP_ADMIN_EMAIL?: string | undefined };
};
export type VerifyEmailInput = { token?: string | null; email?: string | null; code?: string | null };
export type VerifyEmailOutcome = UserOutcome | Refused<'TokenInvalid' | 'CodeInvalid' | 'TooManyAttempts'>;

type Proof = { token: string } | { userId: string; code: string; account: string; known: boolean };

/** Wrong codes of one address, from all networks together: new codes can be had, a day's guesses cannot. */
const guessesOfCodes: Rate = { limit: 15, seconds: 86_400 };

/** `resetFor`: the address of an account whose registrations chose different passwords, of which none became its own. */
type Verified = { userId: string; resetFor: string | null };

export const verifyEmail = (needs: VerifyEmailNeeds) => {
  const { database, clock, trail, oneTime, config } = needs;
  const adminKey = config.BOOTSTRAP_ADMIN_EMAIL === undefined ? null : emailKey(config.BOOTSTRAP_ADMIN_EMAIL);

  const use = (sql: Sql, proof: Proof): Promise<UsedToken | null> =>
    'token' in proof ? oneTime.use(sql, 'verify_email', proof.token) : oneTime.useCode(sql, 'verify_email', proof.userId, proof.code);

  /** Recorded like a wrong password; what it says of an address is a digest. */
  const fail = async (sql: Sql, caller: Caller, proof: Proof): Promise<null> => {
    const [by, account, subjectId] =
      'token' in proof ? (['link', null, null] as const) : (['code', proof.account, proof.known ? proof.userId : null] as const);
    const fact = { type: 'user.verification_failed', outcome: 'FAILURE', data: { by, account }, actorId: null, subjectId } as const;
    await trail.write(sql, [trail.fact(caller, fact)]);
    return null;
  };

  /** Who is now active, or null. What it returns is committed: a wrong code has cost one of its attempts. */
  const activate = async (sql: Sql, caller: Caller, proof: Proof, withUsername: boolean): Promise<Verified | null> => {
    const waits = await lockUnverified(sql, proof);
    const used = await use(sql, proof);
    if (!waits || !used) return fail(sql, caller, proof);
    const { userId, data } = used;
    const disputed = await isDisputed(sql, userId);
    const account = await activateAccount(sql, userId, clock.now(), withUsername ? data : { ...data, username: null, usernameKey: null });
    if (!account) return fail(sql, caller, proof);
    if (disputed) await dropPassword(sql, userId);
    await oneTime.endAll(sql, 'verify_email', userId);
    await forgetRegistrations(sql, userId);
    const by = 'token' in proof ? 'link' : 'code';
    await trail.write(sql, [trail.fact(caller, { type: 'user.verified', data: { by }, actorId: userId })]);
    if (account.email_key === adminKey) await needs.bootstrap.promote(sql, caller, userId);
    return { userId, resetFor: disputed ? account.email : null };
  };

  const verify = async (caller: Caller, proof: Proof): Promise<Verified | null> => {
    const attempt = (withUsername: boolean) => database.transaction((sql) => activate(sql, caller, proof, withUsername));
    try {
      return await attempt(true);
    } catch (error) {
      // Another user took the username in this very moment: the address is proved all the same.
      if (!isUsernameConflict(error)) throw error;
      return attempt(false);
    }
  };

  const proofOf = async ({ token, email, code }: VerifyEmailInput): Promise<Proof> => {
    if (token != null && email == null && code == null) return { token };
    if (token != null || email == null || code == null) throw badRequest('Give either the token of the link, or the email and the code.');
    // For an unknown address the same statements run, on nobody.
    const key = emailKey(email);
    const user = await findByEmail(database, key);
    const account = accountDigest(needs.pepper, key);
    return { userId: user?.id ?? needs.random.uuid(clock.now()), code: code.replaceAll(/\s/g, ''), account, known: user !== undefined };
  };

  return async (caller: Caller, input: VerifyEmailInput): Promise<VerifyEmailOutcome> => {
    const proof = await proofOf(input);
    const limitKey = `verify:${caller.network}`;
    const { allowed, retryAfterSeconds } = await needs.limiter.take(limitKey, config.RATE_LIMIT_LOGIN);
    if (!allowed) return { kind: 'TooManyAttempts', retryAfterSeconds };
    if ('account' in proof) {
      const guess = await needs.limiter.take(`code:${proof.account}`, guessesOfCodes);
      if (!guess.allowed) return { kind: 'TooManyAttempts', retryAfterSeconds: guess.retryAfterSeconds };
    }
    let failed = false;
    try {
      // A wrong code of a pending account costs a write that one of nobody's does not.
      const verified = await ('token' in proof ? verify(caller, proof) : inEvenTime(() => verify(caller, proof)));
      failed = verified === null;
      trail.committed();
      if (verified === null) return 'token' in proof ? { kind: 'TokenInvalid' } : { kind: 'CodeInvalid', attemptsLeft: null };
      // Who reads this mailbox is proved; which of the passwords is theirs is not: they choose one by a mail of its own.
      if (verified.resetFor) await needs.mailReset(caller, { email: verified.resetFor });
      return { kind: 'User', id: verified.userId };
    } finally {
      if (!failed) await needs.limiter.giveBack(limitKey);
      if (!failed && 'account' in proof) await needs.limiter.giveBack(`code:${proof.account}`);
    }
  };
};
