/** A server as a person has it: `npm start` in this directory, with nothing set but what a test sets. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from './ports.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const readyMs = 60_000;

export type NpmStart = {
  readonly url: string;
  readonly port: number;
  /** The directory that is the server's own; its data are in `data`. */
  readonly directory: string;
  output(): string;
  /** Ctrl-C, and the end of what it started. */
  interrupt(): Promise<void>;
  /** Also removes the directory. */
  close(): Promise<void>;
};

const isRunning = (child: ChildProcess) => child.exitCode === null && child.signalCode === null;

export const npmStart = async (settings: Record<string, string> = {}): Promise<NpmStart> => {
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-npm-start-'));
  const env: Record<string, string | undefined> = {
    ...process.env,
    PORT: String(port),
    HOST: '127.0.0.1',
    DATA_DIR: join(directory, 'data'),
  };
  for (const name of ['NODE_ENV', 'DATABASE_URL', 'REDIS_URL', 'SMTP_URL', 'PUBLIC_URL', 'BOOTSTRAP_ADMIN_EMAIL', 'VITEST'])
    delete env[name];
  // A group of its own: what Ctrl-C reaches in a terminal.
  const child = spawn('npm', ['start'], { cwd: root, env: { ...env, ...settings }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const interrupt = async (): Promise<void> => {
    if (!child.pid || !isRunning(child)) return;
    const ended = once(child, 'exit');
    process.kill(-child.pid, 'SIGINT');
    await ended;
  };
  const close = async (): Promise<void> => {
    await interrupt();
    rmSync(directory, { recursive: true, force: true });
  };
  // The last line of those that a start prints.
  for (let waited = 0; !said.includes('First admin:'); waited += 50) {
    if (waited > readyMs || !isRunning(child)) {
      await close();
      throw new Error(`npm start is not ready:\n${said}`);
    }
    await sleep(50);
  }
  return { url: `http://127.0.0.1:${port}`, port, directory, output: () => said, interrupt, close };
};
