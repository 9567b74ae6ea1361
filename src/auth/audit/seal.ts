/**
 * The nouns of a seal: what its signature says, and the key that signs. The key is Ed25519 (RFC 8032), its seed a secret of the house that the KMS
 * keeps sealed: whoever can write the database, but has no master key, can neither sign as the house nor put a key of his own in its place.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { canonical, digestOf } from './merkle.ts';
import type { Position } from './model.ts';

export type Seal = {
  /** 1, 2, 3 … */
  readonly number: number;
  readonly events: number;
  /** How many facts this seal and all before it cover. */
  readonly total: number;
  readonly firstAt: Date;
  readonly lastAt: Date;
  readonly sealedAt: Date;
  readonly root: Buffer;
  /** The digest of what the seal before says; null before the first. */
  readonly previous: Buffer | null;
  readonly entries: Buffer;
  readonly kid: string;
  readonly signature: Buffer;
  /** The place of its last fact. */
  readonly until: Position;
};
export type Unsigned = Omit<Seal, 'signature' | 'kid' | 'until' | 'entries'>;

/** What is signed: canonical JSON (RFC 8785). */
export const statementOf = (seal: Unsigned): string =>
  canonical({
    number: seal.number,
    events: seal.events,
    total: seal.total,
    firstAt: seal.firstAt,
    lastAt: seal.lastAt,
    sealedAt: seal.sealedAt,
    root: seal.root.toString('base64url'),
    previous: seal.previous?.toString('base64url') ?? null,
  });

/** What the next seal carries as `previous`. */
export const chainedTo = (before: Unsigned | null): Buffer | null => before && digestOf(statementOf(before));

export type SealKey = { readonly kid: string; sign(statement: string): Buffer; verify(statement: string, signature: Buffer): boolean };

/** RFC 8410 §7: what precedes the 32 bytes of a seed in PKCS #8. */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');
export const sealKey = (seed: Buffer): SealKey => {
  const privateKey: KeyObject = createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey);
  const { crv, kty, x } = publicKey.export({ format: 'jwk' });
  return {
    // RFC 7638, for RFC 8037's kind of key.
    kid: digestOf(canonical({ crv, kty, x })).toString('base64url'),
    sign: (statement) => sign(null, Buffer.from(statement), privateKey),
    verify: (statement, signature) => verify(null, Buffer.from(statement), publicKey, signature),
  };
};
