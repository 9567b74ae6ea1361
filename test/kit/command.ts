/** Commands of the house in processes of their own: `node src/kms.ts rewrap`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
export type Ended = { code: number | null; signal: NodeJS.Signals | null; said: string; errors: string };

/** Starts one; `settings` are environment variables by name, and nothing of this process's own is handed on. */
export const startCommand = (args: readonly string[], settings: Record<string, string>): { child: ChildProcess; ended: Promise<Ended> } => {
  const env = { PATH: process.env['PATH'], TZ: 'UTC', NODE_ENV: 'test', ...settings };
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [said, errors] = ['', ''];
  child.stdout.on('data', (part: Buffer) => (said += part));
  child.stderr.on('data', (part: Buffer) => (errors += part));
  return { child, ended: once(child, 'close').then(([code, signal]) => ({ code, signal, said, errors })) };
};
