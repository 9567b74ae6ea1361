/** The way back from a provider: uses the state up, has the provider say who it is, and signs him in or links. */
import type { Clock, Database, IdentityProviders, Limiter, ProviderClaims, Rate } from '../../infra/ports.ts';
import type { FactData } from '../audit/model.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller, SignedInCaller } from '../caller.ts';
import { bindingOf } from '../mfa/due.ts';
import type { Refused } from '../outcome.ts';
import { tokenDigest } from '../tokens/one-time.ts';
import { findByEmail } from '../users/store.ts';
import { type Linked, type LinkNeeds, linkIdentity } from './link.ts';
import { type LogInInput, type LogInNeeds, type LogInOutcome, logInByIdentity } from './log-in.ts';
import { errorCode, personOf, secretsOf } from './model.ts';
import { takeState } from './states.ts';
import { findIdentity } from './store.ts';

export type CompleteOAuthNeeds = LogInNeeds &
  LinkNeeds & {
    database: Database;
    clock: Clock;
    limiter: Limiter;
    trail: AuditTrail;
    providers: IdentityProviders;
    pepper: Buffer;
    config: { RATE_LIMIT_LOGIN: Rate };
  };
export type CompleteOAuthInput = LogInInput & { provider: string; code: string; state: string; iss?: string | null; error?: string | null };
export type CompleteOAuthOutcome = LogInOutcome | Linked | Refused<'NotFound'>;

type Failure = Exclude<CompleteOAuthOutcome, { kind: 'SignedIn' | 'MfaRequired' | 'NotFound' }>;
type Failed = FactData['identity.login_failed']['reason'];

/** What counts against a network: what can be a guess. Not that somebody thought better of it, nor what the provider or the operator did wrong. */
const counts = (outcome: CompleteOAuthOutcome): boolean =>
  outcome.kind === 'TokenInvalid' || (outcome.kind === 'OAuthFailed' && ['invalid_grant', 'invalid_request'].includes(outcome.error));

export const completeOAuth = (needs: CompleteOAuthNeeds) => {
  const { database, clock, limiter, trail, providers, pepper, config } = needs;
  const logIn = logInByIdentity(needs);
  const link = linkIdentity(needs);

  /** Who a state that was begun signed in is compared with: nobody whose factor is due, who acts as somebody else, or who is a key. */
  const selfOf = ({ identity }: Caller) =>
    identity && !identity.restricted && !identity.impersonatorId && !identity.apiKeyId ? identity : null;

  const record = async (caller: Caller, provider: string, linking: boolean, failure: Failure, subjectId: string | null) => {
    const error = failure.kind === 'OAuthFailed' ? failure.error : null;
    const data = { provider, reason: failure.kind as Failed, error };
    const fact = linking
      ? ({ type: 'identity.link_failed', outcome: 'FAILURE', data } as const)
      : ({ type: 'identity.login_failed', outcome: 'FAILURE', data, actorId: null, subjectId, sessionId: null } as const);
    await trail.write(database, [trail.fact(caller, fact)]);
    trail.committed();
    return failure;
  };

  /** Whose identity it is, or else whose address: the account that a failure is told to. */
  const concerned = async (claims: ProviderClaims): Promise<string | null> => {
    const known = await findIdentity(database, claims.issuer, claims.subject);
    const person = known ? null : personOf(claims);
    return known?.userId ?? (person && (await findByEmail(database, person.key))?.id) ?? null;
  };

  /** `known`: called once the state was right, so that nobody waits for the provider in a place that others of the network need. */
  const attempt = async (caller: Caller, input: CompleteOAuthInput, known: () => Promise<void>): Promise<CompleteOAuthOutcome> => {
    const provider = providers.get(input.provider);
    if (!provider) return { kind: 'NotFound' };
    const given = { stateHash: tokenDigest(input.state), provider: provider.id, binding: bindingOf(pepper, caller), by: selfOf(caller) };
    const state = await takeState(database, given, clock.now());
    if (!state) return record(caller, provider.id, false, { kind: 'TokenInvalid' }, null);
    await known();
    const linking = state.userId !== null;
    const fail = (failure: Failure, subjectId: string | null = null) => record(caller, provider.id, linking, failure, subjectId);
    if (input.error) return fail({ kind: 'OAuthFailed', error: errorCode(input.error) });
    const request = { redirectUri: state.redirectUri, state: input.state, ...secretsOf(pepper, input.state) };
    const answer = await provider.exchange(request, { code: input.code, issuer: input.iss ?? null });
    if (answer.kind === 'Failed') return fail({ kind: 'OAuthFailed', error: answer.error });
    const { claims } = answer;
    if (linking) return link(caller as SignedInCaller, provider, claims);
    const outcome = await logIn(caller, input, provider.id, claims);
    if (outcome.kind === 'SignedIn' || outcome.kind === 'MfaRequired') return outcome;
    return fail(outcome, await concerned(claims));
  };

  return async (caller: Caller, input: CompleteOAuthInput): Promise<CompleteOAuthOutcome> => {
    const limitKey = `oauth back:${caller.network}`;
    const { allowed, retryAfterSeconds } = await limiter.take(limitKey, config.RATE_LIMIT_LOGIN);
    if (!allowed) return { kind: 'TooManyAttempts', retryAfterSeconds };
    let held = true;
    const giveBack = async () => {
      if (held) await limiter.giveBack(limitKey);
      held = false;
    };
    try {
      const outcome = await attempt(caller, input, giveBack);
      if (!counts(outcome)) await giveBack();
      else if (!held) await limiter.take(limitKey, config.RATE_LIMIT_LOGIN);
      return outcome;
    } catch (fault) {
      await giveBack();
      throw fault;
    }
  };
};
