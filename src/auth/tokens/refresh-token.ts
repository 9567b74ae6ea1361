/**
 * The refresh token: `lkr_` and base64url of session id (16 bytes), generation (4 bytes, big-endian), MAC (32 bytes).
 *
 * MAC = SHA-256(HMAC-SHA-256(secret, id ‖ generation) ‖ salt): forging one needs the house's sealed secret and the session's own
 * salt. It is built in two steps so that PostgreSQL can compare it inside the one conditional UPDATE of a refresh: the server sends
 * the inner HMAC, the row holds the salt, and both inputs of the outer hash have a fixed length (no length extension).
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

const prefix = 'lkr_';
const length = 16 + 4 + 32;
const largestGeneration = 0x7fff_ffff;

export type RefreshTokenParts = { sessionId: string; generation: number; mac: Buffer };

const head = (sessionId: string, generation: number): Buffer => {
  const bytes = Buffer.alloc(20);
  bytes.write(sessionId.replaceAll('-', ''), 0, 'hex');
  bytes.writeUInt32BE(generation, 16);
  return bytes;
};
const uuidOf = (bytes: Buffer): string => bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/** The parts of a well-formed token (nothing is verified), or null. */
export const parseRefreshToken = (token: string): RefreshTokenParts | null => {
  if (!token.startsWith(prefix) || !/^[\w-]{70}$/.test(token.slice(prefix.length))) return null;
  const bytes = Buffer.from(token.slice(prefix.length), 'base64url');
  // base64url ignores spare bits of the last character: only the one canonical spelling is a token.
  if (bytes.length !== length || bytes.toString('base64url') !== token.slice(prefix.length)) return null;
  const generation = bytes.readUInt32BE(16);
  return generation > largestGeneration ? null : { sessionId: uuidOf(bytes.subarray(0, 16)), generation, mac: bytes.subarray(20) };
};

/** The inner HMAC: what the server contributes; useless without the session's salt. */
export const innerMac = (secret: Buffer, sessionId: string, generation: number): Buffer =>
  createHmac('sha256', secret).update(head(sessionId, generation)).digest();

const macOf = (secret: Buffer, salt: Buffer, sessionId: string, generation: number): Buffer =>
  createHash('sha256')
    .update(innerMac(secret, sessionId, generation))
    .update(salt)
    .digest();

/** The token of a session's generation: the same every time, so that a repeated refresh can be given the same successor. */
export const writeRefreshToken = (secret: Buffer, salt: Buffer, sessionId: string, generation: number): string =>
  prefix + Buffer.concat([head(sessionId, generation), macOf(secret, salt, sessionId, generation)]).toString('base64url');

/** Whether the MAC is the house's own, in constant time. */
export const isGenuine = (secret: Buffer, salt: Buffer, token: RefreshTokenParts): boolean =>
  timingSafeEqual(macOf(secret, salt, token.sessionId, token.generation), token.mac);
