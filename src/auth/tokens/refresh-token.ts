/**
 * The refresh token: `lkr_` and base64url of session id (16 bytes), generation (4 bytes, big-endian), tag (8 bytes), MAC (32 bytes).
 *
 * MAC = SHA-256(HMAC-SHA-256(secret, id ‖ generation) ‖ salt): forging one needs the house's sealed secret and the session's own
 * salt. It is built in two steps so that PostgreSQL can compare it inside the one conditional UPDATE of a refresh: the server sends
 * the inner HMAC, the row holds the salt, and both inputs of the outer hash have a fixed length (no length extension).
 *
 * The tag, 64 bits of HMAC-SHA-256(secret, id ‖ generation ‖ "tag"), proves nothing by itself. It turns a forgery away before the
 * database and the session's limit are asked, so that whoever knows a session's id cannot use its owner's attempts up.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

const prefix = 'lkr_';
// A multiple of three bytes: base64url then has no spare bits, and a token one spelling.
const form = /^lkr_[\w-]{80}$/;
const largestGeneration = 0x7fff_ffff;

export type RefreshTokenParts = { sessionId: string; generation: number; mac: Buffer };

const head = (sessionId: string, generation: number): Buffer => {
  const bytes = Buffer.alloc(20);
  bytes.write(sessionId.replaceAll('-', ''), 0, 'hex');
  bytes.writeUInt32BE(generation, 16);
  return bytes;
};
const uuidOf = (bytes: Buffer): string => bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

const tagOf = (secret: Buffer, head: Buffer): Buffer => createHmac('sha256', secret).update(head).update('tag').digest().subarray(0, 8);

/** The parts of a token that bears our tag, or null; whether it is genuine, the session's salt tells (`isGenuine`). */
export const parseRefreshToken = (secret: Buffer, token: string): RefreshTokenParts | null => {
  if (!form.test(token)) return null;
  const bytes = Buffer.from(token.slice(prefix.length), 'base64url');
  const generation = bytes.readUInt32BE(16);
  const tagged = timingSafeEqual(tagOf(secret, bytes.subarray(0, 20)), bytes.subarray(20, 28));
  return tagged && generation <= largestGeneration
    ? { sessionId: uuidOf(bytes.subarray(0, 16)), generation, mac: bytes.subarray(28) }
    : null;
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
export const writeRefreshToken = (secret: Buffer, salt: Buffer, sessionId: string, generation: number): string => {
  const start = head(sessionId, generation);
  return prefix + Buffer.concat([start, tagOf(secret, start), macOf(secret, salt, sessionId, generation)]).toString('base64url');
};

/** Whether the MAC is the house's own, in constant time. */
export const isGenuine = (secret: Buffer, salt: Buffer, token: RefreshTokenParts): boolean =>
  timingSafeEqual(macOf(secret, salt, token.sessionId, token.generation), token.mac);
