/** Starts a server as a process of its own and ends it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { onCores } from './cores.ts';

export type Server = { readonly port: number; readonly pid: number; stop(): Promise<void> };

export const freePort = (): Promise<number> =>
  new Promise((found, failed) => {
    const server = createServer().once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (address && typeof address === 'object' ? found(address.port) : failed(new Error('no free port'))));
    });
  });

const startMs = 30_000;

const stop = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
  await ended;
  clearTimeout(late);
};

/** Resolves when the process has printed `ready`; its environment is PATH and `env` alone, so that nothing of the shell's counts. */
export const startServer = async (options: {
  file: URL;
  env: Record<string, string>;
  ready: string;
  cores: 'one' | 'all';
  nodeFlags?: string[];
}): Promise<Server> => {
  const port = await freePort();
  const [command, ...args] = [...onCores(options.cores), process.execPath, ...(options.nodeFlags ?? []), fileURLToPath(options.file)];
  const env = { PATH: process.env['PATH'] ?? '', ...options.env, HOST: '127.0.0.1', PORT: String(port) };
  const child = spawn(command as string, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const onExit = () => child.kill('SIGKILL');
  process.once('exit', onExit);
  child.once('exit', () => process.off('exit', onExit));
  let said = '';
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      said = (said + chunk).slice(-10_000);
      if (said.includes(options.ready)) resolve();
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${options.file.pathname} ended with ${code}: ${said}`)));
    setTimeout(() => reject(new Error(`${options.file.pathname} is not ready after ${startMs / 1000} s: ${said}`)), startMs).unref();
  });
  try {
    await ready;
  } catch (error) {
    await stop(child);
    throw error;
  }
  return { port, pid: child.pid as number, stop: () => stop(child) };
};
