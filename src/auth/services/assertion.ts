/** A client's assertion (RFC 7523 §3): a JWT by which it proves that it has the private half of a registered key. */
import { createHash } from 'node:crypto';
import { createLocalJWKSet, decodeJwt, errors, importJWK, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';

/** What signs assertions; `none` and secrets shared by both sides are not among them (RFC 8725 §3.1). */
export const assertionAlgorithms = ['ES256', 'ES384', 'RS256', 'PS256', 'EdDSA'] as const;
const mostKeys = 10;
const longest = 8192;
/** An assertion is made for one request: a longer life is only good to a thief. */
const longestLifeSeconds = 300;
const skewSeconds = 30;
const publicMembers = ['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg', 'use'] as const;
const defaultAlgorithm: Record<string, string> = { 'P-256': 'ES256', 'P-384': 'ES384', Ed25519: 'EdDSA' };

/** The public keys of a JWK set as they are kept, or null where one is private, weak or of a kind that signs no assertion. */
export const readJwks = async (given: unknown): Promise<JSONWebKeySet | null> => {
  const keys = (given as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys) || keys.length < 1 || keys.length > mostKeys) return null;
  const kept: Record<string, string>[] = [];
  for (const key of keys) {
    if (key === null || typeof key !== 'object' || 'd' in key || 'k' in key || (key.use !== undefined && key.use !== 'sig')) return null;
    const jwk = Object.fromEntries(publicMembers.filter((name) => key[name] !== undefined).map((name) => [name, key[name]]));
    if (Object.values(jwk).some((value) => typeof value !== 'string' || value.length > 2048)) return null;
    const algorithm = jwk['alg'] ?? (jwk['kty'] === 'RSA' ? 'RS256' : defaultAlgorithm[jwk['crv']]);
    if (!assertionAlgorithms.some((name) => name === algorithm)) return null;
    // RFC 7518 §3.3: RSA keys have 2048 bits or more.
    if (jwk['kty'] === 'RSA' && Buffer.from(jwk['n'] ?? '', 'base64url').length < 256) return null;
    const usable = await importJWK(jwk, algorithm).then(
      () => true,
      () => false,
    );
    if (!usable) return null;
    kept.push(jwk);
  }
  return { keys: kept } as unknown as JSONWebKeySet;
};

/** Whom an assertion says it is from; nothing is proved by that. */
export const claimedClient = (assertion: string): string | null => {
  try {
    const sub: unknown = assertion.length <= longest ? decodeJwt(assertion).sub : null;
    return typeof sub === 'string' ? sub : null;
  } catch {
    return null;
  }
};

/** Several keys of a set may fit where the assertion names none. */
const verifyByAny = async (assertion: string, jwks: JSONWebKeySet, options: object): Promise<JWTPayload> => {
  try {
    return (await jwtVerify(assertion, createLocalJWKSet(jwks), options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error) {
      const tried = await jwtVerify(assertion, key, options).catch(() => null);
      if (tried) return tried.payload;
    }
    throw error;
  }
};

export type Genuine = { readonly jtiHash: Buffer; readonly expiresAt: Date };
/**
 * What is needed to spend a genuine assertion once, or null: issuer and subject are the client, the audience is this house and nobody else
 * (an assertion made for several could be handed on), it is over soon, and it has a `jti` (RFC 7523 §3).
 */
export const verifyAssertion = async (
  assertion: string,
  expected: { clientId: string; jwks: JSONWebKeySet; audiences: readonly string[]; now: Date },
): Promise<Genuine | null> => {
  const { clientId, jwks, audiences, now } = expected;
  try {
    const { aud, exp, jti } = await verifyByAny(assertion, jwks, {
      issuer: clientId,
      subject: clientId,
      audience: [...audiences],
      algorithms: [...assertionAlgorithms],
      requiredClaims: ['exp', 'jti'],
      clockTolerance: skewSeconds,
      currentDate: now,
    });
    if (Array.isArray(aud) && aud.length !== 1) return null;
    if (typeof jti !== 'string' || jti.length < 1 || jti.length > 255 || typeof exp !== 'number') return null;
    if (exp * 1000 > now.getTime() + (longestLifeSeconds + skewSeconds) * 1000) return null;
    // Remembered for as long as it would be taken, and a minute for clocks that differ.
    return { jtiHash: createHash('sha256').update(jti).digest(), expiresAt: new Date((exp + skewSeconds + 60) * 1000) };
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError) return null;
    throw error;
  }
};
