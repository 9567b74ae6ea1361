import type { Registry } from 'prom-client';
import type { House } from './house.ts';
import { toldMetrics } from './told-metrics.ts';

/** What /metrics tells of the KMS and of rewrapping, asked of the house when it is read. */
export const observeKms = (registry: Registry, { kms, seals }: Pick<House, 'kms' | 'seals'>): void => {
  const { gauge, counter } = toldMetrics(registry);
  if (kms) {
    gauge('latchkey_kms_away', '1 while the KMS does not answer', () => Number(kms.stats().away));
    gauge('latchkey_kms_cached_keys', 'Unwrapped data keys in memory', () => kms.stats().cached);
    counter('latchkey_kms_cache_hits_total', 'Sealed values opened with a cached data key', () => kms.stats().hits);
    counter('latchkey_kms_cache_misses_total', 'Sealed values opened by asking the KMS', () => kms.stats().misses);
  }
  if (seals) {
    gauge('latchkey_rewrap_left', 'Sealed values under an old master key, as this process last saw', () => seals.progress().left);
    gauge('latchkey_rewrap_failed', 'Sealed values that could not be rewrapped, as this process last saw', () => seals.progress().failed);
    gauge('latchkey_rewrap_time_seconds', 'When this process last looked', () => (seals.progress().at?.getTime() ?? 0) / 1000);
    counter('latchkey_rewrap_total', 'Sealed values rewrapped by this process', () => seals.progress().rewrapped);
  }
};
