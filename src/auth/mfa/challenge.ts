/** Asking for a factor: sends the code, or gives what the authenticator has to sign. For a sign-in by its challenge token, for a step-up by the session. */
import type { Clock, Database, Limiter, Random, Rate } from '../../infra/ports.ts';
import { forbidden, unauthenticated } from '../access/denial.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import { unpackProof } from '../login/proof.ts';
import type { Refused } from '../outcome.ts';
import { findSession } from '../sessions/store.ts';
import { tokenDigest } from '../tokens/one-time.ts';
import { type ChallengeRow, findChallenge, insertChallenge, setCode, setWebauthnChallenge } from './challenges.ts';
import { bindingOf } from './due.ts';
import type { Factors } from './factors.ts';
import { challengeSeconds, type MfaType, type UsableConfig, usableTypes } from './model.ts';
import { requireInPerson } from './step-up.ts';
import { findOwner, type Owner } from './store.ts';

export type ChallengeNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  limiter: Limiter;
  trail: AuditTrail;
  factors: Factors;
  pepper: Buffer;
  config: UsableConfig & { RATE_LIMIT_RESET: Rate };
};
export type ChallengeMfaInput = { challengeToken?: string | null; type: MfaType };
export type MfaChallenge = {
  readonly kind: 'MfaChallenge';
  readonly type: MfaType;
  readonly sentTo: string | null;
  readonly webauthnOptions: object | null;
  readonly expiresIn: number;
};
export type ChallengeMfaOutcome = MfaChallenge | Refused<'TokenInvalid' | 'MfaNotEnabled' | 'TooManyAttempts'>;

/** What counts codes that are sent to one user: a sign-in, a step-up and a setup together. */
export const codeLimitKey = (userId: string): string => `mfa code:${userId}`;

type Asked = { challenge: Pick<ChallengeRow, 'id' | 'expires_at'>; owner: Owner; types: MfaType[]; sessionId: string | null };

export const challengeMfa = (needs: ChallengeNeeds) => {
  const { database, clock, random, limiter, trail, factors, pepper, config } = needs;

  const ofSignIn = async (caller: Caller, token: string): Promise<Asked | null> => {
    const challenge = await findChallenge(database, tokenDigest(token), 'login', bindingOf(pepper, caller), clock.now());
    const owner = challenge?.user_id ? await findOwner(database, challenge.user_id) : undefined;
    if (!challenge || !owner) return null;
    return { challenge, owner, types: usableTypes(owner, config, unpackProof(owner.userId, challenge.proof).amr), sessionId: null };
  };
  const ofStepUp = async (caller: Caller, type: MfaType): Promise<Asked | null> => {
    if (!caller.identity) throw caller.client ? forbidden() : unauthenticated();
    requireInPerson(caller.identity);
    const { userId, sessionId } = caller.identity;
    const [owner, session] = await Promise.all([findOwner(database, userId), findSession(database, sessionId)]);
    if (!owner || !session) return null;
    const at = clock.now();
    const [id, expiresAt] = [random.uuid(at), new Date(at.getTime() + challengeSeconds * 1000)];
    const row = {
      id,
      purpose: 'step_up' as const,
      tokenHash: null,
      userId,
      sessionId,
      binding: null,
      proof: {},
      challenge: null,
      at,
      expiresAt,
    };
    const types = usableTypes(owner, config, session.amr);
    if (types.includes(type)) await insertChallenge(database, row);
    return { challenge: { id, expires_at: expiresAt }, owner, types, sessionId };
  };

  const told = ({ challenge }: Asked, type: MfaType, more: Partial<MfaChallenge> = {}): MfaChallenge => {
    const expiresIn = Math.max(0, Math.floor((challenge.expires_at.getTime() - clock.now().getTime()) / 1000));
    return { kind: 'MfaChallenge', type, sentTo: null, webauthnOptions: null, expiresIn, ...more };
  };

  const send = async (caller: Caller, asked: Asked, type: 'EMAIL' | 'SMS'): Promise<ChallengeMfaOutcome> => {
    const { challenge, owner, sessionId } = asked;
    const place = await limiter.take(codeLimitKey(owner.userId), config.RATE_LIMIT_RESET);
    if (!place.allowed) return { kind: 'TooManyAttempts', retryAfterSeconds: place.retryAfterSeconds };
    const phone = owner.methods.find((method) => method.type === 'SMS')?.phone ?? null;
    const code = await factors.codes.make(challenge.id, type, owner, phone);
    if (!code) return { kind: 'MfaNotEnabled' };
    const sent = await database.transaction(async (sql) => {
      if (!(await setCode(sql, challenge.id, type, code.hash, code.expiresAt))) return false;
      await code.queue(sql);
      const who = { actorId: null, subjectId: owner.userId, sessionId };
      await trail.write(sql, [trail.fact(caller, { type: 'mfa.code_sent', data: { method: type }, ...who })]);
      return true;
    });
    if (!sent) return { kind: 'TokenInvalid' };
    trail.committed();
    return told(asked, type, { sentTo: code.sentTo });
  };

  return async (caller: Caller, { challengeToken, type }: ChallengeMfaInput): Promise<ChallengeMfaOutcome> => {
    const asked = challengeToken ? await ofSignIn(caller, challengeToken) : await ofStepUp(caller, type);
    if (!asked) return { kind: 'TokenInvalid' };
    if (!asked.types.includes(type)) return { kind: 'MfaNotEnabled' };
    if (type === 'EMAIL' || type === 'SMS') return send(caller, asked, type);
    if (type !== 'WEBAUTHN') return told(asked, type);
    const challenge = factors.webauthn.newChallenge();
    await setWebauthnChallenge(database, asked.challenge.id, challenge);
    return told(asked, type, { webauthnOptions: await factors.webauthn.requestOptions(challenge, asked.owner) });
  };
};
