/**
 * A sealed value is
 * version (1 byte) ‖ length of the key id (1) ‖ key id ‖ length of the wrapped key (2, big endian) ‖ wrapped key ‖ nonce ‖ ciphertext ‖ tag.
 * Version 2 authenticates the context and the version with both ciphertexts. Version 1, which is read and not written any more, had the key id
 * and the wrapped key authenticated with the second ciphertext too, so that no other master key could take it over (docs/adr/0030-rewrapping.md).
 */
import { DoesNotOpen, type SealContext } from '../ports.ts';

export type Version = 1 | 2;
export const currentVersion: Version = 2;
const longestKeyId = 255;

/** What a ciphertext is bound to. JSON quotes its strings, so no two contexts have one encoding, and a missing owner differs from an empty one. */
export const textOf = (version: Version, use: 'key' | 'data', { purpose, id, owner }: SealContext): string =>
  JSON.stringify(['latchkey', version, use, purpose, id, owner ?? null]);
export const encode = (version: Version, use: 'key' | 'data', context: SealContext): Buffer => Buffer.from(textOf(version, use, context));

/** The first bytes of every value of the current version under `keyId`, and of no other. */
export const headOf = (keyId: string): Buffer => {
  const id = Buffer.from(keyId);
  if (id.length === 0 || id.length > longestKeyId) throw new Error(`a key id has 1 to ${longestKeyId} bytes`);
  return Buffer.concat([Buffer.from([currentVersion, id.length]), id]);
};

export const pack = (keyId: string, wrapped: Buffer, body: Buffer): Buffer => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(wrapped.length);
  return Buffer.concat([headOf(keyId), length, wrapped, body]);
};

export type Unpacked = { version: Version; keyId: string; wrapped: Buffer; head: Buffer; body: Buffer };

/** The parts of a sealed value, as views into it. Throws `DoesNotOpen` where it has none of the known forms. */
export const unpack = (given: Uint8Array): Unpacked => {
  const sealed = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
  const version = sealed[0];
  if (sealed.length < 4 || (version !== 1 && version !== 2)) throw new DoesNotOpen('not a sealed value of a known version');
  const idEnd = 2 + sealed.readUInt8(1);
  if (sealed.length < idEnd + 2) throw new DoesNotOpen('the sealed value is too short');
  const wrappedEnd = idEnd + 2 + sealed.readUInt16BE(idEnd);
  return {
    version,
    keyId: sealed.toString('utf8', 2, idEnd),
    wrapped: sealed.subarray(idEnd + 2, wrappedEnd),
    head: sealed.subarray(0, wrappedEnd),
    body: sealed.subarray(wrappedEnd),
  };
};
