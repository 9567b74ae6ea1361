/** A tiny house behind the real front door: a schema in memory, tokens that are names, sessions that a test ends by hand. */
import { unauthenticated } from '../../src/auth/access/denial.ts';
import type { Identity } from '../../src/auth/caller.ts';
import { readConfig } from '../../src/config.ts';
import type { House } from '../../src/http/house.ts';
import { type FrontDoor, openFrontDoor } from '../../src/http/index.ts';
import { createLog } from '../../src/infra/log.ts';
import { Unavailable } from '../../src/infra/ports.ts';
import { keepLog } from '../kit/log.ts';
import { schema } from './schema.ts';

export const sessions = new Map<string, Set<() => void>>();
export const seen: string[] = [];

/** `good-<user>` is of session s-<user>, `brief-<user>` the same for 700 ms; `away` cannot be judged; anything else is bad. */
const authenticate = async (token: string): Promise<Identity> => {
  if (token === 'away') throw new Unavailable('the database is away', 2);
  const [, kind, user] = /^(good|brief)-(\w+)$/.exec(token) ?? [];
  if (!kind || !user) throw unauthenticated('The access token is not valid.');
  return {
    userId: user,
    sessionId: `s-${user}`,
    orgId: null,
    scopes: ['read', 'write'],
    amr: ['pwd'],
    authenticatedAt: new Date(1_700_000_000_000),
    clientId: 'web',
    tokenId: 'j',
    generation: 1,
    issuedAt: null,
    expiresAt: new Date(Date.now() + (kind === 'brief' ? 700 : 900_000)),
    restricted: false,
    apiKeyId: null,
    keyPermissions: null,
    impersonatorId: null,
  };
};

export const endSession = (user: string): void => {
  for (const tell of sessions.get(`s-${user}`) ?? []) tell();
};

export const tinyAuth: House['auth'] = {
  tokens: { jwks: () => ({ keys: [{ kty: 'EC', kid: 'k1' }] }) },
  access: { permissionsOf: async (userId) => new Set(userId === 'root' ? ['users.read'] : []) },
  sessions: {
    seen: ({ sessionId }) => {
      seen.push(sessionId);
    },
  },
  services: { authenticate: async (token) => ({ identity: await authenticate(token), client: null }) },
  housekeeping: {
    watchSession: (sessionId, tell) => {
      const tells = sessions.get(sessionId) ?? new Set();
      sessions.set(sessionId, tells.add(tell));
      return () => tells.delete(tell);
    },
  },
};

export type Door = FrontDoor & { lines: Record<string, unknown>[] };

/** Settings are environment variables by name; `more` replaces parts of the house. Lines of the log are kept in `lines`. */
export const openDoor = async (settings: Record<string, string> = {}, more: Partial<House> = {}): Promise<Door> => {
  const config = readConfig({ NODE_ENV: 'test', PORT: '0', ...settings });
  const lines: Record<string, unknown>[] = [];
  const { destination } = keepLog((line) => lines.push(JSON.parse(line)));
  const door = await openFrontDoor({
    schema,
    auth: tinyAuth,
    config,
    publicUrl: config.PUBLIC_URL ?? 'http://127.0.0.1:4000',
    log: createLog(config, destination),
    database: { ping: async () => {} },
    makeContext: (caller, reply) => ({ caller, reply }),
    about: { name: 'latchkey', version: '0.0.0', features: ['testing'] },
    ...more,
  });
  return { ...door, lines };
};

/** What production asks for. */
export const production = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://localhost/none',
  REDIS_URL: 'redis://localhost',
  SMTP_URL: 'smtp://localhost',
  PUBLIC_URL: 'https://id.example.com',
  KMS_MASTER_KEY_FILE: '/nonexistent',
  MAIL_FROM: 'Latchkey <id@example.com>',
};
