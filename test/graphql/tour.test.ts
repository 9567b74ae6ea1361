/** The five-minute tour of README.md, run from its own text: its shell blocks one after the other in one shell, against a server of `npm start`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NpmStart, npmStart } from '../kit/npm-start.ts';

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
let server: NpmStart;
let shell: ChildProcess;
let output = '';

/** What a person would copy, with the address of this run's server. */
const run = async (script: string, withinMs = 15_000): Promise<string> => {
  const mark = `--- end of step ${Math.random()} ---`;
  output = '';
  shell.stdin?.write(`${script.replaceAll(site, server.url)}\necho '${mark}'\n`);
  for (let waited = 0; !output.includes(mark); waited += 20) {
    if (waited > withinMs || shell.exitCode !== null)
      throw new Error(`the step does not end; it said:\n${output}\nthe server said:\n${server.output()}`);
    await sleep(20);
  }
  return output.slice(0, output.indexOf(mark)).trim();
};

beforeAll(async () => {
  server = await npmStart();
  shell = spawn('bash', ['--noprofile', '--norc'], {
    cwd: server.directory,
    env: { PATH: process.env['PATH'], TMPDIR: server.directory },
  });
  for (const stream of [shell.stdout, shell.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
}, 40_000);

afterAll(async () => {
  shell?.kill('SIGKILL');
  await server?.close();
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
    for (const path of ['/graphql', '/inbox', '/bootstrap?token=']) expect(server.output()).toContain(`${server.url}${path}`);
  });

  // A later step uses what an earlier one made: one failure fails those after it, which says where to look.
  it.each(steps)('gives what README.md says at step $title', async ({ script, expected }) => {
    expect(await run(script)).toMatch(patternOf(expected));
  });

  it('ends with Ctrl-C, the database with it', async () => {
    const databaseUrl = readFileSync(join(server.directory, 'data', 'postgres.url'), 'utf8');
    const connect = async () => {
      const client = new pg.Client({ connectionString: databaseUrl });
      await client.connect();
      await client.end();
    };
    await connect();
    await server.interrupt();
    await expect(connect()).rejects.toThrow('ECONNREFUSED');
  }, 30_000);
});
