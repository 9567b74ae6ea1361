import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, cp, lstat, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { plainLog } from '../../scripts/scratch.ts';
import { type Embedded, startEmbedded } from '../../src/infra/postgres/embedded.ts';
import { commandOf } from '../../src/infra/postgres/instance-lock.ts';
import { findBinaries } from '../../src/infra/postgres/links.ts';

const said: { data: object; message: string }[] = [];
const keep = (data: object, message: string) => said.push({ data, message });
const log = { ...plainLog, warn: keep, error: keep };

let dataDir: string;
/** A data directory in which PostgreSQL was started once and stopped: most of a first start's time is initdb's. */
let used: string;
beforeAll(async () => {
  used = await mkdtemp(join(tmpdir(), 'latchkey-embedded-'));
  await (await startEmbedded({ dataDir: used, log })).stop();
});
afterAll(() => rm(used, { recursive: true, force: true }));
/** Makes this test's directory a copy of that one, with its owners. */
const takeUsed = () => execFileSync('cp', ['-a', `${used}/.`, dataDir]);
const running: { stop(): Promise<void> }[] = [];
const start = async (): Promise<Embedded> => {
  const embedded = await startEmbedded({ dataDir, log });
  running.push(embedded);
  return embedded;
};
const query = async (url: string, text: string): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  return client
    .query(text)
    .then(({ rows }) => rows)
    .finally(() => client.end());
};
const serverPid = async (): Promise<number> => Number.parseInt(await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8'), 10);
const runs = async (pid: number): Promise<boolean> => (await commandOf(pid)) !== '';
const until = async (what: () => Promise<boolean>): Promise<void> => {
  for (let waited = 0; !(await what()); waited += 25) {
    if (waited > 10_000) throw new Error('waited for ten seconds in vain');
    await sleep(25);
  }
};

/** A Latchkey in a process of its own, which can be killed; resolves with its database's URL. */
const startElsewhere = async (): Promise<{ child: ChildProcess; url: string }> => {
  const script = `
    import { startEmbedded } from ${JSON.stringify(new URL('../../src/infra/postgres/embedded.ts', import.meta.url).href)};
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const { url } = await startEmbedded({ dataDir: ${JSON.stringify(dataDir)}, log });
    process.on('SIGINT', () => {});
    process.on('SIGTERM', () => {});
    console.log(url);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  running.push({ stop: async () => void child.kill('SIGKILL') });
  const [text] = (await once(child.stdout!, 'data')) as [Buffer];
  return { child, url: text.toString().trim() };
};

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'latchkey-embedded-'));
  said.length = 0;
});
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
  // A server whose Latchkey was killed takes a moment to go.
  await until(async () => !(await runs(await serverPid().catch(() => 0))));
  await rm(dataDir, { recursive: true, force: true });
});

describe('The embedded PostgreSQL', () => {
  it('starts on 127.0.0.1 with a UTF-8 database, scram passwords and secrets that only the owner reads', async () => {
    const { url } = await start();
    expect(new URL(url).hostname).toBe('127.0.0.1');
    const [row] = await query(
      url,
      `SELECT current_setting('listen_addresses') AS listen, current_setting('unix_socket_directories') AS sockets, current_database() AS db,
              pg_encoding_to_char(encoding) AS encoding, current_setting('TimeZone') AS zone,
              (SELECT bool_and(auth_method = 'scram-sha-256') FROM pg_hba_file_rules) AS scram
         FROM pg_database WHERE datname = current_database()`,
    );
    expect(row).toEqual({ listen: '127.0.0.1', sockets: '', db: 'latchkey', encoding: 'UTF8', zone: 'UTC', scram: true });
    for (const file of ['postgres.password', 'postgres.url']) expect((await stat(join(dataDir, file))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(dataDir, 'postgres.url'), 'utf8')).toBe(url);
    const wrong = Object.assign(new URL(url), { password: 'wrong' }).href;
    await expect(query(wrong, 'SELECT 1')).rejects.toThrow('password authentication failed');
  });

  it('keeps its data and its password from one start to the next, and lets go of everything when it stops', async () => {
    const first = await start();
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    const pid = await serverPid();
    await first.stop();
    expect(await runs(pid)).toBe(false);
    await expect(stat(join(dataDir, 'lock'))).rejects.toThrow('ENOENT');
    const second = await start();
    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    expect(new URL(second.url).password).toBe(new URL(first.url).password);
  });

  it('refuses a second Latchkey on the same directory, names the first, and does not harm it', async () => {
    takeUsed();
    const { url } = await start();
    await expect(startEmbedded({ dataDir, log })).rejects.toThrow(`Another Latchkey (pid ${process.pid}) uses DATA_DIR ${dataDir}`);
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('lets exactly one of two that start at the same time have the directory', async () => {
    const results = await Promise.allSettled([start(), start(), start()]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) if (result.status === 'rejected') expect(result.reason.message).toMatch(/^Another Latchkey/);
  });

  it('does not outlive a Latchkey that is killed', async () => {
    takeUsed();
    const { child } = await startElsewhere();
    const pid = await serverPid();
    child.kill('SIGKILL');
    await until(async () => !(await runs(pid)));
  });

  it.skipIf(process.platform !== 'linux')('is shut down by the next start where it was left behind all the same', async () => {
    takeUsed();
    const { child, url } = await startElsewhere();
    await query(url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    const left = await serverPid();
    for (const pid of (await readdir('/proc')).map(Number).filter(Number.isInteger)) {
      const command = await commandOf(pid);
      if (command.includes('read -r _') && command.includes(dataDir)) process.kill(pid, 'SIGKILL');
    }
    child.kill('SIGKILL');
    await sleep(200);
    expect(await runs(left)).toBe(true);
    expect(await query((await start()).url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    expect(await runs(left)).toBe(false);
    expect(said).toEqual([{ data: { pid: left }, message: expect.stringContaining('left behind by a Latchkey that was killed') }]);
  });

  it('starts again at once, with everything committed, where Latchkey and PostgreSQL were both killed', async () => {
    takeUsed();
    const { child, url } = await startElsewhere();
    await query(url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    process.kill(await serverPid(), 'SIGKILL');
    child.kill('SIGKILL');
    expect(await query((await start()).url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('starts where the lock files name processes that are something else by now', async () => {
    takeUsed();
    await writeFile(join(dataDir, 'lock'), JSON.stringify({ pid: process.ppid, started: 'another boot' }));
    await writeFile(join(dataDir, 'postgres/postmaster.pid'), `${process.ppid}\n${dataDir}/postgres\n0\n1\n\n127.0.0.1\n`);
    const owner = await stat(join(dataDir, 'postgres'));
    await chown(join(dataDir, 'postgres/postmaster.pid'), owner.uid, owner.gid);
    expect(await query((await start()).url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('starts where an earlier first start was killed half-way', async () => {
    await cp(dirname((await findBinaries()).initdb), join(dataDir, 'postgres.new'), { recursive: true });
    expect(await query((await start()).url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('is started again on the same port where it is killed alone', async () => {
    takeUsed();
    const { url } = await start();
    await query(url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    process.kill(await serverPid(), 'SIGKILL');
    await until(() =>
      query(url, 'SELECT answer FROM kept').then(
        () => true,
        () => false,
      ),
    );
    expect(said.map(({ message }) => message)).toEqual(['the embedded PostgreSQL ended unexpectedly: starting it again']);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('goes on while Latchkey drains after %s to its whole process group', async (signal) => {
    takeUsed();
    const { child, url } = await startElsewhere();
    process.kill(-child.pid!, signal);
    await sleep(300);
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('says in a sentence why data of another major version cannot be used, and leaves it alone', async () => {
    takeUsed();
    await writeFile(join(dataDir, 'postgres/PG_VERSION'), '12\n');
    await expect(start()).rejects.toThrow(/did not start: .*incompatible/s);
    expect(await readFile(join(dataDir, 'postgres/PG_VERSION'), 'utf8')).toBe('12\n');
  });

  it('reports nothing of a statement, since statements hold secrets', async () => {
    takeUsed();
    const { url } = await start();
    const lines: string[] = [];
    await (running.pop() as Embedded).stop();
    const noisy = await startEmbedded({ dataDir, log: { ...log, debug: (data) => lines.push(JSON.stringify(data)) } });
    running.push(noisy);
    expect(url).not.toBe(noisy.url);
    await expect(query(noisy.url, "SELECT 'hunter2' FROM nowhere")).rejects.toThrow('nowhere');
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join('\n')).not.toMatch(/hunter2|nowhere/);
  });
});

describe('The libraries of the embedded PostgreSQL', () => {
  it('are linked where npm ran no install script, and the programs made executable', async () => {
    const original = dirname(dirname(dirname((await findBinaries()).initdb)));
    const copy = join(dataDir, 'package');
    await cp(original, copy, { recursive: true, verbatimSymlinks: true });
    const links = JSON.parse(await readFile(join(copy, 'native/pg-symlinks.json'), 'utf8')) as { target: string }[];
    expect(links.length).toBeGreaterThan(5);
    for (const { target } of links) await rm(join(copy, target));
    await chmod(join(copy, 'native/bin/postgres'), 0o644);
    const { postgres } = await findBinaries(copy);
    for (const { target } of links) expect((await lstat(join(copy, target))).isSymbolicLink()).toBe(true);
    const version = spawn(postgres, ['--version'], { stdio: ['ignore', 'pipe', 'inherit'] });
    expect(String((await once(version.stdout, 'data'))[0])).toMatch(/^postgres \(PostgreSQL\) \d+/);
  });
});
