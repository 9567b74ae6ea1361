/** Real servers: `node src/main.ts` in processes of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Client, clientOf } from './client.ts';
import { freePort } from './ports.ts';
import { baseSettings } from './world.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const readyMs = 60_000;

export type ServerProcess = {
  readonly url: string;
  readonly client: Client;
  readonly pid: number;
  /** What it has written to its terminal. */
  output(): string;
  /** SIGTERM; the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
  signal(name: NodeJS.Signals): void;
};

const ended = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** Starts a server and resolves when it answers. `settings` are environment variables by name; nothing of this process's own is handed on. */
export const startServer = async (settings: Record<string, string>): Promise<ServerProcess> => {
  const port = await freePort();
  const child = spawn(process.execPath, ['src/main.ts'], {
    cwd: root,
    env: { PATH: process.env['PATH'], TZ: 'UTC', ...baseSettings, PUBLIC_URL: 'https://id.example.com', PORT: String(port), ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk));
  // A test run that ends on the spot leaves no server behind.
  const onExit = () => child.kill('SIGKILL');
  process.once('exit', onExit);
  const end = async (name: NodeJS.Signals): Promise<number | null> => {
    process.off('exit', onExit);
    if (!ended(child)) {
      const exit = once(child, 'exit');
      child.kill(name);
      // A stopped process takes no other signal until it goes on.
      child.kill('SIGCONT');
      await exit;
    }
    return child.exitCode;
  };

  const url = `http://127.0.0.1:${port}`;
  const client = clientOf(url);
  for (const until = Date.now() + readyMs; ; ) {
    if (ended(child) || Date.now() > until) {
      await end('SIGKILL');
      throw new Error(`the server does not start: ${said}`);
    }
    const answer = await client.ask('{ serviceInfo { name } }').catch(() => null);
    if (answer?.data?.serviceInfo) break;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  return {
    url,
    client,
    pid: child.pid as number,
    output: () => said,
    stop: () => end('SIGTERM'),
    kill: async () => void (await end('SIGKILL')),
    signal: (name) => void child.kill(name),
  };
};
