/** People in Latchkey's database, made by SQL; some of them signed in by the API. */
import type { Answer } from '../lib/connection.ts';
import { Connection } from '../lib/connection.ts';
import { query } from '../lib/database.ts';
import { expect } from '../lib/load.ts';
import { emailOf, hashPassword, password, sessionsEach, signedIn } from '../lib/people.ts';
import { graphql } from '../lib/request.ts';
import { settings } from '../lib/settings.ts';
import { documents } from './documents.ts';

export type Tokens = { accessToken: string; refreshToken: string };

export const loginRequest = (number: number): string => graphql(documents.login, { input: { email: emailOf(number), password } });

export const tokensOf = (answer: Answer): Tokens => {
  expect(answer, '"SignedIn"');
  const { data } = JSON.parse(answer.body) as { data: Record<string, Tokens> };
  return Object.values(data)[0] as Tokens;
};

/** Users with a password and one session each; those of `roles` get that platform role. */
const fill = async (url: string): Promise<void> => {
  await query(
    url,
    `INSERT INTO users (id, email, email_key, name, email_verified_at, status, created_at, updated_at)
     SELECT uuidv7(), 'person' || i || '@example.com', 'person' || i || '@example.com', 'Person ' || i, now(), 'ACTIVE', now(), now()
     FROM generate_series(0, $1::int - 1) AS i`,
    [settings.people],
  );
  await query(url, 'INSERT INTO passwords (user_id, hash, changed_at) SELECT id, $1, now() FROM users', [await hashPassword()]);
  await query(
    url,
    `INSERT INTO sessions (id, user_id, client_id, created_at, last_seen_at, expires_at, idle_seconds, persistent, amr, authenticated_at,
       ip_address, user_agent, rotated_at, salt)
     SELECT uuidv7(), id, 'latchkey', now(), now(), now() + interval '7 days', 1209600, false, '{pwd}', now(), '127.0.0.1',
       'somebody else''s', now(), decode(md5(id::text), 'hex') FROM users`,
  );
};

const addSessions = (url: string): Promise<unknown> =>
  query(
    url,
    `INSERT INTO sessions (id, user_id, client_id, created_at, last_seen_at, expires_at, idle_seconds, persistent, amr, authenticated_at,
       ip_address, user_agent, browser, os, rotated_at, salt)
     SELECT uuidv7(), user_id, client_id, created_at, last_seen_at, expires_at, idle_seconds, persistent, amr, authenticated_at,
       ip_address, user_agent, browser, os, rotated_at, salt
     FROM sessions, generate_series(3, $1::int) WHERE user_agent LIKE 'Mozilla%'`,
    [sessionsEach],
  );

/** Signs people in by the API, in order. */
export const signIn = async (port: number, count: number): Promise<Tokens[]> => {
  const connection = new Connection(port);
  const all: Tokens[] = [];
  for (let number = 0; number < count; number++) all.push(tokensOf(await connection.send(loginRequest(number))));
  connection.close();
  return all;
};

/** Everybody, the first ones signed in with as many sessions as those of the other sides. */
export const makePeople = async (port: number, url: string): Promise<Tokens[]> => {
  await fill(url);
  const tokens = await signIn(port, signedIn);
  await addSessions(url);
  await query(url, 'VACUUM ANALYZE');
  return tokens;
};
