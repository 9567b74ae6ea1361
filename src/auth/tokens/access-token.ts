/** The access token: a JWT by RFC 9068, verified without a database by way of a cache of tokens verified before. */
import { LRUCache } from 'lru-cache';
import type { Clock, Random } from '../../infra/ports.ts';
import { unauthenticated } from '../access/denial.ts';
import type { Bearer, Client, Identity } from '../caller.ts';
import { isUuid } from '../paging.ts';
import { signJwt, verifyJwt } from './jwt.ts';
import type { KeyRing } from './keys.ts';

export const accessTokenType = 'at+jwt';
const longestToken = 8192;

export type AccessTokenNeeds = {
  keys: Pick<KeyRing, 'signer' | 'keyOf' | 'reloadForUnknown'>;
  clock: Clock;
  random: Random;
  config: { issuer: string; JWT_AUDIENCE: string; ACCESS_TOKEN_TTL_SECONDS: number };
};

export type AccessTokenInput = {
  userId: string;
  sessionId: string;
  orgId: string | null;
  scopes: Iterable<string>;
  amr: readonly string[];
  authenticatedAt: Date;
  clientId: string;
  generation: number;
  /** The token ends with its session, if that is sooner: services that verify by the JWKS alone hear of no other end. */
  sessionEndsAt: Date;
  /** A second factor has to be given or set up first: the token opens nothing else, here or at services that verify it by themselves. */
  restricted?: boolean;
  /** Who acts as the user: the `act` claim of RFC 8693 §4.1. */
  impersonatorId?: string | null;
};

export type ClientTokenInput = { clientId: string; scopes: readonly string[] };

const text = (value: unknown): value is string => typeof value === 'string';
const integer = (value: unknown): value is number => Number.isSafeInteger(value);
const seconds = (at: Date): number => Math.floor(at.getTime() / 1000);
const instant = (time: number): Date => new Date(time * 1000);
const scopesOf = (scope: string): string[] => (scope === '' ? [] : scope.split(' '));

/** An identity from claims that our own key signed, or null where a claim of RFC 9068 §2.2 or of the house is missing or out of form. */
const identityOf = (claims: Record<string, unknown>, restricted: boolean): Identity | null => {
  const { sub, sid, org, scope, amr, auth_time, client_id, jti, gen, iat, exp, act } = claims;
  if (![sub, sid, scope, client_id, jti].every(text) || ![auth_time, gen, exp].every(integer)) return null;
  if (!Array.isArray(amr) || !amr.every(text) || !(org === undefined || text(org))) return null;
  // A token that names an actor in a form we do not read is nobody's own.
  const actor = act === undefined ? null : (act as { sub?: unknown } | null)?.sub;
  if (actor !== null && !text(actor)) return null;
  return {
    userId: sub as string,
    sessionId: sid as string,
    orgId: (org as string | undefined) ?? null,
    scopes: scopesOf(scope as string),
    amr,
    authenticatedAt: instant(auth_time as number),
    clientId: client_id as string,
    tokenId: jti as string,
    generation: gen as number,
    issuedAt: integer(iat) ? instant(iat) : null,
    expiresAt: instant(exp as number),
    restricted,
    apiKeyId: null,
    keyPermissions: null,
    impersonatorId: actor,
  };
};

/** A program from such claims: its subject is the client itself (RFC 9068 §2.2), which no session's token says of itself. */
const clientOf = (claims: Record<string, unknown>): Client | null => {
  const { sub, sid, scope, client_id, jti, iat, exp } = claims;
  if (sid !== undefined || !text(sub) || sub !== client_id || !isUuid(sub) || !text(scope) || !text(jti)) return null;
  if (!integer(iat) || !integer(exp)) return null;
  return { clientId: sub, scopes: scopesOf(scope), tokenId: jti, issuedAt: instant(iat), expiresAt: instant(exp) };
};

type Verified = Bearer & { readonly kid: string };
export type AccessTokens = ReturnType<typeof openAccessTokens>;

