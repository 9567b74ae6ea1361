/**
 * A provider of OpenID Connect over openid-client: the code flow with PKCE (RFC 7636), state and nonce. The library checks the ID token (OpenID
 * Connect Core §3.1.3.7): signature by the provider's JWKS, `iss`, `aud`, `azp`, `exp`, `nonce`. No token is kept.
 */
import {
  type AuthorizationCodeGrantChecks,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type ClientAuth,
  ClientSecretPost,
  Configuration,
  calculatePKCECodeChallenge,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  ResponseBodyError,
} from 'openid-client';
import type { ProviderConfig } from '../../config/oauth.ts';
import { type IdentityProvider, type Log, type ProviderClaims, Unavailable } from '../ports.ts';
import { awayIn, createProviderFetch } from './fetch.ts';

const freshMs = 3_600_000;
/** How long what was discovered before goes on while it cannot be discovered anew. */
const againMs = 60_000;
/** All requests of one step of the library together. */
const mostSeconds = 60;
const longestCode = 4096;

type Told = { sub: string; email?: unknown; email_verified?: unknown; name?: unknown; locale?: unknown };
const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
/** Apple says it as a text. */
const isTrue = (value: unknown): boolean => value === true || value === 'true';
/** OpenID Connect Core §2: at most 255 ASCII characters. */
const isSubject = (subject: string): boolean => /^[\x20-\x7e]{1,255}$/.test(subject);
const isCode = (code: unknown): code is string => typeof code === 'string' && /^[a-z_]{1,50}$/.test(code);

/** RFC 6749 §2.3.1 and Appendix B. The library's escapes what need not be, such as a hyphen, and not every provider takes that back. */
const basicBy =
  (secret: string): ClientAuth =>
  (_server, { client_id: id }, _body, headers) => {
    const form = (part: string): string => new URLSearchParams([['', part]]).toString().slice(1);
    headers.set('authorization', `Basic ${Buffer.from(`${form(id)}:${form(secret)}`).toString('base64')}`);
  };

/** What is told and logged of a fault: a code, since messages may quote what was sent. */
const errorOf = (fault: unknown): { error: string; detail: string } => {
  const away = awayIn(fault);
  if (away) return { error: 'temporarily_unavailable', detail: away.code };
  if (fault instanceof ResponseBodyError && isCode(fault.error)) return { error: fault.error, detail: fault.error };
  const { code, name } = fault as { code?: unknown; name?: unknown };
  return { error: 'server_error', detail: String(code ?? name) };
};

/** `several`: there are other providers too, so that an answer may be mixed up with another one's (RFC 9700 §4.4). */
export const createProvider = (settings: ProviderConfig, { timeoutMs, several }: { timeoutMs: number; several: boolean }, log: Log) => {
  const { id, name, clientId, clientSecret, scopes } = settings;
  const insecure = settings.issuer.startsWith('http://');
  const ask = createProviderFetch({ timeoutMs });
  let known: { configuration: Configuration; until: number } | null = null;
  let pending: Promise<Configuration> | null = null;

  const discover = async (): Promise<Configuration> => {
    const execute = insecure ? [allowInsecureRequests] : [];
    const found = await discovery(new URL(settings.issuer), clientId, undefined, undefined, {
      execute,
      timeout: mostSeconds,
      [customFetch]: ask,
    });
    const metadata = found.serverMetadata();
    // OpenID Connect Discovery §3: client_secret_basic where nothing is said.
    const posts = metadata.token_endpoint_auth_methods_supported?.includes('client_secret_post') ?? false;
    const by = posts ? ClientSecretPost(clientSecret) : basicBy(clientSecret);
    const configuration = new Configuration(metadata, clientId, undefined, by);
    configuration[customFetch] = ask;
    configuration.timeout = mostSeconds;
    // The library would believe TLS alone.
    enableNonRepudiationChecks(configuration);
    if (insecure) allowInsecureRequests(configuration);
    return configuration;
  };
  /** As it was discovered within the hour; older where it cannot be discovered anew. */
  const configured = async (): Promise<Configuration> => {
    if (known && performance.now() < known.until) return known.configuration;
    pending ??= discover().finally(() => {
      pending = null;
    });
    try {
      known = { configuration: await pending, until: performance.now() + freshMs };
    } catch (fault) {
      if (!known) throw fault;
      known = { ...known, until: performance.now() + againMs };
    }
    return known.configuration;
  };

  /** The address from the ID token; from the userinfo of the same subject where that has none. */
  const addressOf = async (
    configuration: Configuration,
    claims: Told,
    accessToken: string,
  ): Promise<Pick<Told, 'email' | 'email_verified'>> => {
    if (text(claims.email) || !configuration.serverMetadata().userinfo_endpoint) return claims;
    return fetchUserInfo(configuration, accessToken, claims.sub);
  };

  const provider: IdentityProvider = {
    id,
    name,
    issuer: settings.issuer,
    authorizationUrl: async ({ redirectUri, state, nonce, codeVerifier }, { reauthenticate }) => {
      try {
        const url = buildAuthorizationUrl(await configured(), {
          redirect_uri: redirectUri,
          scope: scopes.join(' '),
          state,
          nonce,
          code_challenge: await calculatePKCECodeChallenge(codeVerifier),
          code_challenge_method: 'S256',
          // With max_age a provider has to tell when he proved himself (OpenID Connect Core §3.1.2.1).
          ...(reauthenticate && { prompt: 'login', max_age: '0' }),
        });
        return url.href;
      } catch (fault) {
        const { detail } = errorOf(fault);
        log.warn({ provider: id, reason: detail }, 'a provider could not be asked');
        throw new Unavailable('the provider does not answer', 5, detail);
      }
    },
    exchange: async ({ redirectUri, state, nonce, codeVerifier }, { code, issuer }) => {
      if (code === '' || code.length > longestCode) return { kind: 'Failed', error: 'invalid_request' };
      try {
        const configuration = await configured();
        const metadata = configuration.serverMetadata();
        const back = new URL(redirectUri);
        // RFC 9207 §2.4. Where there is one provider nothing can be mixed up, and a client that does not hand `iss` on is taken as it is.
        const came = issuer ?? (several ? null : metadata.issuer);
        for (const [key, value] of Object.entries({ code, state, iss: came })) if (value !== null) back.searchParams.set(key, value);
        const checks: AuthorizationCodeGrantChecks = {
          pkceCodeVerifier: codeVerifier,
          expectedState: state,
          expectedNonce: nonce,
          idTokenExpected: true,
        };
        const tokens = await authorizationCodeGrant(configuration, back, checks);
        const claims = tokens.claims();
        if (!claims || !isSubject(claims.sub)) return { kind: 'Failed', error: 'server_error' };
        const { email, email_verified: verified } = await addressOf(configuration, claims, tokens.access_token);
        const { auth_time: at } = claims;
        const told: ProviderClaims = {
          issuer: claims.iss,
          subject: claims.sub,
          email: text(email),
          emailVerified: isTrue(verified),
          name: text(claims['name']),
          locale: text(claims['locale']),
          authenticatedAt: typeof at === 'number' ? new Date(at * 1000) : null,
        };
        return { kind: 'Proved', claims: told };
      } catch (fault) {
        const { error, detail } = errorOf(fault);
        log.warn({ provider: id, error, reason: detail }, 'a sign-in with a provider failed');
        return { kind: 'Failed', error };
      }
    },
  };
  return provider;
};
