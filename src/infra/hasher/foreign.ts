/** Hashes that other systems made: verified, never written. By node:crypto, and by bcryptjs what has no implementation there. */
import { pbkdf2Sync, scryptSync, timingSafeEqual } from 'node:crypto';
import { decodeBase64, hashSync } from 'bcryptjs';
import { isArgon2 } from './phc.ts';

type Foreign = { digest: Buffer; derive(password: string, length: number): Buffer; refuses?: RegExp };

// One sign-in must not cost a machine: what asks for more memory or time is not taken. Whatever passes takes 2.5 s of one core here, or less.
const mostScryptBytes = 256 * 1024 * 1024;
/** Of all its parallel parts, which one thread does one after the other. */
const mostScryptWork = 2 * mostScryptBytes;
const mostIterations = 5_000_000;
const mostArgon2Kib = 1024 * 1024;
const mostPasses = 50;
/** KiB times passes: libsodium's MODERATE has 768 MiB of it. */
const mostArgon2Work = 1024 * 1024;
// 2^14 rounds are 1.2 s of one core here.
const mostBcryptCost = 14;

// https://github.com/P-H-C/phc-string-format; passlib writes `.` for `+`.
const bytes = (text: string): Buffer => Buffer.from(text.replaceAll('.', '+'), 'base64');
const fits = ({ length }: Buffer): boolean => length >= 16 && length <= 128;

/** RFC 7914, as `$scrypt$ln=16,r=8,p=1$salt$hash`. */
const scrypt = (hash: string): Foreign | null => {
  const found = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/.]+)\$([A-Za-z0-9+/.]+)$/.exec(hash);
  if (!found) return null;
  const [ln, r, p] = found.slice(1, 4).map(Number) as [number, number, number];
  const memory = 128 * 2 ** ln * r;
  if (ln < 1 || r < 1 || p < 1 || p > 16 || memory > mostScryptBytes || memory * p > mostScryptWork) return null;
  const salt = bytes(found[4] as string);
  const options = { N: 2 ** ln, r, p, maxmem: 2 * mostScryptBytes };
  return { digest: bytes(found[5] as string), derive: (password, length) => scryptSync(password, salt, length, options) };
};

const digestBytes: Record<string, number> = { sha1: 20, sha256: 32, sha512: 64 };
/** RFC 8018 §5.2: each part of the digest as long as the hash costs all iterations again. */
const pbkdf2With = (algorithm: string, iterations: number, salt: Buffer, digest: Buffer): Foreign | null =>
  iterations < 1 || iterations * Math.ceil(digest.length / (digestBytes[algorithm] as number)) > mostIterations
    ? null
    : { digest, derive: (password, length) => pbkdf2Sync(password, salt, iterations, length, algorithm) };

/** RFC 8018 §5.2, as `$pbkdf2-sha256$i=29000,l=32$salt$hash` or passlib's `$pbkdf2-sha256$29000$salt$hash`. */
const pbkdf2 = (hash: string): Foreign | null => {
  const form = /^\$pbkdf2(?:-(sha1|sha256|sha512))?\$(?:i=)?(\d{1,8})(?:,l=\d{1,3})?\$([A-Za-z0-9+/.]+)\$([A-Za-z0-9+/.]+)$/;
  const [, algorithm = 'sha1', iterations, salt = '', digest = ''] = form.exec(hash) ?? [];
  return iterations ? pbkdf2With(algorithm, Number(iterations), bytes(salt), bytes(digest)) : null;
};

/** Django's `pbkdf2_sha256$260000$salt$hash`, whose salt is text. */
const django = (hash: string): Foreign | null => {
  const form = /^pbkdf2_(sha1|sha256)\$(\d{1,8})\$([A-Za-z0-9]+)\$([A-Za-z0-9+/]+={0,2})$/;
  const [, algorithm = '', iterations, salt = '', digest = ''] = form.exec(hash) ?? [];
  return iterations ? pbkdf2With(algorithm, Number(iterations), Buffer.from(salt), bytes(digest)) : null;
};

/**
 * OpenBSD's `$2b$`, and `$2a$` and `$2y$`, which mean the same of UTF-8; not `$2x$`, the mark of a broken implementation. bcrypt reads the first
 * 72 bytes of a password and no more: so did the system that made the hash, and so it is verified; the argon2id hash that then replaces it
 * is of all that was typed. A NUL ended the password there, or was refused: no password with one is right.
 */
const bcrypt = (hash: string): Foreign | null => {
  const [, setting = '', cost, digest = ''] = /^(\$2[aby]\$(\d\d)\$[A-Za-z0-9./]{22})([A-Za-z0-9./]{31})$/.exec(hash) ?? [];
  if (!cost || Number(cost) < 4 || Number(cost) > mostBcryptCost) return null;
  const bytesOf = (text: string): Buffer => Buffer.from(decodeBase64(text, 23));
  return {
    digest: bytesOf(digest),
    derive: (password) => bytesOf(hashSync(password, setting).slice(setting.length)),
    refuses: /\0/,
  };
};

const parse = (hash: string): Foreign | null => {
  if (hash.length > 500) return null;
  const found = bcrypt(hash) ?? scrypt(hash) ?? pbkdf2(hash) ?? django(hash);
  return found && fits(found.digest) ? found : null;
};

const withinBounds = (argon2: string): boolean => {
  const cost = (name: string) => Number(new RegExp(`[$,]${name}=(\\d+)`).exec(argon2)?.[1]);
  return cost('m') <= mostArgon2Kib && cost('t') <= mostPasses && cost('m') * cost('t') <= mostArgon2Work && cost('p') <= 16;
};

/** Whether a sign-in could verify the hash, at a cost that can be borne. */
export const isVerifiable = (hash: string): boolean => (isArgon2(hash) ? withinBounds(hash) : parse(hash) !== null);

/** False for a wrong password and for a string that is no such hash. */
export const verifyForeign = (hash: string, password: string): boolean => {
  const foreign = parse(hash);
  return (
    foreign !== null && timingSafeEqual(foreign.derive(password, foreign.digest.length), foreign.digest) && !foreign.refuses?.test(password)
  );
};
