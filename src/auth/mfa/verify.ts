/** The second factor of a sign-in. Whatever happens to parallel answers, a challenge, a code and a step are taken once. */
import type { Clock, Database, Random } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import type { SignedIn } from '../login/model.ts';
import { unpackProof } from '../login/proof.ts';
import type { SignIn } from '../login/sign-in.ts';
import type { Refused } from '../outcome.ts';
import { lockActive } from '../passwords/store.ts';
import { tokenDigest } from '../tokens/one-time.ts';
import type { Attempts } from './attempts.ts';
import { type ChallengeRow, failChallenge, findChallenge, lockChallenge, useChallenge } from './challenges.ts';
import { bindingOf } from './due.ts';
import type { Factors } from './factors.ts';
import { type MfaAnswer, type UsableConfig, usableTypes, withFactor } from './model.ts';
import { findOwner, type Owner } from './store.ts';
import type { TrustedDevices } from './trusted-devices.ts';

export type VerifyNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  trail: AuditTrail;
  factors: Factors;
  attempts: Attempts;
  trusted: TrustedDevices;
  signIn: SignIn;
  pepper: Buffer;
  config: UsableConfig;
};
export type VerifyMfaInput = MfaAnswer & { challengeToken: string; trustDevice?: boolean | null };
export type VerifyMfaOutcome = SignedIn | Refused<'CodeInvalid' | 'TokenInvalid' | 'AccountLocked' | 'TooManyAttempts'>;

export const verifyMfa = (needs: VerifyNeeds) => {
  const { database, clock, factors, attempts, trusted, signIn, trail, pepper, config } = needs;

  /** Signs in where the answer is right; says what it is not where it is not. */
  const finish = async (
    caller: Caller,
    input: VerifyMfaInput,
    challenge: ChallengeRow,
    owner: Owner,
    clear: Parameters<Attempts['clear']>[1],
  ): Promise<SignedIn | Refused<'TokenInvalid'> | null> => {
    const proof = unpackProof(owner.userId, challenge.proof);
    if (!usableTypes(owner, config, proof.amr).includes(input.type)) return null;
    const claim = await factors.judge(caller, owner, challenge, input);
    if (!claim) return null;
    let spent = false;
    const trust = input.trustDevice ? trusted.prepare(owner.userId, proof.device) : null;
    const signedIn = await signIn.open(caller, {
      ...proof,
      amr: withFactor(proof.amr, input.type),
      claim: async (sql) => {
        spent = !(await lockActive(sql, owner.userId)) || !(await lockChallenge(sql, challenge.id, clock.now()));
        if (spent || !(await claim.take(sql))) return false;
        // Right; should no session come of it, the password has changed meanwhile, and what was taken is given back.
        spent = true;
        await useChallenge(sql, challenge.id, clock.now());
        await attempts.clear(sql, clear);
        return true;
      },
      ...(trust && { also: (sql, sessionId) => trust.insert(sql, caller, sessionId) }),
    });
    if (signedIn) return trust ? { ...signedIn, deviceToken: trust.token } : signedIn;
    return spent ? { kind: 'TokenInvalid' } : null;
  };

  return async (caller: Caller, input: VerifyMfaInput): Promise<VerifyMfaOutcome> => {
    const challenge = await findChallenge(database, tokenDigest(input.challengeToken), 'login', bindingOf(pepper, caller), clock.now());
    const owner = challenge?.user_id ? await findOwner(database, challenge.user_id) : undefined;
    if (!challenge || !owner) return { kind: 'TokenInvalid' };
    const { userId } = owner;
    const { device, knownDevice } = unpackProof(userId, challenge.proof);
    const attempt = await attempts.reserve(caller, userId, {
      device: knownDevice ? device.fingerprint : null,
      type: input.type,
      purpose: 'login',
    });
    if (!('key' in attempt)) {
      const { lockedSeconds } = attempt;
      return lockedSeconds === null
        ? { kind: 'TooManyAttempts', retryAfterSeconds: 1 }
        : { kind: 'AccountLocked', retryAfterSeconds: lockedSeconds };
    }
    let outcome: Awaited<ReturnType<typeof finish>>;
    try {
      outcome = await finish(caller, input, challenge, owner, attempt);
    } catch (fault) {
      await attempts.release(attempt).catch(() => {});
      throw fault;
    }
    if (outcome?.kind === 'TokenInvalid') await attempts.release(attempt);
    else if (outcome) await attempts.settle(attempt);
    if (outcome) return outcome;
    const alarm = await attempts.prepareAlarm(caller, owner);
    const left = await database.transaction(async (sql) => {
      await lockActive(sql, userId);
      const attemptsLeft = await failChallenge(sql, challenge.id);
      await attempts.fail(sql, caller, attempt, { userId, sessionId: null, type: input.type, purpose: 'login', alarm });
      return attemptsLeft;
    });
    trail.committed();
    return { kind: 'CodeInvalid', attemptsLeft: left };
  };
};
