/**
 * Registration: the same answer, in the same time, for a free and a taken address; the mail says which. Only an account whose address
 * is proved has a username: a pending one that held it would tell, by a second registration, whether the first one's address was free.
 */
import type { Breaches, Clock, Database, Hasher, Limiter, Random, Rate } from '../../infra/ports.ts';
import { Unavailable } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import type { Letter } from '../letters/model.ts';
import type { Post } from '../letters/post.ts';
import type { Refused } from '../outcome.ts';
import { checkBreaches, checkPolicy } from '../passwords/check.ts';
import { normalisePassword, type PolicyConfig } from '../passwords/model.ts';
import { resetPage } from '../passwords/request-reset.ts';
import { inEvenTime } from '../throttle/index.ts';
import type { OneTimeTokens } from '../tokens/one-time.ts';
import { accountDigest, emailKey, parseEmail, usernameKey } from './model.ts';
import { checkProfile } from './profile.ts';
import { issueVerification, type Registration, type VerifyLinkConfig } from './registration.ts';
import { findByEmail, findPendingHash, isUsernameHeld, registerAccount } from './store.ts';

export type RegisterNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  hasher: Hasher;
  limiter: Limiter;
  breaches: Breaches;
  trail: AuditTrail;
  post: Post;
  oneTime: OneTimeTokens;
  pepper: Buffer;
  config: PolicyConfig & VerifyLinkConfig & { RATE_LIMIT_REGISTER: Rate; RATE_LIMIT_RESET: Rate; LINK_RESET_PASSWORD?: string | undefined };
};
export type RegisterInput = {
  email: string;
  password: string;
  username?: string | null;
  name?: string | null;
  timezone?: string | null;
  locale?: string | null;
};
export type RegisterOutcome =
  | { readonly kind: 'Registration'; readonly email: string; readonly status: 'PENDING_VERIFICATION' }
  | Refused<'WeakPassword' | 'BreachedPassword' | 'UsernameTaken' | 'InvalidInput' | 'TooManyAttempts'>;

/** An account can come or go between looking and writing; that it does so this often in a row is no longer chance. */
const mostTries = 5;

export const register = (needs: RegisterNeeds) => {
  const { database, clock, random, trail, oneTime, config } = needs;

  /** False where the account is not what it was when its letter was written, or has another password than `earlier` by now. */
  const attempt = async (
    caller: Caller,
    registration: Registration & { passwordHash: string },
    earlier: string | undefined,
    unchecked: boolean,
  ): Promise<boolean> => {
    const key = emailKey(registration.email);
    const at = clock.now();
    const known = await findByEmail(database, key);
    const userId = known?.id ?? random.uuid(at);
    const taken = known !== undefined && known.status !== 'PENDING_VERIFICATION';
    const to = { userId, email: registration.email, locale: registration.locale ?? null };
    const { token, letter } = issueVerification(oneTime, config, to, registration);
    const notice: Letter | null = taken
      ? { name: 'address-taken', to: known.email, locale: known.locale, data: { link: resetPage(config) } }
      : null;
    const queueLetter = await needs.post.prepare(notice ?? letter);
    return database.transaction(async (sql) => {
      const account = { id: userId, email: registration.email, key, at, hash: registration.passwordHash };
      const found = await registerAccount(sql, account);
      if (found?.id !== userId || (found.status !== 'PENDING_VERIFICATION') !== taken) return false;
      if (!taken && !found.made && (await findPendingHash(sql, key)) !== earlier) return false;
      if (!taken) await token.insert(sql);
      await queueLetter(sql);
      const who = { subjectId: userId, data: {} };
      const facts = [trail.fact(caller, { type: found.made ? 'user.registered' : 'user.registration_repeated', ...who })];
      if (unchecked) facts.push(trail.fact(caller, { type: 'password.breach_check_unavailable', ...who }));
      await trail.write(sql, facts);
      return true;
    });
  };

  /** Hashes and writes, again where the account came or went in between. */
  const record = async (caller: Caller, registration: Registration, password: string, unchecked: boolean): Promise<void> => {
    // Registering twice with one password is one person's doing, and stays one choice (see isDisputed). The same work for every address.
    const look = () => findPendingHash(database, emailKey(registration.email));
    const fresh = await needs.hasher.hash(password, caller.network);
    const choose = async (earlier: string | undefined): Promise<string> => {
      if (earlier) return (await needs.hasher.verify(earlier, password, caller.network)) ? earlier : fresh;
      await needs.hasher.verifyNothing(password, caller.network);
      return fresh;
    };
    let earlier = await look();
    let passwordHash = await choose(earlier);
    for (let tries = 0; tries < mostTries; tries += 1) {
      if (await attempt(caller, { ...registration, passwordHash }, earlier, unchecked)) return trail.committed();
      // Somebody else was first at this very moment: perhaps the same person, whose hand slipped.
      const now = await look();
      if (now !== earlier) [earlier, passwordHash] = [now, await choose(now)];
    }
    throw new Unavailable('the account is being changed elsewhere');
  };

  return async (caller: Caller, input: RegisterInput): Promise<RegisterOutcome> => {
    const email = parseEmail(input.email);
    if (!email) return { kind: 'InvalidInput', field: 'input.email', message: 'This is not an email address.' };
    const { username, name, timezone, locale } = input;
    const profile = checkProfile({ username, name, timezone, locale });
    if ('kind' in profile) return profile;
    const password = normalisePassword(input.password);
    const weak = checkPolicy(config, password, { email, username, name });
    if (weak) return weak;
    const usernameId = profile.username ? usernameKey(profile.username) : null;
    if (usernameId && (await isUsernameHeld(database, usernameId))) return { kind: 'UsernameTaken' };

    const limitKey = `register:${caller.network}`;
    const { allowed, retryAfterSeconds } = await needs.limiter.take(limitKey, config.RATE_LIMIT_REGISTER);
    if (!allowed) return { kind: 'TooManyAttempts', retryAfterSeconds };
    // Nobody's mailbox is filled from many networks; an unknown address has its limit like a known one.
    const toAddress = await needs.limiter.take(`register:${accountDigest(needs.pepper, emailKey(email))}`, config.RATE_LIMIT_RESET);
    if (!toAddress.allowed) return { kind: 'TooManyAttempts', retryAfterSeconds: toAddress.retryAfterSeconds };
    try {
      const { refused, unchecked } = await checkBreaches(needs.breaches, password);
      if (refused) return refused;
      // A free address costs two rows more than a taken one.
      await inEvenTime(() => record(caller, { ...profile, email, usernameKey: usernameId }, password, unchecked));
      return { kind: 'Registration', email: input.email, status: 'PENDING_VERIFICATION' };
    } catch (fault) {
      // What we could not do counts against nobody.
      await needs.limiter.giveBack(limitKey);
      throw fault;
    }
  };
};
