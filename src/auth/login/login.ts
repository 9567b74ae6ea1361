/** Sign-in by password: a row of small checks, each of which may end it. An unknown address and a wrong password are one answer, after the same work. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Clock, Database, Hasher, Limiter, Rate } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import type { MfaRequired } from '../mfa/due.ts';
import type { Refused } from '../outcome.ts';
import { normalisePassword } from '../passwords/model.ts';
import type { DeviceInput } from '../sessions/device.ts';
import { type Lockouts, lockoutKeys } from '../throttle/index.ts';
import { emailKey } from '../users/model.ts';
import type { Complete } from './complete.ts';
import type { SignedIn } from './model.ts';
import { type Proof, proofOf } from './proof.ts';
import type { SignIn } from './sign-in.ts';
import { attemptLogin, type Candidate, renewHash } from './store.ts';

export type LoginInput = {
  email: string;
  password: string;
  persistent?: boolean | null;
  device?: DeviceInput | null;
  delivery?: string | null;
  orgId?: string | null;
};
export type LoginOutcome =
  | SignedIn
  | MfaRequired
  | Refused<'InvalidCredentials' | 'AccountLocked' | 'AccountDeactivated' | 'EmailNotVerified' | 'NotFound' | 'TooManyAttempts'>;

export type LoginNeeds = {
  database: Database;
  clock: Clock;
  hasher: Hasher;
  limiter: Limiter;
  trail: AuditTrail;
  lockouts: Lockouts;
  signIn: SignIn;
  complete: Complete;
  pepper: Buffer;
  isMember(userId: string, orgId: string): Promise<boolean>;
  config: { LOCKOUT_ATTEMPTS: number; LOCKOUT_SECONDS: number; RATE_LIMIT_LOGIN: Rate };
};

/** How long an attempt waits for parallel ones on the same account to be settled; it looks ever less often, to spare the database in a storm. */
const waitMs = 3000;
const firstLookMs = 40;

