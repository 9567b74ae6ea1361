/**
 * JSON Web Signatures in compact form (RFC 7515 §7.1) by node:crypto, for the three algorithms the house signs with. A test holds it
 * equal to jose; it is here because jose's WebCrypto round trip costs twice as much on the hottest path of the house.
 */
import { type KeyObject, sign, verify } from 'node:crypto';

export const algorithms = ['ES256', 'RS256', 'EdDSA'] as const;
export type Algorithm = (typeof algorithms)[number];

const digest: Record<Algorithm, string | null> = { ES256: 'sha256', RS256: 'sha256', EdDSA: null };
// JWS wants the raw r‖s of ECDSA (RFC 7518 §3.4), not DER.
const options = (key: KeyObject) => ({ key, dsaEncoding: 'ieee-p1363' as const });

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

type SigningKey = { algorithm: Algorithm; kid: string; privateKey: KeyObject };
/** A key signs one type, so its header is the same every time. */
const headers = new WeakMap<SigningKey, { typ: string; encoded: string }>();
const headerOf = (key: SigningKey, typ: string): string => {
  const known = headers.get(key);
  if (known?.typ === typ) return known.encoded;
  const encoded = encode({ alg: key.algorithm, typ, kid: key.kid });
  headers.set(key, { typ, encoded });
  return encoded;
};

/** A compact JWS whose header is `typ`, `alg` and `kid`. */
export const signJwt = (key: SigningKey, typ: string, claims: object): string => {
  const input = `${headerOf(key, typ)}.${encode(claims)}`;
  return `${input}.${sign(digest[key.algorithm], Buffer.from(input), options(key.privateKey)).toString('base64url')}`;
};

const object = (part: string): Record<string, unknown> | null => {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
};

export type VerifyingKey = { algorithm: Algorithm; publicKey: KeyObject };

/**
 * The claims of a token that one of our keys signed, or null. The algorithm is the key's, never the token's choice (RFC 8725 §3.1);
 * the type is compared (§3.11); `crit`, `jku`, `jwk`, `x5u` and unknown header members are refused rather than followed (§3.10).
 */
export const verifyJwt = (token: string, typ: string, keyOf: (kid: string) => VerifyingKey | undefined): Record<string, unknown> | null => {
  const parts = token.split('.');
  if (parts.length !== 3 || parts.some((part) => !/^[\w-]+$/.test(part))) return null;
  const [headerPart, claimsPart, signaturePart] = parts as [string, string, string];
  const header = object(headerPart);
  if (!header || header['typ'] !== typ || typeof header['kid'] !== 'string') return null;
  if (Object.keys(header).some((name) => name !== 'alg' && name !== 'typ' && name !== 'kid')) return null;
  const key = keyOf(header['kid']);
  if (!key || header['alg'] !== key.algorithm) return null;
  const signature = Buffer.from(signaturePart, 'base64url');
  // Spare bits of base64url would let one signature be spelled twice.
  if (signature.toString('base64url') !== signaturePart) return null;
  const genuine = verify(digest[key.algorithm], Buffer.from(`${headerPart}.${claimsPart}`), options(key.publicKey), signature);
  return genuine ? object(claimsPart) : null;
};
