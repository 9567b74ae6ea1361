/**
 * Latchkey by its own start (`node src/main.ts`), as it is run for real where there is a Redis (NODE_ENV=production), else as it comes.
 * Rate limits are off, since all the load comes from one client.
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, type Server, startServer } from '../lib/server.ts';
import { settings } from '../lib/settings.ts';

export type Latchkey = {
  readonly production: boolean;
  /** On one core, as its rivals have, or on all of them; several processes are one service. */
  start(cores: 'one' | 'all', more?: Record<string, string>): Promise<Server>;
  close(): Promise<void>;
};

/** REDIS_URL, else a redis-server of PATH without persistence, else none. */
const startRedis = async (): Promise<{ url: string; stop(): Promise<void> } | null> => {
  const given = process.env['REDIS_URL'];
  if (given) return { url: given, stop: async () => {} };
  if (spawnSync('redis-server', ['--version']).status !== 0) return null;
  const port = await freePort();
  const child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', tmpdir()], {
    stdio: 'ignore',
  });
  process.once('exit', () => child.kill('SIGKILL'));
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
};

const limitsOff = { RATE_LIMIT_LOGIN: 'off', RATE_LIMIT_REGISTER: 'off', RATE_LIMIT_REFRESH: 'off', RATE_LIMIT_RESET: 'off' };
const productionOf = (redisUrl: string) => ({
  NODE_ENV: 'production',
  REDIS_URL: redisUrl,
  // Nothing here sends a letter.
  SMTP_URL: 'smtp://127.0.0.1:9',
  MAIL_FROM: 'bench@example.com',
  PUBLIC_URL: 'https://id.example.com',
});

export const openLatchkey = async (databaseUrl: string): Promise<Latchkey> => {
  const dataDir = await mkdtemp(join(tmpdir(), 'latchkey-bench-'));
  const keyFile = join(dataDir, 'master-keys.json');
  await writeFile(keyFile, JSON.stringify({ current: 'bench', keys: { bench: randomBytes(32).toString('base64') } }), { mode: 0o600 });
  const redis = await startRedis();
  const env = {
    DATA_DIR: dataDir,
    KMS_MASTER_KEY_FILE: keyFile,
    DATABASE_URL: databaseUrl,
    DATABASE_POOL_SIZE: String(settings.pool),
    ACCESS_TOKEN_TTL_SECONDS: '7200',
    LOG_LEVEL: 'warn',
    ...limitsOff,
    ...(redis && productionOf(redis.url)),
  };
  const { profileDir } = settings;
  const nodeFlags = profileDir ? ['--cpu-prof', `--cpu-prof-dir=${profileDir}`] : [];
  return {
    production: redis !== null,
    start: (cores, more = {}) =>
      startServer({
        file: new URL('../../src/main.ts', import.meta.url),
        env: { ...env, ...more },
        ready: 'Latchkey is ready',
        cores,
        nodeFlags,
      }),
    close: async () => {
      await redis?.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};
