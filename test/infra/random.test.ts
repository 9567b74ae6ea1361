import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/infra/clock.ts';
import { systemRandom } from '../../src/infra/random.ts';

const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const timeOf = (uuid: string) => Number.parseInt(uuid.replace('-', '').slice(0, 12), 16);

describe('Random', () => {
  it('makes UUIDs of version 7 that carry just the time they were given, an earlier one too.', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), (ms) => {
        const uuid = systemRandom.uuid(new Date(Math.min(ms, 8.64e15)));
        expect(uuid).toMatch(uuidV7);
        expect(timeOf(uuid)).toBe(ms);
      }),
    );
    expect(() => systemRandom.uuid(new Date(Number.NaN))).toThrow(RangeError);
    expect(() => systemRandom.uuid(new Date(-1))).toThrow(RangeError);
  });

  it('keeps the order in which the UUIDs of one millisecond were made, tens of thousands of them, and repeats none.', () => {
    const at = systemClock.now();
    const made = Array.from({ length: 50_000 }, () => systemRandom.uuid(at));
    expect([...made].sort()).toEqual(made);
    expect(new Set(made).size).toBe(made.length);
  });

  it('draws digits uniformly and keeps leading zeros.', () => {
    const counts = Array<number>(10).fill(0);
    for (let i = 0; i < 2_000; i++) {
      const code = systemRandom.digits(6);
      expect(code).toMatch(/^\d{6}$/);
      for (const digit of code) counts[Number(digit)]! += 1;
    }
    // Nine degrees of freedom: over 40 comes about once in 100,000 runs.
    expect(counts.reduce((sum, n) => sum + (n - 1_200) ** 2 / 1_200, 0)).toBeLessThan(40);
    expect(systemRandom.bytes(32)).toHaveLength(32);
    expect(systemRandom.bytes(32).equals(systemRandom.bytes(32))).toBe(false);
  });
});
