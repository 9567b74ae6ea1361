/**
 * A whole house for a test: its own database, a movable clock, cheap hashes, limits off unless a test turns them on, real HTTP on a
 * free port of loopback.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../src/config.ts';
import { type House, openHouse } from '../../src/house.ts';
import { createLog } from '../../src/infra/log.ts';
import { type Client, clientOf, letGo } from './client.ts';
import { type MovableClock, movableClock } from './clock.ts';
import { freshDatabase } from './database.ts';
import { freePort } from './ports.ts';

export const password = 'correct horse battery';
/** What one test needs to read of a mail. */
export type ReceivedMail = { to: string; subject: string; text: string; html: string };

export type Person = { id: string; email: string };
export type SignedInPerson = Person & { accessToken: string; refreshToken: string; sessionId: string; client: Client };

export type World = {
  house: House;
  url: string;
  clock: MovableClock;
  anonymous: Client;
  /** Rows of a hand-written query, for what the API does not show. */
  sql<R = Record<string, unknown>>(text: string, values?: unknown[]): Promise<R[]>;
  /** Waits for the nth mail to an address (the first where left out). */
  mail(to: string, nth?: number): Promise<ReceivedMail>;
  mailsTo(to: string): ReceivedMail[];
  /** An active user, made without the API. */
  person(email?: string, options?: { roles?: string[]; status?: string }): Promise<Person>;
  /** An active user, signed in by the API. */
  signedIn(email?: string, options?: { roles?: string[]; login?: object }): Promise<SignedInPerson>;
  signIn(person: Person, input?: object): Promise<SignedInPerson>;
  close(): Promise<void>;
};

/** A house that costs little and limits nothing. */
export const baseSettings = {
  NODE_ENV: 'test',
  LOG_LEVEL: 'silent',
  ARGON2_MEMORY_KIB: '64',
  ARGON2_TIME_COST: '1',
  HASH_CONCURRENCY: '2',
  HASH_QUEUE: '10000',
  RATE_LIMIT_LOGIN: 'off',
  RATE_LIMIT_REGISTER: 'off',
  RATE_LIMIT_REFRESH: 'off',
  RATE_LIMIT_RESET: 'off',
  RATE_LIMIT_SERVICE: 'off',
  RATE_LIMIT_SERVICE_TOKEN: 'off',
  RATE_LIMIT_EXPORT: 'off',
  RATE_LIMIT_BROKER: 'off',
  RATE_LIMIT_OAUTH: 'off',
  // Nobody is there: what links an account says where its broker is.
  KITE_API_URL: 'http://127.0.0.1:9',
  ALPACA_API_URL: 'http://127.0.0.1:9',
  // Receivers are on loopback.
  WEBHOOK_ALLOW_PRIVATE: '127.0.0.1',
};

export const loginMutation = `mutation ($input: LoginInput!) { login(input: $input) { __typename ... on Problem { code message }
  ... on AccountLocked { retryAfterSeconds } ... on TooManyAttempts { retryAfterSeconds }
  ... on SignedIn { accessToken tokenType expiresIn refreshToken user { id email } session { id current } } } }`;
export const refreshMutation = `mutation ($input: RefreshInput) { refresh(input: $input) { __typename ... on Problem { code message }
  ... on SessionEnded { reason } ... on SignedIn { accessToken refreshToken expiresIn session { id } } } }`;

let count = 0;
export const someEmail = (): string => `person${++count}.${process.pid}@example.com`;

/** Ends what a test file opened; settings are environment variables by name. `databaseUrl`: a second process on a database that is there. */
export const openWorld = async (
  settings: Record<string, string> = {},
  options: { databaseUrl?: string; keyFile?: string; clock?: MovableClock; destination?: Parameters<typeof createLog>[1] } = {},
): Promise<World & { databaseUrl: string; keyFile: string }> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-world-'));
  const own = options.databaseUrl ? null : await freshDatabase();
  const databaseUrl = options.databaseUrl ?? own!.url;
  const keyFile = options.keyFile ?? join(dataDir, 'master-keys.json');
  const clock = options.clock ?? movableClock();
  const port = await freePort();
  const config = readConfig({
    ...baseSettings,
    PORT: String(port),
    DATA_DIR: dataDir,
    DATABASE_URL: databaseUrl,
    KMS_MASTER_KEY_FILE: keyFile,
    PUBLIC_URL: 'https://id.example.com',
    ...settings,
  });
  const house = await openHouse(config, createLog(config, options.destination), { clock });
  const { database, hasher, inbox, random } = house.infra;
  const sql: World['sql'] = (text, values = []) => database.run({ name: '', text }, values);
  const mailsTo = (to: string) => (inbox?.list() ?? []).filter((mail) => mail.to === to).toReversed();
  const hash = await hasher.hash(password);

  const person: World['person'] = async (email = someEmail(), { roles = [], status = 'ACTIVE' } = {}) => {
    const [id, now] = [random.uuid(clock.now()), clock.now()];
    await sql(
      `INSERT INTO users (id, email, email_key, email_verified_at, status, created_at, updated_at) VALUES ($1, $2, lower($2), $3, $4, $3, $3)`,
      [id, email, now, status],
    );
    await sql('INSERT INTO passwords (user_id, hash, changed_at) VALUES ($1, $2, $3)', [id, hash, now]);
    for (const role of roles)
      await sql('INSERT INTO role_assignments (id, user_id, role_id, granted_at) SELECT $1, $2, id, $3 FROM roles WHERE name = $4', [
        random.uuid(now),
        id,
        now,
        role,
      ]);
    return { id, email };
  };
  const anonymous = clientOf(house.url);
  const signIn: World['signIn'] = async (who, input = {}) => {
    const { data, errors } = await anonymous.ask(loginMutation, { input: { email: who.email, password, ...input } });
    if (data?.login?.__typename !== 'SignedIn') throw new Error(`sign-in failed: ${JSON.stringify(errors ?? data)}`);
    const { accessToken, refreshToken, session } = data.login;
    return { ...who, accessToken, refreshToken, sessionId: session.id, client: anonymous.as(accessToken) };
  };
  return {
    house,
    databaseUrl,
    keyFile,
    url: house.url,
    clock,
    anonymous,
    sql,
    mailsTo,
    mail: async (to, nth = 0) => {
      for (let waited = 0; waited < 8000; waited += 20) {
        const found = mailsTo(to)[nth];
        if (found) return found;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error(`no mail number ${nth} came to ${to}`);
    },
    person,
    signIn,
    signedIn: async (email, { roles, login } = {}) => signIn(await person(email, { roles: roles ?? [] }), login),
    close: async () => {
      await letGo();
      await house.close();
      await own?.drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
};
