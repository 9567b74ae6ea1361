/** The races again, with the callers spread over two real servers on one PostgreSQL, with and without Redis. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Client } from '../kit/client.ts';
import { freshDatabase, type TestDatabase } from '../kit/database.ts';
import { type Mailbox, openMailbox } from '../kit/mailbox.ts';
import { type ServerProcess, startServer } from '../kit/process.ts';
import { redisAvailable, startRedis, type TestRedis } from '../kit/redis.ts';
import { factsOfSession, sessionRow } from '../kit/refreshing.ts';
import { loginMutation, openWorld, password, refreshMutation, someEmail, type World } from '../kit/world.ts';

const rounds = 50;
const few = 10;
const times = <T>(count: number, work: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => work(n)));
const tally = (kinds: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const kind of kinds) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
};

const ask = async (client: Client, field: string, query: string, input?: object) => {
  const { data, errors } = await client.ask(query, input && { input });
  if (!data?.[field]) throw new Error(`${field}: ${JSON.stringify(errors)}`);
  return data[field];
};
const refresh = (client: Client, refreshToken: string) => ask(client, 'refresh', refreshMutation, { refreshToken });
const login = (client: Client, email: string, given = password) => ask(client, 'login', loginMutation, { email, password: given });
const register = (client: Client, email: string) =>
  ask(client, 'register', 'mutation ($input: RegisterInput!) { register(input: $input) { __typename } }', { email, password });
const verify = (client: Client, input: object) =>
  ask(client, 'verifyEmail', 'mutation ($input: VerifyEmailInput!) { verifyEmail(input: $input) { __typename } }', input);
const kindOf = async (answer: Promise<{ __typename: string }>): Promise<string> => (await answer).__typename;

describe.each([
  ['with Redis', true],
  ['without Redis', false],
] as const)('on two servers %s', (_title, withRedis) => {
  let [redis, mailbox, database, world]: [TestRedis?, Mailbox?, TestDatabase?, World?] = [];
  let servers: ServerProcess[] = [];
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-races-'));
  beforeAll(async () => {
    if (withRedis && !redisAvailable) return;
    redis = withRedis ? await startRedis() : undefined;
    mailbox = await openMailbox();
    database = await freshDatabase();
    const keyFile = join(directory, 'master-keys.json');
    const shared = { SMTP_URL: mailbox.url, ...(redis && { REDIS_URL: redis.url }) };
    const own = { ...shared, DATABASE_URL: database.url, DATA_DIR: directory, KMS_MASTER_KEY_FILE: keyFile };
    // At once, on a database and a directory that hold nothing yet: the first race.
    servers = await Promise.all([startServer(own), startServer(own)]);
    world = await openWorld(shared, { databaseUrl: database.url, keyFile });
  }, 60_000);
  afterAll(async () => {
    await world?.close();
    await Promise.all(servers.map((server) => server.kill()));
    await database?.drop();
    await mailbox?.stop();
    await redis?.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  const it2 = it.skipIf(withRedis && !redisAvailable);
  /** What stands in PostgreSQL alone is the same with Redis. */
  const itOnce = it.skipIf(withRedis);
  const house = () => world as World;
  /** The one server and the other in turns. */
  const side = (n: number): Client => servers[n % 2]!.client;

  it2('two that start at once make one set of keys and secrets', async () => {
    expect(await house().sql('SELECT state FROM signing_keys ORDER BY state')).toEqual([{ state: 'next' }, { state: 'active' }]);
    const person = await house().person();
    const session = await login(side(0), person.email);
    expect((await refresh(side(1), session.refreshToken)).__typename).toBe('SignedIn');
    expect((await side(1).as(session.accessToken).ask('{ me { id } }')).data.me.id).toBe(person.id);
  });

  it2('one refresh token gets everybody the same successor, and moves the session by one', async () => {
    const person = await house().person();
    const session = await login(side(0), person.email);
    let token: string = session.refreshToken;
    for (let round = 1; round <= rounds; round += 1) {
      const answers = await times(6, (n) => refresh(side(n), token));
      expect(new Set(answers.map((answer) => answer.refreshToken ?? answer.__typename)).size).toBe(1);
      token = answers[0].refreshToken;
      expect(token).toMatch(/^lkr_/);
    }
    expect(await sessionRow(house(), session.session.id)).toMatchObject({ generation: rounds, revoked_at: null });
    expect(await factsOfSession(house(), session.session.id, 'session.refreshed')).toBe(rounds);
  });

  it2('a revocation at one wins over refreshes at both, for good and within a second everywhere', async () => {
    const person = await house().person();
    const tokens: string[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const session = await login(side(round), person.email);
      const revoke = `mutation { revokeSession(input: { sessionId: "${session.session.id}" }) { __typename } }`;
      const [answers] = await Promise.all([
        times(4, (n) => refresh(side(n), session.refreshToken)),
        side(round).as(session.accessToken).ask(revoke),
      ]);
      for (const answer of [session, ...answers]) {
        if (answer.__typename !== 'SignedIn') {
          expect(answer).toMatchObject({ __typename: 'SessionEnded', reason: 'revoked' });
          continue;
        }
        tokens.push(answer.accessToken);
        expect(await refresh(side(round + 1), answer.refreshToken)).toMatchObject({ __typename: 'SessionEnded', reason: 'revoked' });
      }
    }
    expect(tokens.length).toBeGreaterThanOrEqual(rounds);
    const accepted = async () => {
      const codes = await times(2 * tokens.length, async (n) => {
        const answer = await side(n)
          .as(tokens[n >> 1]!)
          .ask('{ me { id } }');
        return answer.errors?.[0]?.extensions.code;
      });
      return codes.filter((code) => code !== 'UNAUTHENTICATED').length;
    };
    await vi.waitFor(async () => expect(await accepted()).toBe(0), { timeout: 1000, interval: 50 });
  });

  itOnce('of wrong passwords at both exactly five are judged; right ones all sign in', async () => {
    for (let round = 0; round < few; round += 1) {
      const person = await house().person();
      expect(tally(await times(10, (n) => kindOf(login(side(n), person.email))))).toEqual({ SignedIn: 10 });
      const kinds = await times(20, (n) => kindOf(login(side(n), person.email, 'a wrong password')));
      expect(tally(kinds)).toEqual({ InvalidCredentials: 5, AccountLocked: 15 });
      expect(await kindOf(login(side(round), person.email))).toBe('AccountLocked');
    }
  });

  itOnce('one address registered at both in different case is one account, and each is answered alike', async () => {
    for (let round = 0; round < few; round += 1) {
      const email = someEmail();
      const spelled = (n: number) => (n % 3 === 0 ? email.toUpperCase() : n % 3 === 1 ? email : email.replace('p', 'P'));
      expect(tally(await times(6, (n) => kindOf(register(side(n), spelled(n)))))).toEqual({ Registration: 6 });
      expect(await house().sql('SELECT status FROM users WHERE email_key = $1', [email])).toEqual([{ status: 'PENDING_VERIFICATION' }]);
    }
  });

  itOnce('a mailed token, and a mailed code, are used by one caller of many; wrong codes are counted together', async () => {
    const emails = Array.from({ length: 3 * few }, () => someEmail());
    await times(emails.length, (n) => register(side(n), emails[n]!));
    const secrets = await times(emails.length, async (n) => {
      const { text } = await mailbox!.mail(emails[n]!);
      return { email: emails[n]!, token: /token=([\w-]+)/.exec(text)![1]!, code: /^\d{6}$/m.exec(text)![0] };
    });
    for (const [n, { email, token, code }] of secrets.entries()) {
      const wrong = code === '000000' ? '000001' : '000000';
      if (n % 3 === 0) expect(tally(await times(6, (m) => kindOf(verify(side(m), { token }))))).toEqual({ User: 1, TokenInvalid: 5 });
      else if (n % 3 === 1)
        expect(tally(await times(6, (m) => kindOf(verify(side(m), { email, code }))))).toEqual({ User: 1, CodeInvalid: 5 });
      else {
        expect(tally(await times(6, (m) => kindOf(verify(side(m), { email, code: wrong }))))).toEqual({ CodeInvalid: 6 });
        expect(await kindOf(verify(side(n), { email, code }))).toBe('CodeInvalid');
        expect(await kindOf(verify(side(n), { token }))).toBe('User');
      }
    }
    const facts = await house().sql(`SELECT count(*)::int AS n FROM audit_events WHERE type = 'user.verified'`);
    expect(facts).toEqual([{ n: emails.length }]);
  });

  itOnce('one address registered twice at the very moment, with one password, has that password once it is verified', async () => {
    const emails = Array.from({ length: 50 }, () => someEmail());
    for (let at = 0; at < emails.length; at += 5)
      await times(10, async (n) => expect(await kindOf(register(side(n % 2), emails[at + (n >> 1)]!))).toBe('Registration'));
    for (const [n, email] of emails.entries()) {
      const { text } = await mailbox!.mail(email);
      expect(await kindOf(verify(side(n), { token: /token=([\w-]+)/.exec(text)![1]! }))).toBe('User');
      expect(await kindOf(login(side(n), email)), email).toBe('SignedIn');
    }
  });

  it2('the signing key rotated at both at once leaves one that signs and one that waits, and every token good at both', async () => {
    const admin = await house().signedIn(undefined, { roles: ['superadmin'] });
    const tokens = [admin.accessToken];
    for (let round = 0; round < few; round += 1) {
      const answers = await times(2, (n) => side(n).as(admin.accessToken).ask('mutation { rotateSigningKey }'));
      for (const { data } of answers) expect(data).toEqual({ rotateSigningKey: true });
      const live = await house().sql(`SELECT state FROM signing_keys WHERE state <> 'retired' ORDER BY state`);
      expect(live).toEqual([{ state: 'next' }, { state: 'active' }]);
      tokens.push((await login(side(round), admin.email)).accessToken);
    }
    for (const n of [0, 1])
      for (const token of tokens) {
        const good = async () => expect((await side(n).as(token).ask('{ me { id } }')).data?.me?.id).toBe(admin.id);
        await vi.waitFor(good, { timeout: 1000, interval: 50 });
      }
  });
});
