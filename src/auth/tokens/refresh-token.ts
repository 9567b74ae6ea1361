/**
 * The refresh token: `lkr_` and base64url of session id (16 bytes), generation (4 bytes, big-endian), tag (8 bytes), MAC (32 bytes).
 *
 * One HMAC-SHA-512(secret, id ‖ generation) gives what both need: its first 32 bytes are the inner MAC, the next 8 the tag. Disjoint parts of
 * a pseudo-random function's output tell nothing of each other, so that the tag, which is told, does not weaken the MAC.
 *
 * MAC = SHA-256(inner ‖ salt): forging one needs the house's sealed secret and the session's own salt. It is built in two steps so that
 * PostgreSQL can compare it inside the one conditional UPDATE of a refresh: the server sends the inner MAC, the row holds the salt, and both
 * inputs of the outer hash have a fixed length (no length extension).
 *
 * The tag proves nothing by itself. It turns a forgery away before the database and the session's limit are asked, so that whoever knows a
 * session's id cannot use its owner's attempts up.
 */
import { createHmac, hash, timingSafeEqual } from 'node:crypto';

const prefix = 'lkr_';
// A multiple of three bytes: base64url then has no spare bits, and a token one spelling.
const form = /^lkr_[\w-]{80}$/;
const largestGeneration = 0x7fff_ffff;
const headBytes = 20;
const tagBytes = 8;

/** `inner` is what the server contributes to the MAC: by the secret, never by the token; useless without the session's salt. */
export type RefreshTokenParts = { sessionId: string; generation: number; inner: Buffer; mac: Buffer };

const head = (sessionId: string, generation: number): Buffer => {
  const bytes = Buffer.alloc(headBytes);
  bytes.write(sessionId.replaceAll('-', ''), 0, 'hex');
  bytes.writeUInt32BE(generation, 16);
  return bytes;
};
const uuidOf = (bytes: Buffer): string => {
  const hex = bytes.toString('hex', 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
};

const keyed = (secret: Buffer, head: Buffer): { inner: Buffer; tag: Buffer } => {
  const bytes = createHmac('sha512', secret).update(head).digest();
  return { inner: bytes.subarray(0, 32), tag: bytes.subarray(32, 32 + tagBytes) };
};
const macOf = (inner: Buffer, salt: Buffer): Buffer => hash('sha256', Buffer.concat([inner, salt]), 'buffer');

/** The parts of a token that bears our tag, or null; whether it is genuine, the session's salt tells (`isGenuine`). */
export const parseRefreshToken = (secret: Buffer, token: string): RefreshTokenParts | null => {
  if (!form.test(token)) return null;
  const bytes = Buffer.from(token.slice(prefix.length), 'base64url');
  const generation = bytes.readUInt32BE(16);
  const { inner, tag } = keyed(secret, bytes.subarray(0, headBytes));
  const tagged = timingSafeEqual(tag, bytes.subarray(headBytes, headBytes + tagBytes));
  return tagged && generation <= largestGeneration
    ? { sessionId: uuidOf(bytes), generation, inner, mac: bytes.subarray(headBytes + tagBytes) }
    : null;
};

/** The token of a session's generation: the same every time, so that a repeated refresh can be given the same successor. */
export const writeRefreshToken = (secret: Buffer, salt: Buffer, sessionId: string, generation: number): string => {
  const start = head(sessionId, generation);
  const { inner, tag } = keyed(secret, start);
  return prefix + Buffer.concat([start, tag, macOf(inner, salt)]).toString('base64url');
};

/** Whether the MAC is the house's own, in constant time. */
export const isGenuine = (salt: Buffer, token: RefreshTokenParts): boolean => timingSafeEqual(macOf(token.inner, salt), token.mac);
