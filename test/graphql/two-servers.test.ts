/** Two server processes on one PostgreSQL and one Redis are one service; and without Redis what matters still reaches the other by the log. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../kit/client.ts';
import { freshDatabase, type TestDatabase } from '../kit/database.ts';
import { type ServerProcess, startServer } from '../kit/process.ts';
import { redisAvailable, startRedis, type TestRedis } from '../kit/redis.ts';
import { openStream } from '../kit/stream.ts';
import { loginMutation, password, refreshMutation } from '../kit/world.ts';

const register =
  'mutation ($email: EmailAddress!, $password: String!) { register(input: { email: $email, password: $password }) { __typename } }';
const verify =
  'mutation ($email: EmailAddress!, $code: String!) { verifyEmail(input: { email: $email, code: $code }) { ... on User { id } } }';
const revoke = 'mutation ($id: ID!) { revokeSession(input: { sessionId: $id }) { __typename } }';

/** Starts two servers, has one person join at the first; `redis` or none. */
const openPair = async (redis: TestRedis | null) => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-pair-'));
  const database: TestDatabase = await freshDatabase();
  const settings = {
    DATABASE_URL: database.url,
    DATA_DIR: directory,
    KMS_MASTER_KEY_FILE: join(directory, 'master-keys.json'),
    RATE_LIMIT_REGISTER: '6/3600s',
    ...(redis && { REDIS_URL: redis.url }),
  };
  const servers: ServerProcess[] = await Promise.all([startServer(settings), startServer(settings)]);
  const [a, b] = servers as [ServerProcess, ServerProcess];
  const email = 'ada@example.com';
  await a.client.ask(register, { email, password });
  let code: string | undefined;
  for (let waited = 0; !code && waited < 10_000; waited += 50) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    // Either server may have sent the mail: each has an inbox of its own.
    for (const { url } of servers) {
      const mails = (await (await fetch(`${url}/inbox`, { headers: { accept: 'application/json' } })).json()) as { text: string }[];
      code ??= /^\d{6}$/m.exec(mails[0]?.text ?? '')?.[0];
    }
  }
  await b.client.ask(verify, { email, code });
  const signIn = async (client: Client) => {
    const { data } = await client.ask(loginMutation, { input: { email, password } });
    return data.login as { accessToken: string; refreshToken: string; session: { id: string } };
  };
  const close = async () => {
    await Promise.all(servers.map((server) => server.kill()));
    await database.drop();
    rmSync(directory, { recursive: true, force: true });
  };
  return { a, b, signIn, close };
};

const within = async (ms: number, done: () => Promise<boolean>): Promise<number> => {
  const began = performance.now();
  while (!(await done())) if (performance.now() - began > ms) break;
  return performance.now() - began;
};

describe.each([
  ['with Redis', true],
  ['without Redis', false],
] as const)('two servers %s', (_, withRedis) => {
  let redis: TestRedis | null = null;
  let pair: Awaited<ReturnType<typeof openPair>>;
  beforeAll(async () => {
    if (withRedis && !redisAvailable) return;
    redis = withRedis ? await startRedis() : null;
    pair = await openPair(redis);
  }, 60_000);
  afterAll(async () => {
    await pair?.close();
    await redis?.stop();
  });
  const skip = withRedis && !redisAvailable;

  it.skipIf(skip)('know each other’s tokens, and a session that one revokes is dead at the other within a second', async () => {
    const { a, b, signIn } = pair;
    const [doomed, other] = [await signIn(a.client), await signIn(b.client)];
    expect((await b.client.as(doomed.accessToken).ask('{ me { email } }')).data.me.email).toBe('ada@example.com');
    await a.client.as(other.accessToken).ask(revoke, { id: doomed.session.id });
    const dead = async () =>
      (await b.client.as(doomed.accessToken).ask('{ me { id } }')).errors?.[0]?.extensions.code === 'UNAUTHENTICATED';
    expect(await within(2000, dead)).toBeLessThan(1000);
    expect((await b.client.ask(refreshMutation, { input: { refreshToken: doomed.refreshToken } })).data.refresh.__typename).toBe(
      'SessionEnded',
    );
  });

  it.skipIf(skip)('tell each other’s events to live subscribers within a second', async () => {
    const { a, b, signIn } = pair;
    const watcher = await signIn(b.client);
    const stream = await openStream(b.client.as(watcher.accessToken), 'subscription { sessionEvents { type session { id } } }');
    const began = performance.now();
    const made = await signIn(a.client);
    let { sessionEvents } = await stream.next();
    // What was committed just before may still be told: commit order waits for every transaction of the server.
    while (sessionEvents.session.id !== made.session.id) ({ sessionEvents } = await stream.next());
    expect(sessionEvents).toEqual({ type: 'CREATED', session: { id: made.session.id } });
    expect(performance.now() - began).toBeLessThan(1500);
    await stream.close();
  });

  if (!withRedis) return;
  it.skipIf(skip)('count limits together', async () => {
    const { a, b } = pair;
    const kinds: string[] = [];
    for (let i = 0; i < 8; i++) {
      const { data } = await (i % 2 ? a : b).client.ask(register, { email: `person${i}@example.com`, password });
      kinds.push(data.register.__typename);
    }
    // One place went to Ada.
    expect(kinds.filter((kind) => kind === 'Registration')).toHaveLength(5);
    expect(kinds.slice(5)).toEqual(['TooManyAttempts', 'TooManyAttempts', 'TooManyAttempts']);
  });
});
