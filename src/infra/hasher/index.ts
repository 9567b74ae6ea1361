import type { Config } from '../../config.ts';
import type { Hasher } from '../ports.ts';
import { isVerifiable } from './foreign.ts';
import { differs, hashOfNothing } from './phc.ts';
import { createPool } from './pool.ts';

type Settings = Pick<Config, 'ARGON2_MEMORY_KIB' | 'ARGON2_TIME_COST' | 'ARGON2_PARALLELISM' | 'HASH_CONCURRENCY' | 'HASH_QUEUE'>;

/**
 * argon2id (RFC 9106) in threads of its own rather than in libuv's pool, which fs, dns and crypto share, at a lower priority than the event loop.
 * Measured on 2 cores at m=19456, t=2, p=1, while 200 requests/s were answered (idle p99 1.0 to 1.6 ms): libuv's pool 132 to 153 hashes/s
 * and a p99 of 8.2 to 10.5 ms; threads 142 to 172 and 7.2 to 8.5; threads at niceness 10 to 19 143 to 179 and 3.6 to 5.8; child processes
 * at niceness 19 159 to 173 and 4.1 to 6.8, for more memory and passwords over a pipe. A bare loop of the library does 138 to 158.
 */
export const createHasher = (config: Settings): Hasher => {
  const cost = { memoryKib: config.ARGON2_MEMORY_KIB, timeCost: config.ARGON2_TIME_COST, parallelism: config.ARGON2_PARALLELISM };
  const pool = createPool(config.HASH_CONCURRENCY, config.HASH_QUEUE, cost);
  const nothing = hashOfNothing(cost);
  return {
    hash: async (password, share) => (await pool.run({ phc: null, password }, share)) as string,
    verify: async (phc, password, share) => (await pool.run({ phc, password }, share)) as boolean,
    verifiable: isVerifiable,
    verifyNothing: async (password, share) => {
      await pool.run({ phc: nothing, password }, share);
      return false;
    },
    admit: pool.admit,
    outdated: (phc) => differs(phc, cost),
    stats: pool.stats,
    close: pool.close,
  };
};
