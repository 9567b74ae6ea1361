/** better-auth as a side: its server, its people, and the requests that stand for each job. */
import { Connection } from '../lib/connection.ts';
import { query } from '../lib/database.ts';
import { type Client, expect } from '../lib/load.ts';
import { counter, emailOf, hashPassword, password, sessionsEach, signedIn } from '../lib/people.ts';
import { get, post } from '../lib/request.ts';
import { type Server, startServer } from '../lib/server.ts';
import { settings } from '../lib/settings.ts';

const fill = async (url: string): Promise<void> => {
  const times = 'now(), now()';
  await query(
    url,
    `INSERT INTO "user" (id, name, email, "emailVerified", "createdAt", "updatedAt")
     SELECT 'user' || i, 'Person ' || i, 'person' || i || '@example.com', true, ${times} FROM generate_series(0, $1::int - 1) AS i`,
    [settings.people],
  );
  await query(
    url,
    `INSERT INTO account (id, "accountId", "providerId", "userId", password, "createdAt", "updatedAt")
     SELECT 'account' || id, id, 'credential', id, $1, ${times} FROM "user"`,
    [await hashPassword()],
  );
  await query(
    url,
    `INSERT INTO session (id, "expiresAt", token, "createdAt", "updatedAt", "ipAddress", "userAgent", "userId")
     SELECT 'session' || id, now() + interval '7 days', 'token' || id, ${times}, '127.0.0.1', 'somebody else''s', id FROM "user"`,
  );
};

/** Tokens of the first people, signed as its bearer plugin hands them out. */
const signIn = async (port: number): Promise<string[]> => {
  const connection = new Connection(port);
  const tokens: string[] = [];
  for (let number = 0; number < signedIn; number++) {
    const answer = await connection.send(post('/api/auth/sign-in/email', { email: emailOf(number), password }));
    expect(answer, '"token"');
    tokens.push(/\r\nset-auth-token: *(\S+)/i.exec(answer.head)?.[1] ?? '');
  }
  connection.close();
  return tokens;
};

const addSessions = (url: string): Promise<unknown> =>
  query(
    url,
    `INSERT INTO session (id, "expiresAt", token, "createdAt", "updatedAt", "ipAddress", "userAgent", "userId")
     SELECT s.id || i, s."expiresAt", s.token || i, s."createdAt", s."updatedAt", s."ipAddress", s."userAgent", s."userId"
     FROM session s, generate_series(3, $1::int) AS i WHERE s.id NOT LIKE 'session%'`,
    [sessionsEach],
  );

export type BetterAuth = {
  readonly server: Server;
  readonly clients: Record<'me' | 'sessions' | 'refresh' | 'login', (client: number) => Client>;
};

export const startBetterAuth = async (databaseUrl: string): Promise<BetterAuth> => {
  const server = await startServer({
    file: new URL('./better-auth.ts', import.meta.url),
    env: { NODE_ENV: 'production', DATABASE_URL: databaseUrl, DATABASE_POOL_SIZE: String(settings.pool) },
    ready: 'ready',
    cores: 'one',
  });
  await fill(databaseUrl);
  const tokens = await signIn(server.port);
  await addSessions(databaseUrl);
  await query(databaseUrl, 'VACUUM ANALYZE');
  const tokenOf = (number: number): string => tokens[number % tokens.length] as string;
  const anybody = counter(settings.people, signedIn);
  const asking = (path: string, mark: string) => (client: number) => {
    const next = counter(signedIn, client);
    return ((answer) => {
      if (answer) expect(answer, mark);
      return get(path, tokenOf(next()));
    }) satisfies Client;
  };
  return {
    server,
    clients: {
      me: asking('/api/auth/get-session', '"email":"person'),
      sessions: asking('/api/auth/list-sessions', '"userAgent"'),
      refresh: (client) => (answer) => {
        if (answer) expect(answer, '"email":"person');
        return get('/api/renew/get-session', tokenOf(client));
      },
      login: () => (answer) => {
        if (answer) expect(answer, '"token"');
        return post('/api/auth/sign-in/email', { email: emailOf(anybody()), password });
      },
    },
  };
};
