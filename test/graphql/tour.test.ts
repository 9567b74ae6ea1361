/** The five-minute tour of README.md, run from its own text: its shell blocks one after the other in one shell, against a server of `npm start`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../kit/ports.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const site = 'http://127.0.0.1:4000';

type Step = { title: string; script: string; expected: string };

/** Each `sh` block with the `text` block that follows it; the title is the bold word before it. */
const stepsOf = (text: string): Step[] => {
  const tour = /<!-- tour -->(.*)<!-- \/tour -->/s.exec(text)?.[1] ?? '';
  const block = /(.*?)```sh\n(.*?)```\n(?:\s*```text\n(.*?)```\n)?/gs;
  return [...tour.matchAll(block)].map(([, before = '', script = '', expected = '']) => ({
    title: /\*\*(.+?)\.\*\*/.exec(before)?.[1] ?? 'Helpers',
    script,
    expected: expected.trim(),
  }));
};
/** `…` stands for anything on its line. */
const patternOf = (expected: string): RegExp =>
  new RegExp(`^${expected.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&').replaceAll('…', '[^\\n]*?')}$`);

const steps = stepsOf(readme);
const directory = mkdtempSync(join(tmpdir(), 'latchkey-tour-'));
let port: number;
let server: ChildProcess;
let said = '';
let shell: ChildProcess;
let output = '';

/** What a person would copy, with the address of this run's server. */
const run = async (script: string, withinMs = 15_000): Promise<string> => {
  const mark = `--- end of step ${Math.random()} ---`;
  output = '';
  shell.stdin?.write(`${script.replaceAll(site, `http://127.0.0.1:${port}`)}\necho '${mark}'\n`);
  for (let waited = 0; !output.includes(mark); waited += 20) {
    if (waited > withinMs || shell.exitCode !== null)
      throw new Error(`the step does not end; it said:\n${output}\nthe server said:\n${said}`);
    await sleep(20);
  }
  return output.slice(0, output.indexOf(mark)).trim();
};

beforeAll(async () => {
  port = await freePort();
  const env: Record<string, string | undefined> = {
    ...process.env,
    PORT: String(port),
    HOST: '127.0.0.1',
    DATA_DIR: join(directory, 'data'),
  };
  // The tour is of a machine where nothing is set.
  for (const name of ['NODE_ENV', 'DATABASE_URL', 'REDIS_URL', 'SMTP_URL', 'PUBLIC_URL', 'BOOTSTRAP_ADMIN_EMAIL', 'VITEST'])
    delete env[name];
  // A group of its own: what Ctrl-C reaches in a terminal.
  server = spawn('npm', ['start'], { cwd: root, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [server.stdout, server.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (said += text));
  // The last line of those that a start prints.
  for (let waited = 0; !said.includes('First admin:'); waited += 50) {
    if (waited > 25_000 || server.exitCode !== null) throw new Error(`npm start is not ready:\n${said}`);
    await sleep(50);
  }
  shell = spawn('bash', ['--noprofile', '--norc'], { cwd: directory, env: { PATH: process.env['PATH'], TMPDIR: directory } });
  for (const stream of [shell.stdout, shell.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
}, 40_000);

afterAll(async () => {
  shell?.kill('SIGKILL');
  if (server?.pid && server.exitCode === null && server.signalCode === null) {
    const ended = once(server, 'exit');
    process.kill(-server.pid, 'SIGINT');
    await ended;
  }
  rmSync(directory, { recursive: true, force: true });
}, 40_000);

describe('the tour in README.md', () => {
  it('has the two commands, and every step that was promised', () => {
    expect(readme).toContain('npm ci && npm start');
    expect(readme).toContain('npm ci && npm test');
    const titles = ['Register', 'Verify', 'Sign in', 'Follow your sessions live', 'Refresh', 'Revoke'];
    expect(steps.map((step) => step.title)).toEqual(expect.arrayContaining(titles));
    expect(steps.filter((step) => step.expected !== '').length).toBeGreaterThanOrEqual(7);
    expect(steps.length).toBe(readme.match(/^```sh$/gm)?.length);
  });

  it('would notice an answer that is not the expected one', () => {
    expect('{"a":1}').toMatch(patternOf('{"a":…}'));
    expect('{"a":1}\nmore').not.toMatch(patternOf('{"a":…}'));
    expect('{"b":1}').not.toMatch(patternOf('{"a":…}'));
  });

  it('starts with a server that says where GraphQL, the inbox and the first administrator’s link are', () => {
    for (const path of ['/graphql', '/inbox', '/bootstrap?token=']) expect(said).toContain(`http://127.0.0.1:${port}${path}`);
  });

  // A later step uses what an earlier one made: one failure fails those after it, which says where to look.
  it.each(steps)('gives what README.md says at step $title', async ({ script, expected }) => {
    expect(await run(script)).toMatch(patternOf(expected));
  });

  it('ends with Ctrl-C, the database with it', async () => {
    const databaseUrl = readFileSync(join(directory, 'data', 'postgres.url'), 'utf8');
    const connect = async () => {
      const client = new pg.Client({ connectionString: databaseUrl });
      await client.connect();
      await client.end();
    };
    await connect();
    const ended = once(server, 'exit');
    process.kill(-(server.pid as number), 'SIGINT');
    await ended;
    await expect(connect()).rejects.toThrow('ECONNREFUSED');
  }, 30_000);
});
