/** The way to a provider: a state that comes back once, within ten minutes, to the client that began it. Signed in it links, else it signs in. */
import type { Clock, Database, IdentityProviders, Limiter, Random, Rate } from '../../infra/ports.ts';
import { rateLimited } from '../access/denial.ts';
import type { Caller } from '../caller.ts';
import { bindingOf } from '../mfa/due.ts';
import type { Refused } from '../outcome.ts';
import { tokenDigest } from '../tokens/one-time.ts';
import { secretsOf, stateSeconds } from './model.ts';
import { insertState } from './states.ts';

export type StartNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  limiter: Limiter;
  providers: IdentityProviders;
  pepper: Buffer;
  config: { OAUTH_REDIRECT_URIS: readonly string[]; RATE_LIMIT_OAUTH: Rate };
};
export type StartOAuthInput = { provider: string; redirectUri: string; reauthenticate?: boolean | null };
export type StartOAuthOutcome =
  | { readonly kind: 'OAuthStart'; readonly authorizationUrl: string; readonly state: string }
  | Refused<'NotFound' | 'InvalidInput'>;

/** Throws the denial RATE_LIMITED, and `Unavailable` while the provider is away. Who may link is decided at the door. */
export const startOAuth = (needs: StartNeeds) => {
  const { database, clock, random, limiter, pepper, config } = needs;
  return async (caller: Caller, input: StartOAuthInput): Promise<StartOAuthOutcome> => {
    const provider = needs.providers.get(input.provider);
    if (!provider) return { kind: 'NotFound' };
    const { redirectUri } = input;
    // RFC 9700 §2.1: character by character, or whoever gets a page under the same name gets the code.
    if (!config.OAUTH_REDIRECT_URIS.includes(redirectUri))
      return { kind: 'InvalidInput', field: 'input.redirectUri', message: 'This page is not on the list of those to come back to.' };
    // Each asks for a row that lives for a day.
    const limitKey = `oauth:${caller.network}`;
    const { allowed, retryAfterSeconds } = await limiter.take(limitKey, config.RATE_LIMIT_OAUTH);
    if (!allowed) throw rateLimited(retryAfterSeconds);
    const state = random.bytes(32).toString('base64url');
    const request = { redirectUri, state, ...secretsOf(pepper, state) };
    const authorizationUrl = await provider
      .authorizationUrl(request, { reauthenticate: input.reauthenticate ?? false })
      .catch(async (fault: unknown) => {
        await limiter.giveBack(limitKey);
        throw fault;
      });
    const at = clock.now();
    await insertState(database, {
      id: random.uuid(at),
      stateHash: tokenDigest(state),
      provider: provider.id,
      redirectUri,
      binding: bindingOf(pepper, caller),
      userId: caller.identity?.userId ?? null,
      sessionId: caller.identity?.sessionId ?? null,
      at,
      expiresAt: new Date(at.getTime() + stateSeconds * 1000),
    });
    return { kind: 'OAuthStart', authorizationUrl, state };
  };
};