export const login = (needs: LoginNeeds) => {
  const { database, clock, hasher, limiter, trail, lockouts, signIn, complete, config } = needs;

  const seconds = (until: Date) => Math.max(1, Math.ceil((until.getTime() - clock.now().getTime()) / 1000));

  /** Records a refusal that settles nothing; `account` stands for the address, known or not. */
  const refuse = async <K extends 'AccountLocked' | 'TooManyAttempts'>(
    caller: Caller,
    candidate: Candidate,
    account: Buffer,
    refusal: Refused<K>,
  ): Promise<Refused<K>> => {
    const data = { reason: refusal.kind, account: account.toString('hex') };
    const who = { actorId: null, subjectId: candidate.user_id, sessionId: null };
    await trail.write(database, [trail.fact(caller, { type: 'user.login_failed', outcome: 'FAILURE', data, ...who })]);
    trail.committed();
    return refusal;
  };

  /** Counts a wrong password (or a right one that may not sign in) with its fact, in one transaction. */
  const fail = async (
    caller: Caller,
    candidate: Candidate,
    account: Buffer,
    reason: 'InvalidCredentials' | 'EmailNotVerified' | 'AccountDeactivated' | 'NotFound',
  ): Promise<void> => {
    const who = { actorId: null, subjectId: candidate.user_id, sessionId: null };
    const data = { account: account.toString('hex') };
    await database.transaction(async (sql) => {
      const facts = [trail.fact(caller, { type: 'user.login_failed', outcome: 'FAILURE', data: { reason, ...data }, ...who })];
      const locked = reason === 'InvalidCredentials' && (await lockouts.fail(sql, candidate.key, account));
      if (reason !== 'InvalidCredentials') await lockouts.release(sql, candidate.key);
      if (locked) facts.push(trail.fact(caller, { type: 'user.locked', data: { seconds: config.LOCKOUT_SECONDS, ...data }, ...who }));
      await trail.write(sql, facts);
    });
    trail.committed();
  };

  return async (caller: Caller, input: LoginInput): Promise<LoginOutcome> => {
    // In a storm the surplus is turned away here, before it takes a connection from those who are signed in; the same for every address.
    hasher.admit(caller.network);
    const key = emailKey(input.email);
    const { device, key: deviceKey } = signIn.device(caller, input.device);
    const keys = lockoutKeys(needs.pepper, key, caller.network, device.fingerprint);
    const limits = { limit: config.LOCKOUT_ATTEMPTS, seconds: config.LOCKOUT_SECONDS };
    const reserve = () => attemptLogin(database, { emailKey: key, deviceKey, keys, ...limits, now: clock.now(), country: device.country });

    let candidate = await reserve();
    // The places are taken by attempts that are being looked at: honest parallel sign-ins wait for each other instead of failing.
    for (let waited = 0, look = firstLookMs; !candidate.reserved && !candidate.locked_until && waited < waitMs; look *= 1.5) {
      await pause(look);
      waited += look;
      candidate = await reserve();
    }
    if (!candidate.reserved) {
      if (!candidate.locked_until) return refuse(caller, candidate, keys.account, { kind: 'TooManyAttempts', retryAfterSeconds: 1 });
      return refuse(caller, candidate, keys.account, { kind: 'AccountLocked', retryAfterSeconds: seconds(candidate.locked_until) });
    }

    const onKnownDevice = keys.device !== null && candidate.key.equals(keys.device);
    const limitKey = `login:${caller.network}`;
    if (!onKnownDevice) {
      const { allowed, retryAfterSeconds } = await limiter.take(limitKey, config.RATE_LIMIT_LOGIN);
      if (!allowed) {
        await lockouts.release(database, candidate.key);
        return refuse(caller, candidate, keys.account, { kind: 'TooManyAttempts', retryAfterSeconds });
      }
    }

    const password = normalisePassword(input.password);
    let right: boolean;
    try {
      right = candidate.hash
        ? await hasher.verify(candidate.hash, password, caller.network)
        : await hasher.verifyNothing(password, caller.network);
    } catch (error) {
      await lockouts.release(database, candidate.key);
      if (!onKnownDevice) await limiter.giveBack(limitKey);
      throw error;
    }
    const { user_id: userId, status, hash } = candidate;
    if (!right || !userId || status === 'DELETED') {
      await fail(caller, candidate, keys.account, 'InvalidCredentials');
      return { kind: 'InvalidCredentials' };
    }
    // The address proved honest: the limit counts failures.
    if (!onKnownDevice) await limiter.giveBack(limitKey);
    if (status === 'PENDING_VERIFICATION' || status === 'DEACTIVATED') {
      const kind = status === 'DEACTIVATED' ? 'AccountDeactivated' : 'EmailNotVerified';
      await fail(caller, candidate, keys.account, kind);
      return { kind };
    }

    // Told to none but who knows the password: absent and not one's own are one answer.
    if (input.orgId && !(await needs.isMember(userId, input.orgId.toLowerCase()))) {
      await fail(caller, candidate, keys.account, 'NotFound');
      return { kind: 'NotFound' };
    }

    // Where hashing is at capacity a renewal waits for the next sign-in.
    const newHash = hash && hasher.outdated(hash) ? await hasher.hash(password, caller.network).catch(() => null) : null;
    const proof: Proof = {
      ...proofOf({ ...candidate, user_id: userId }, device, input),
      amr: ['pwd'],
      passwordSetAt: candidate.password_set_at,
      verifiedHash: hash,
      newHash,
      lockoutKey: candidate.key,
      settle: async (sql) => {
        await lockouts.clear(sql, [candidate.key]);
        if (!newHash || !hash || !(await renewHash(sql, userId, hash, newHash))) return;
        await trail.write(sql, [trail.fact(caller, { type: 'password.rehashed', data: {}, actorId: userId, subjectId: userId })]);
      },
    };
    const completed = await complete(caller, proof, candidate.has_factor, input.device?.token).catch(async (fault) => {
      await lockouts.release(database, candidate.key).catch(() => {});
      throw fault;
    });
    if (completed) return completed;
    await fail(caller, candidate, keys.account, 'InvalidCredentials');
    return { kind: 'InvalidCredentials' };
  };
};
