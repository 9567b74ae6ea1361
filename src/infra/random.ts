import { randomBytes, randomFillSync, randomInt } from 'node:crypto';
import type { Random } from './ports.ts';

const counterBits = 26;
const seedMask = 2 ** (counterBits - 1) - 1;

/**
 * UUIDv7 (RFC 9562 §5.7) with a fixed-length counter (§6.2, method 1) of 26 bits: all of rand_a and the upper 14 of rand_b.
 * The counter starts at random below half its range for a new millisecond, so it takes over 33 million ids in one millisecond to wrap.
 * The remaining 48 bits are random. A time before the last one is honoured as given: ids are ordered as their times are.
 */
const uuids = () => {
  // Drawn in one go for many ids; each of its bytes goes into one id only.
  const pool = Buffer.alloc(16 * 128);
  let used = pool.length;
  let lastMs = -1;
  let counter = 0;
  return (at: Date): string => {
    const ms = at.getTime();
    if (!Number.isInteger(ms) || ms < 0 || ms >= 2 ** 48) throw new RangeError('a UUIDv7 needs a time between 1970 and 10889');
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    const bytes = pool.subarray(used, used + 16);
    used += 16;
    counter = ms === lastMs ? (counter + 1) % 2 ** counterBits : bytes.readUInt32BE(0) & seedMask;
    lastMs = ms;
    bytes.writeUIntBE(ms, 0, 6);
    bytes.writeUInt16BE(0x7000 | (counter >>> 14), 6);
    bytes.writeUInt16BE(0x8000 | (counter & 0x3fff), 8);
    const hex = bytes.toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  };
};

/** The operating system's CSPRNG, by node:crypto. */
export const systemRandom: Random = {
  bytes: (size) => randomBytes(size),
  uuid: uuids(),
  // randomInt draws without modulo bias.
  digits: (count) => Array.from({ length: count }, () => randomInt(10)).join(''),
};