export const openAccessTokens = ({ keys, clock, random, config }: AccessTokenNeeds) => {
  // Another audience than the services': whoever follows RFC 9068 §4 refuses it.
  const restrictedAudience = `${config.JWT_AUDIENCE}/second-factor-due`;
  // Keyed by the whole token: a cached verdict is never another token's. About 12 MB when full.
  const verified = new LRUCache<string, Verified>({ max: 10_000 });

  const verifyNow = async (token: string): Promise<Verified | null> => {
    const kid = kidOf(token);
    if (!kid) return null;
    if (!keys.keyOf(kid)) await keys.reloadForUnknown();
    const claims = verifyJwt(token, accessTokenType, keys.keyOf);
    if (!claims || claims['iss'] !== config.issuer || (claims['aud'] !== config.JWT_AUDIENCE && claims['aud'] !== restrictedAudience))
      return null;
    const restricted = claims['aud'] === restrictedAudience;
    const identity = identityOf(claims, restricted);
    if (identity) return { identity, client: null, kid };
    const client = restricted ? null : clientOf(claims);
    return client && { identity: null, client, kid };
  };
  /** The cached verdict, as long as the token's key still counts. */
  const recall = (token: string): Verified | null => {
    const known = verified.get(token);
    return known && keys.keyOf(known.kid) ? known : null;
  };

  /** Whom `token` speaks for. Throws the denial UNAUTHENTICATED for anything but a current token of ours; says nothing about its session or client. */
  const read = async (token: string): Promise<Bearer> => {
    const known = recall(token) ?? (token.length <= longestToken ? await verifyNow(token) : null);
    if (!known) throw unauthenticated('The access token is not valid.');
    if ((known.identity ?? known.client).expiresAt <= clock.now()) {
      verified.delete(token);
      throw unauthenticated('The access token has expired.');
    }
    verified.set(token, known);
    return known;
  };

  return {
    read,
    /** The token, and for how many seconds it is valid. */
    sign: (input: AccessTokenInput): { token: string; expiresIn: number } => {
      const now = clock.now();
      const expiresIn = Math.max(0, Math.min(config.ACCESS_TOKEN_TTL_SECONDS, seconds(input.sessionEndsAt) - seconds(now)));
      const token = signJwt(keys.signer(), accessTokenType, {
        iss: config.issuer,
        aud: input.restricted ? restrictedAudience : config.JWT_AUDIENCE,
        sub: input.userId,
        client_id: input.clientId,
        iat: seconds(now),
        exp: seconds(now) + expiresIn,
        jti: random.uuid(now),
        sid: input.sessionId,
        org: input.orgId ?? undefined,
        scope: [...input.scopes].join(' '),
        amr: input.amr,
        auth_time: seconds(input.authenticatedAt),
        gen: input.generation,
        act: input.impersonatorId ? { sub: input.impersonatorId } : undefined,
      });
      return { token, expiresIn };
    },
    /** A program's token: no session, no person (RFC 9068 §2.2: `sub` is the client). */
    signForClient: ({ clientId, scopes }: ClientTokenInput): { token: string; tokenId: string; expiresIn: number } => {
      const now = clock.now();
      const tokenId = random.uuid(now);
      const expiresIn = config.ACCESS_TOKEN_TTL_SECONDS;
      const token = signJwt(keys.signer(), accessTokenType, {
        iss: config.issuer,
        aud: config.JWT_AUDIENCE,
        sub: clientId,
        client_id: clientId,
        iat: seconds(now),
        exp: seconds(now) + expiresIn,
        jti: tokenId,
        scope: scopes.join(' '),
      });
      return { token, tokenId, expiresIn };
    },
  };
};

const kidOf = (token: string): string | null => {
  try {
    const header: unknown = JSON.parse(Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString());
    const kid = (header as { kid?: unknown } | null)?.kid;
    return text(kid) ? kid : null;
  } catch {
    return null;
  }
};
