import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '../src/infra/ports.ts';
import { startEmbedded } from '../src/infra/postgres/embedded.ts';

const say = (data: object, message: string) => console.error(message, data);
/** Warnings and errors on stderr. */
export const plainLog: Log = { debug: () => {}, info: () => {}, warn: say, error: say, child: () => plainLog };

/** A PostgreSQL of its own in a temporary directory, gone with `stop`: fast, because nothing in it has to survive anything. */
export const startScratch = async (tuning: Record<string, string> = {}): Promise<{ url: string; stop(): Promise<void> }> => {
  const dataDir = await mkdtemp(join(tmpdir(), 'latchkey-scratch-'));
  // As root the server runs as another user, who has to pass through; the cluster itself is closed.
  await chmod(dataDir, 0o711);
  const discard = () => rm(dataDir, { recursive: true, force: true });
  try {
    const unsafe = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };
    const { url, stop } = await startEmbedded({ dataDir, log: plainLog, tuning: { ...unsafe, ...tuning } });
    return { url, stop: () => stop().finally(discard) };
  } catch (error) {
    await discard();
    throw error;
  }
};
