/** Sign-in by a passkey: the authenticator names its user and has verified them, so that one answer is both factors. No address is asked for, and none told. */
import type { Clock, Database, Limiter, Random, Rate } from '../../infra/ports.ts';
import { rateLimited } from '../access/denial.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import { failChallenge, findChallenge, insertChallenge, lockChallenge, useChallenge } from '../mfa/challenges.ts';
import { bindingOf } from '../mfa/due.ts';
import { challengeSeconds, type UsableConfig } from '../mfa/model.ts';
import { findByCredential } from '../mfa/store.ts';
import { namedBy, type Webauthn } from '../mfa/webauthn.ts';
import type { Refused } from '../outcome.ts';
import { lockActive } from '../passwords/store.ts';
import type { DeviceInput } from '../sessions/device.ts';
import { tokenDigest } from '../tokens/one-time.ts';
import type { SignedIn } from './model.ts';
import { proofOf } from './proof.ts';
import type { SignIn } from './sign-in.ts';
import { findPerson } from './store.ts';

export type PasskeyNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  limiter: Limiter;
  trail: AuditTrail;
  webauthn: Webauthn;
  signIn: SignIn;
  pepper: Buffer;
  config: UsableConfig;
};
export type PasskeyOptions = { readonly challengeToken: string; readonly options: object };
export type PasskeyLoginInput = {
  challengeToken: string;
  credential?: unknown;
  persistent?: boolean | null;
  device?: DeviceInput | null;
  delivery?: string | null;
};
export type PasskeyLoginOutcome = SignedIn | Refused<'TokenInvalid' | 'InvalidCredentials' | 'AccountDeactivated'>;

/** Each asks for a row that lives for minutes. */
const optionsOfNetwork: Rate = { limit: 60, seconds: 60 };

/** The same for everybody, whatever address comes with it: discoverable credentials need none. Throws the denial RATE_LIMITED. */
export const passkeyOptions =
  ({ database, clock, random, limiter, webauthn, pepper }: PasskeyNeeds) =>
  async (caller: Caller): Promise<PasskeyOptions> => {
    const { allowed, retryAfterSeconds } = await limiter.take(`passkey:${caller.network}`, optionsOfNetwork);
    if (!allowed) throw rateLimited(retryAfterSeconds);
    const [token, challenge, at] = [random.bytes(32).toString('base64url'), webauthn.newChallenge(), clock.now()];
    await insertChallenge(database, {
      id: random.uuid(at),
      purpose: 'passkey',
      tokenHash: tokenDigest(token),
      userId: null,
      sessionId: null,
      binding: bindingOf(pepper, caller),
      proof: {},
      challenge,
      at,
      expiresAt: new Date(at.getTime() + challengeSeconds * 1000),
    });
    return { challengeToken: token, options: await webauthn.requestOptions(challenge, null) };
  };

export const loginWithPasskey = (needs: PasskeyNeeds) => {
  const { database, clock, trail, webauthn, signIn, pepper, config } = needs;

  const refuse = async (caller: Caller, challengeId: string, userId: string | null): Promise<PasskeyLoginOutcome> => {
    const fact = { type: 'user.passkey_failed', outcome: 'FAILURE', data: { reason: 'InvalidCredentials' } } as const;
    await database.transaction(async (sql) => {
      await failChallenge(sql, challengeId);
      await trail.write(sql, [trail.fact(caller, { ...fact, actorId: null, subjectId: userId, sessionId: null })]);
    });
    trail.committed();
    return { kind: 'InvalidCredentials' };
  };

  return async (caller: Caller, input: PasskeyLoginInput): Promise<PasskeyLoginOutcome> => {
    const challenge = await findChallenge(database, tokenDigest(input.challengeToken), 'passkey', bindingOf(pepper, caller), clock.now());
    if (!challenge) return { kind: 'TokenInvalid' };
    const named = namedBy(input.credential);
    const row = named && config.MFA_TYPES.includes('WEBAUTHN') ? await findByCredential(database, named.credentialId) : undefined;
    const claim = row && (await webauthn.judgePasskey(row, challenge, input.credential));
    const { device, key } = signIn.device(caller, input.device);
    const person = row && claim ? await findPerson(database, row.user_id, key, device.country) : undefined;
    if (!claim || !person) return refuse(caller, challenge.id, row?.user_id ?? null);
    if (person.status === 'DEACTIVATED') return { kind: 'AccountDeactivated' };
    let spent = false;
    const signedIn = await signIn.open(caller, {
      ...proofOf(person, device, input),
      amr: ['hwk', 'mfa'],
      claim: async (sql) => {
        if (!(await lockActive(sql, person.user_id))) return false;
        spent = !(await lockChallenge(sql, challenge.id, clock.now()));
        if (spent || !(await claim.take(sql))) return false;
        await useChallenge(sql, challenge.id, clock.now());
        return true;
      },
    });
    if (signedIn) return signedIn;
    return spent ? { kind: 'TokenInvalid' } : refuse(caller, challenge.id, person.user_id);
  };
};
