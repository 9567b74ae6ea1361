/** The rooms users and passwords on a database of their own, wired by hand: operations are called as the graph calls them, and letters read as the back door reads them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBootstrap } from '../../../src/auth/access/bootstrap.ts';
import { openPermissions } from '../../../src/auth/access/permissions.ts';
import type { CommittedFact } from '../../../src/auth/audit/model.ts';
import { openTrail } from '../../../src/auth/audit/record.ts';
import type { Caller, SignedInCaller } from '../../../src/auth/caller.ts';
import type { Letter, LetterData, LetterName } from '../../../src/auth/letters/model.ts';
import { openPost, type SealedLetter } from '../../../src/auth/letters/post.ts';
import { openPasswords, type PasswordsNeeds } from '../../../src/auth/passwords/index.ts';
import { openEndings } from '../../../src/auth/sessions/ending.ts';
import { openRevoked } from '../../../src/auth/sessions/revoked.ts';
import { lockoutKeys, openLockouts } from '../../../src/auth/throttle/index.ts';
import { openOneTimeTokens } from '../../../src/auth/tokens/one-time.ts';
import { openUsers } from '../../../src/auth/users/index.ts';
import { emailKey } from '../../../src/auth/users/model.ts';
import { readConfig } from '../../../src/config.ts';
import { createHasher } from '../../../src/infra/hasher/index.ts';
import { createLocalKms } from '../../../src/infra/kms/local.ts';
import { createLog } from '../../../src/infra/log.ts';
import { createMemoryFanout } from '../../../src/infra/memory/fanout.ts';
import { createMemoryLimiter } from '../../../src/infra/memory/limiter.ts';
import type { Breaches, Sql } from '../../../src/infra/ports.ts';
import { openDatabase } from '../../../src/infra/postgres/database.ts';
import { systemRandom as random } from '../../../src/infra/random.ts';
import { movableClock } from '../../kit/clock.ts';
import { freshDatabase } from '../../kit/database.ts';

export type Rooms = Awaited<ReturnType<typeof openRooms>>;

const pepper = Buffer.alloc(32, 7);
const cheap = { LOG_LEVEL: 'silent', ARGON2_MEMORY_KIB: '64', ARGON2_TIME_COST: '1', HASH_CONCURRENCY: '2', HASH_QUEUE: '10000' };
const unlimited = { RATE_LIMIT_LOGIN: 'off', RATE_LIMIT_REGISTER: 'off', RATE_LIMIT_RESET: 'off' };

/** `settings` are environment variables by name; limits are off unless set. */
export const openRooms = async (
  settings: Record<string, string> = {},
  breaches: Breaches = { enabled: false, count: async () => null },
) => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-rooms-'));
  const fresh = await freshDatabase();
  const config = { ...readConfig({ ...cheap, ...unlimited, ...settings }), publicUrl: 'https://id.example.com' };
  const [log, clock, fanout] = [createLog(config), movableClock(), createMemoryFanout(createLog(config))];
  const database = openDatabase({ url: fresh.url, size: 10, log });
  const hasher = createHasher(config);
  const kms = createLocalKms({ file: join(directory, 'keys.json') });
  const limiter = createMemoryLimiter(clock);
  const trail = openTrail({ clock, random, fanout });
  const post = openPost({ clock, random, kms });
  const revoked = await openRevoked({ database, fanout, clock, log, config });
  const endings = openEndings({ clock, trail, revoked });
  const oneTime = openOneTimeTokens({ clock, random, pepper });
  const bootstrap = openBootstrap({ clock, random, trail, permissions: openPermissions({ database, clock }), log });
  const lockouts = openLockouts({ clock, config });
  const infra = { database, clock, random, hasher, limiter, breaches, log };
  const unlock = (sql: Sql, caller: Caller, key: string) => lockouts.clear(sql, [lockoutKeys(pepper, key, caller.network, null).account]);
  const shared = { ...infra, trail, post, oneTime, endings, bootstrap, pepper, unlock, config };

  const rows = <R = Record<string, unknown>>(text: string, values: readonly unknown[] = []): Promise<R[]> =>
    database.run<R>({ name: '', text }, values);
  /** The letters queued for an address, in the order of their queuing. */
  const letters = async (to: string): Promise<Letter[]> => {
    const jobs = await rows<{ payload: SealedLetter }>('SELECT payload FROM graphile_worker._private_jobs ORDER BY id');
    const all = await Promise.all(jobs.map(({ payload }) => post.open(payload)));
    return all.filter((letter) => letter.to === to);
  };
  /** The data of the newest letter of that name to the address. */
  const letter = async <N extends LetterName>(to: string, name: N): Promise<LetterData[N]> => {
    const found = (await letters(to)).findLast((each) => each.name === name);
    if (!found) throw new Error(`no letter ${name} to ${to}`);
    return found.data as LetterData[N];
  };
  const person = async (email: string, password: string | null = strong): Promise<SignedInCaller> => {
    const [id, now] = [random.uuid(clock.now()), clock.now()];
    await rows(
      `INSERT INTO users (id, email, email_key, email_verified_at, status, created_at, updated_at) VALUES ($1, $2, $3, $4, 'ACTIVE', $4, $4)`,
      [id, email, emailKey(email), now],
    );
    if (password)
      await rows('INSERT INTO passwords (user_id, hash, changed_at) VALUES ($1, $2, $3)', [id, await hasher.hash(password), now]);
    return { ...origin, identity: { ...identity, userId: id, sessionId: await session(id) } };
  };
  const session = async (userId: string): Promise<string> => {
    const [id, now] = [random.uuid(clock.now()), clock.now()];
    await rows(
      `INSERT INTO sessions (id, user_id, client_id, created_at, last_seen_at, expires_at, idle_seconds, persistent, amr, authenticated_at,
         ip_address, user_agent, device_name, device_fingerprint, rotated_at, salt)
       VALUES ($1, $2, 'latchkey', $3, $3, $4, 86400, false, '{pwd}', $3, '203.0.113.9', 'Firefox', 'My phone', 'f1', $3, '\\x00')`,
      [id, userId, now, new Date(now.getTime() + 86_400_000)],
    );
    return id;
  };
  const passwords = openPasswords(shared);
  return {
    ...infra,
    users: openUsers({ ...shared, mailReset: passwords.requestReset }),
    passwords,
    /** The room with some of its needs replaced. */
    passwordsWith: (needs: Partial<PasswordsNeeds>) => openPasswords({ ...shared, ...needs }),
    pepper,
    rows,
    letters,
    letter,
    person,
    session,
    revoked,
    facts: (type: string) => rows<CommittedFact>(`SELECT * FROM audit_events WHERE type LIKE $1 ORDER BY seq`, [type]),
    passwordIs: async (email: string, password: string): Promise<boolean> => {
      const [row] = await rows<{ hash: string }>('SELECT hash FROM passwords JOIN users ON id = user_id WHERE email_key = $1', [
        emailKey(email),
      ]);
      return row !== undefined && hasher.verify(row.hash, password);
    },
    statusOf: async (email: string) =>
      (await rows<{ status: string }>('SELECT status FROM users WHERE email_key = $1', [emailKey(email)]))[0]?.status,
    close: async () => {
      await revoked.close();
      await hasher.close();
      await database.close();
      await fresh.drop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
};

export const strong = 'seven quiet otters';
export const other = 'eleven loud herons';
export const origin: Caller = {
  ip: '203.0.113.7',
  network: '203.0.113.7',
  userAgent: null,
  requestId: 'request-1',
  identity: null,
  client: null,
  csrfHeader: false,
  refreshCookie: null,
  deviceCookie: null,
  permissions: new Set(),
};
const identity = {
  orgId: null,
  scopes: [],
  amr: ['pwd'],
  authenticatedAt: new Date(),
  clientId: 'latchkey',
  tokenId: 't',
  generation: 0,
  expiresAt: new Date(Date.now() + 900_000),
  restricted: false,
  issuedAt: null,
  apiKeyId: null,
  keyPermissions: null,
  impersonatorId: null,
};
/** The token of a mailed link. */
export const tokenOf = (link: string): string => new URL(link).searchParams.get('token') as string;
/** Runs `work` fifty times at once. */
export const fiftyTimes = <T>(work: (n: number) => Promise<T>): Promise<T[]> => Promise.all(Array.from({ length: 50 }, (_, n) => work(n)));
/** How many outcomes there are of each kind. */
export const tally = (outcomes: readonly { kind: string }[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { kind } of outcomes) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
};
