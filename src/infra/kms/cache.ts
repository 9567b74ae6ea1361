import { LRUCache } from 'lru-cache';
import type { SealContext } from '../ports.ts';
import { textOf, type Unpacked } from './format.ts';

export type CacheLimits = { entries: number; seconds: number };
export const cacheLimits: CacheLimits = { entries: 1_000, seconds: 300 };

/**
 * Unwrapped data keys, in memory alone: a bounded number, each for a bounded time from when it was unwrapped, zeroed when it goes.
 * A key is found by its context, its master key's id and its whole wrapped form, so that it opens nothing that the keeper would not have.
 */
export const openKeyCache = ({ entries, seconds }: CacheLimits = cacheLimits) => {
  const cache = new LRUCache<string, Buffer>({
    max: Math.max(1, entries),
    ttl: Math.max(1, seconds * 1000),
    perf: performance,
    dispose: (dataKey) => void dataKey.fill(0),
  });
  const enabled = entries > 0 && seconds > 0;
  // By itself the cache lets go of what is over when somebody asks for it.
  const purging = enabled ? setInterval(() => cache.purgeStale(), Math.min(30, seconds) * 1000).unref() : undefined;
  let [hits, misses] = [0, 0];

  // The first part is JSON, which says by itself where it ends; latin1 is one character a byte.
  const nameOf = ({ version, keyId, wrapped }: Unpacked, context: SealContext): string =>
    `${textOf(version, 'key', context)}${keyId.length}:${keyId}${wrapped.toString('latin1')}`;

  return {
    /** Use it before the next await: then it may be zeroed. */
    get: (parts: Unpacked, context: SealContext): Buffer | undefined => {
      const dataKey = enabled ? cache.get(nameOf(parts, context)) : undefined;
      if (dataKey) hits += 1;
      else misses += 1;
      return dataKey;
    },
    /** Takes the key over: whoever hands it in may not use it after. */
    keep: (parts: Unpacked, context: SealContext, dataKey: Buffer): void => {
      if (enabled) cache.set(nameOf(parts, context), dataKey);
      else dataKey.fill(0);
    },
    stats: () => ({ cached: cache.size, hits, misses }),
    close: (): void => {
      clearInterval(purging);
      cache.clear();
    },
  };
};
