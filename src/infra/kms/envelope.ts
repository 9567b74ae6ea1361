import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Kms, SealContext } from '../ports.ts';

/** A value that was altered, moved to another context, or sealed under a key that was replaced behind its id. */
export class DoesNotOpen extends Error {
  override readonly name = 'DoesNotOpen';
}
/** A value sealed under a master key that is not, or no longer, known. */
export class UnknownMasterKey extends Error {
  override readonly name = 'UnknownMasterKey';
}

/** Who holds the master keys: wraps a data key under the current one, and unwraps under any. */
export type KeyKeeper = {
  wrap(dataKey: Buffer, context: Buffer): Promise<{ keyId: string; wrapped: Buffer }>;
  /** Throws `UnknownMasterKey` or `DoesNotOpen`. */
  unwrap(keyId: string, wrapped: Buffer, context: Buffer): Promise<Buffer>;
};

const algorithm = 'aes-256-gcm';
const version = 1;
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/**
 * AES-256-GCM (NIST SP 800-38D) as nonce ‖ ciphertext ‖ tag. The nonce is 96 random bits, so one key may seal at most 2^32 times (§8.3):
 * a data key does so once, a master key once for every record.
 */
export const encrypt = (key: Buffer, plaintext: Uint8Array, context: Buffer): Buffer => {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes }).setAAD(context);
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
};

/** Undoes `encrypt`; throws `DoesNotOpen`. */
export const decrypt = (key: Buffer, sealed: Buffer, context: Buffer): Buffer => {
  if (sealed.length < nonceBytes + tagBytes) throw new DoesNotOpen('the sealed value is too short');
  const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes }).setAAD(context);
  decipher.setAuthTag(sealed.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, -tagBytes)), decipher.final()]);
  } catch (cause) {
    throw new DoesNotOpen('the sealed value was altered or belongs to another context', { cause });
  }
};

// JSON quotes its strings, so no two contexts have one encoding, and an owner that is missing differs from an empty one.
const encode = (use: 'key' | 'data', { purpose, id, owner }: SealContext): Buffer =>
  Buffer.from(JSON.stringify(['latchkey', version, use, purpose, id, owner ?? null]));

const pack = (keyId: string, wrapped: Buffer): Buffer => {
  const id = Buffer.from(keyId);
  const head = Buffer.alloc(4 + id.length);
  head.writeUInt8(version, 0);
  head.writeUInt8(id.length, 1);
  id.copy(head, 2);
  head.writeUInt16BE(wrapped.length, 2 + id.length);
  return Buffer.concat([head, wrapped]);
};

const unpack = (sealed: Buffer) => {
  if (sealed.length < 4 || sealed[0] !== version) throw new DoesNotOpen('not a sealed value of a known version');
  const idEnd = 2 + sealed.readUInt8(1);
  if (sealed.length < idEnd + 2) throw new DoesNotOpen('the sealed value is too short');
  const wrappedEnd = idEnd + 2 + sealed.readUInt16BE(idEnd);
  return {
    keyId: sealed.toString('utf8', 2, idEnd),
    wrapped: sealed.subarray(idEnd + 2, wrappedEnd),
    head: sealed.subarray(0, wrappedEnd),
    body: sealed.subarray(wrappedEnd),
  };
};

/**
 * Envelope encryption over `keeper`, a fresh data key for every record. A sealed value is
 * version (1 byte) ‖ length of the key id (1) ‖ key id ‖ length of the wrapped key (2, big endian) ‖ wrapped key ‖ nonce ‖ ciphertext ‖ tag.
 * The context is authenticated with both ciphertexts, and all that stands before the second nonce with the second.
 */
export const createEnvelopeKms = (keeper: KeyKeeper): Kms => ({
  async seal(plaintext, context) {
    const dataKey = randomBytes(keyBytes);
    const { keyId, wrapped } = await keeper.wrap(dataKey, encode('key', context));
    const head = pack(keyId, wrapped);
    return Buffer.concat([head, encrypt(dataKey, plaintext, Buffer.concat([head, encode('data', context)]))]);
  },
  async open(sealed, context) {
    const { keyId, wrapped, head, body } = unpack(Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength));
    const dataKey = await keeper.unwrap(keyId, wrapped, encode('key', context));
    return decrypt(dataKey, body, Buffer.concat([head, encode('data', context)]));
  },
});
