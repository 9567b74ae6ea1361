/** A real Redis for tests: `redis-server` on PATH, else the one of REDIS_URL. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './ports.ts';

const givenUrl = process.env['REDIS_URL'];
/** Whether tests can have a Redis that they may kill and restart. */
export const redisKillable = spawnSync('redis-server', ['--version']).status === 0;
/** Whether tests can have a Redis at all. */
export const redisAvailable = redisKillable || Boolean(givenUrl);
/** What to tell the person who runs the tests; undefined where nothing is skipped. Printed once, by ./cluster.ts. */
export const redisMissing = redisKillable
  ? undefined
  : redisAvailable
    ? 'SKIPPED: tests that kill and restart Redis: they need redis-server on PATH'
    : 'SKIPPED: every test against a real Redis: they need redis-server on PATH or REDIS_URL';

export type TestRedis = {
  readonly url: string;
  /** SIGKILL; what it held is gone. */
  kill(): Promise<void>;
  /** A new, empty one on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
};

const launch = async (port: number): Promise<ChildProcess> => {
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', tmpdir()];
  const child = spawn('redis-server', options, { stdio: 'ignore' });
  for (let tries = 0; tries < 200 && child.exitCode === null; tries++) {
    const socket = connect(port, '127.0.0.1');
    const answers = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'error').then(() => false)]).catch(
      () => false,
    );
    socket.destroy();
    if (answers) return child;
    await sleep(25);
  }
  child.kill('SIGKILL');
  throw new Error(`redis-server does not start on port ${port}`);
};

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
};

/** A Redis of one's own, empty and without persistence. With REDIS_URL alone it is shared, and cannot be killed (see `redisKillable`). */
export const startRedis = async (): Promise<TestRedis> => {
  if (!redisKillable) {
    if (!givenUrl) throw new Error('there is no Redis here: ask redisAvailable first');
    const refuse = async () => {
      throw new Error('the Redis of REDIS_URL is not killed: ask redisKillable first');
    };
    return { url: givenUrl, kill: refuse, restart: refuse, stop: async () => {} };
  }
  const port = await freePort();
  let child = await launch(port);
  // A test run that ends on the spot leaves no server behind.
  const onExit = () => child.kill('SIGKILL');
  process.once('exit', onExit);
  return {
    url: `redis://127.0.0.1:${port}`,
    kill: () => end(child),
    restart: async () => {
      await end(child);
      child = await launch(port);
    },
    stop: async () => {
      process.off('exit', onExit);
      await end(child);
    },
  };
};
