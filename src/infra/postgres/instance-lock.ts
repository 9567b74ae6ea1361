/** One process per data directory: a lock file that names its holder, and that a dead holder does not keep. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { StartError } from '../ports.ts';

/**
 * When process `pid` started, in a form only good for comparing; null where there is no such process. Two processes that got the same
 * number one after the other (always so in containers) differ in it.
 */
const startOf = async (pid: number): Promise<string | null> => {
  if (process.platform !== 'linux') {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
    return stdout.trim() || null;
  }
  const [boot, status] = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
    readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null),
  ]);
  // proc(5): field 22 is starttime; field 2 is the name in parentheses and may hold blanks and parentheses itself.
  const fields = status?.slice(status.lastIndexOf(')') + 2).split(' ');
  return fields && fields[0] !== 'Z' ? `${boot.trim()} ${fields[19]}` : null;
};

/** The command line of process `pid`; empty where it cannot be had. */
export const commandOf = async (pid: number): Promise<string> => {
  if (process.platform === 'linux') return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');
  return (await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({ stdout: '' }))).stdout;
};

type Holder = { pid: number; started: string | null };

const liveHolder = async (text: string): Promise<number | null> => {
  const { pid, started } = JSON.parse(text) as Holder;
  return started !== null && (await startOf(pid)) === started ? pid : null;
};

/** Locks `dataDir` for this process and gives the function that unlocks it. Throws, naming the holder, where another process has it. */
export const lockDataDir = async (dataDir: string): Promise<() => Promise<void>> => {
  const file = join(dataDir, 'lock');
  // A holder that is being killed or replaced takes a moment to go.
  const patience = Date.now() + 1000;
  const own = `${file}.${randomUUID()}`;
  const text = JSON.stringify({ pid: process.pid, started: await startOf(process.pid) } satisfies Holder);
  await writeFile(own, text);
  try {
    for (;;) {
      try {
        // A link appears at once and complete, or not at all.
        await link(own, file);
        return () => rm(file, { force: true });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const found = await readFile(file, 'utf8').catch(() => null);
      if (found === null) continue;
      const pid = await liveHolder(found).catch(() => null);
      if (pid !== null && Date.now() < patience) {
        await sleep(50);
        continue;
      }
      if (pid !== null) throw new StartError(`Another Latchkey (pid ${pid}) uses DATA_DIR ${dataDir}. Stop it, or set another DATA_DIR.`);
      // Renamed and not removed: whoever starts at the same time may have put a lock of its own here since it was read.
      await rename(file, `${own}.stale`).catch(() => {});
      const taken = await readFile(`${own}.stale`, 'utf8').catch(() => found);
      if (taken !== found) await link(`${own}.stale`, file).catch(() => {});
      await rm(`${own}.stale`, { force: true });
    }
  } finally {
    await rm(own, { force: true });
  }
};
