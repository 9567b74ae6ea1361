/** What sealing and opening cost beside the cipher alone, on one core. */
import { atLeast, type Section } from '../lib/report.ts';
import { compare, type Result } from '../lib/rounds.ts';
import { rawLoop } from '../lib/sides.ts';
import type { Stage } from '../lib/stage.ts';

export const kms = async (stage: Stage): Promise<Section> => {
  const server = await stage.rival('aes');
  const side = (name: string, path: string) => rawLoop(name, server, path);
  const results = await compare([
    side('seal: a new data key, wrapped', '/seal'),
    side('open, data key cached', '/open/cached'),
    side('open, data key not cached', '/open/uncached'),
    side('AES-256-GCM alone, encrypt', '/raw/seal'),
    side('AES-256-GCM alone, decrypt', '/raw/open'),
  ]);
  // What a turn costs by the processor's time is of a batch there, and of no answer.
  const plain = results.map((result) => ({ ...result, cost: null })) as Result[];
  const [seal, cached, uncached, encrypt, decrypt] = plain as [Result, Result, Result, Result, Result];
  return {
    title: 'seal and open 32 bytes with the local KMS against AES-256-GCM of node:crypto',
    results: plain,
    notes: [
      'Every value has a data key of its own, so sealing is two encryptions and a random key at the least, and opening without the cache two decryptions. With AWS or Vault a call over the network takes the place of the second.',
      'Latencies are means of batches of 50.',
    ],
    verdicts: [
      atLeast('seal / AES-256-GCM alone', 0.25, seal, encrypt),
      atLeast('open with a cached data key / AES-256-GCM alone', 0.5, cached, decrypt),
      atLeast('open without / AES-256-GCM alone', 0.25, uncached, decrypt),
    ],
  };
};
