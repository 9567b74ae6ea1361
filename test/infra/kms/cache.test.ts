/** Unwrapped data keys in memory: few, and not for long. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openKeyCache } from '../../../src/infra/kms/cache.ts';
import { pack, unpack } from '../../../src/infra/kms/format.ts';

beforeEach(() => {
  vi.useFakeTimers();
  // To lru-cache 0 is no time.
  vi.advanceTimersByTime(1);
});
afterEach(() => {
  vi.useRealTimers();
});
const context = (id: string) => ({ purpose: 'totp_secret', id });
const parts = unpack(pack('key', Buffer.from('wrapped'), Buffer.alloc(28)));
const dataKey = () => Buffer.alloc(32, 7);
const zeros = Buffer.alloc(32);

describe('The cache of data keys', () => {
  it('holds no more than it may, and zeroes the one that goes', () => {
    const cache = openKeyCache({ entries: 3, seconds: 60 });
    const keys = ['a', 'b', 'c', 'd'].map((id) => [id, dataKey()] as const);
    for (const [id, key] of keys) cache.keep(parts, context(id), key);
    expect(cache.stats().cached).toBe(3);
    expect(cache.get(parts, context('a'))).toBeUndefined();
    expect(keys[0]![1]).toEqual(zeros);
    expect(cache.get(parts, context('d'))).toEqual(dataKey());
    cache.close();
    for (const [, key] of keys) expect(key).toEqual(zeros);
  });

  it('lets go of a key when its time is over, whether or not anybody asks, and use does not prolong it', () => {
    const cache = openKeyCache({ entries: 3, seconds: 60 });
    const [asked, unasked] = [dataKey(), dataKey()];
    cache.keep(parts, context('asked'), asked);
    cache.keep(parts, context('unasked'), unasked);
    for (let passed = 0; passed < 60; passed += 20) {
      expect(cache.get(parts, context('asked'))).toBe(asked);
      vi.advanceTimersByTime(20_000);
    }
    vi.advanceTimersByTime(31_000);
    expect([asked, unasked]).toEqual([zeros, zeros]);
    expect(cache.stats().cached).toBe(0);
    cache.close();
  });

  it('gives a key only for the very wrapping, master key and context that it was unwrapped from', () => {
    const cache = openKeyCache();
    cache.keep(parts, context('a'), dataKey());
    const others = [
      unpack(pack('kez', Buffer.from('wrapped'), Buffer.alloc(28))),
      unpack(pack('key', Buffer.from('wrappee'), Buffer.alloc(28))),
      unpack(pack('keyw', Buffer.from('rapped'), Buffer.alloc(28))),
      { ...parts, version: 1 as const },
    ];
    for (const other of others) expect(cache.get(other, context('a'))).toBeUndefined();
    expect(cache.get(parts, { ...context('a'), owner: 'o' })).toBeUndefined();
    expect(cache.get(parts, context('a'))).toEqual(dataKey());
    cache.close();
  });

  it('is off with no seconds, and then zeroes at once', () => {
    const cache = openKeyCache({ entries: 3, seconds: 0 });
    const key = dataKey();
    cache.keep(parts, context('a'), key);
    expect(key).toEqual(zeros);
    expect(cache.get(parts, context('a'))).toBeUndefined();
    cache.close();
  });
});
