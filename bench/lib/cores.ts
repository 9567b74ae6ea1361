/** Which core does what, where the system has taskset: a server under test on core 0, all else on the others. */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

const cores = availableParallelism();
export const pinning = cores > 1 && spawnSync('taskset', ['--version']).status === 0;
const others = cores > 2 ? `1-${cores - 1}` : '1';

/** This process and what it starts (PostgreSQL, Redis) leave core 0. */
export const leaveCoreZero = (): void => {
  if (pinning) spawnSync('taskset', ['-apc', others, String(process.pid)]);
};

/** What to put before a command: one core of its own, or all of them. */
export const onCores = (which: 'one' | 'all'): string[] => (pinning ? ['taskset', '-c', which === 'one' ? '0' : `0-${cores - 1}`] : []);
