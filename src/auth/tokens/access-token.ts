/** The access token: a JWT by RFC 9068, verified without a database by way of a cache of tokens verified before. */
import { LRUCache } from 'lru-cache';
import type { Clock, Random } from '../../infra/ports.ts';
import { unauthenticated } from '../access/denial.ts';
import type { Identity } from '../caller.ts';
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

const text = (value: unknown): value is string => typeof value === 'string';
const integer = (value: unknown): value is number => Number.isSafeInteger(value);
const seconds = (at: Date): number => Math.floor(at.getTime() / 1000);

/** An identity from claims that our own key signed, or null where a claim of RFC 9068 §2.2 or of the house is missing or out of form. */
const identityOf = (claims: Record<string, unknown>, restricted: boolean): Identity | null => {
  const { sub, sid, org, scope, amr, auth_time, client_id, jti, gen, exp, act } = claims;
  if (![sub, sid, scope, client_id, jti].every(text) || ![auth_time, gen, exp].every(integer)) return null;
  if (!Array.isArray(amr) || !amr.every(text) || !(org === undefined || text(org))) return null;
  // A token that names an actor in a form we do not read is nobody's own.
  const actor = act === undefined ? null : (act as { sub?: unknown } | null)?.sub;
  if (actor !== null && !text(actor)) return null;
  return {
    userId: sub as string,
    sessionId: sid as string,
    orgId: (org as string | undefined) ?? null,
    scopes: scope === '' ? [] : (scope as string).split(' '),
    amr,
    authenticatedAt: new Date((auth_time as number) * 1000),
    clientId: client_id as string,
    tokenId: jti as string,
    generation: gen as number,
    expiresAt: new Date((exp as number) * 1000),
    restricted,
    impersonatorId: actor,
  };
};

type Verified = { identity: Identity; kid: string };
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
    const identity = identityOf(claims, claims['aud'] === restrictedAudience);
    return identity && { identity, kid };
  };
  /** The cached verdict, as long as the token's key still counts. */
  const recall = (token: string): Verified | null => {
    const known = verified.get(token);
    return known && keys.keyOf(known.kid) ? known : null;
  };

  return {
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
    /** Whom `token` speaks for. Throws the denial UNAUTHENTICATED for anything but a current token of ours; says nothing about its session. */
    verify: async (token: string): Promise<Identity> => {
      const known = recall(token) ?? (token.length <= longestToken ? await verifyNow(token) : null);
      if (!known) throw unauthenticated('The access token is not valid.');
      const { identity } = known;
      if (identity.expiresAt <= clock.now()) {
        verified.delete(token);
        throw unauthenticated('The access token has expired.');
      }
      verified.set(token, known);
      return identity;
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
