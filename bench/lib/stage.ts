/** What several sections share, started when first needed and ended in one go. */

import { makePeople, type Tokens } from '../latchkey/people.ts';
import { clientsOf, type LatchkeyClients } from '../latchkey/side.ts';
import { type Latchkey, openLatchkey } from '../latchkey/start.ts';
import { type BetterAuth, startBetterAuth } from '../rivals/better-auth-side.ts';
import { type Postgres, startPostgres } from './database.ts';
import { type Server, startServer } from './server.ts';
import { settings } from './settings.ts';

export type House = { readonly server: Server; readonly tokens: readonly Tokens[]; readonly clients: LatchkeyClients };
const databases = ['latchkey', 'better_auth', 'raw_one', 'raw_all', 'access', 'few', 'many'] as const;
type Database = (typeof databases)[number];
export type Stage = {
  latchkey(): Promise<Latchkey>;
  /** Latchkey on one core, with everybody in its database. */
  house(): Promise<House>;
  betterAuth(): Promise<BetterAuth>;
  rival(name: 'node-http' | 'yoga' | 'mercurius' | 'aes' | 'kite' | 'access', more?: Record<string, string>): Promise<Server>;
  raw(cores: 'one' | 'all'): Promise<Server>;
  databaseUrl(name?: Database): Promise<string>;
  /** PostgreSQL's first process. */
  postmaster(): Promise<number | null>;
  close(): Promise<void>;
};

const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
};

export const openStage = (): Stage => {
  const closers: (() => Promise<void>)[] = [];
  const kept = <T extends { stop(): Promise<void> }>(thing: T): T => {
    closers.push(() => thing.stop());
    return thing;
  };
  const postgres = once<Postgres>(async () => kept(await startPostgres(databases.map((name) => `bench_${name}`))));
  const databaseUrl = async (name: Database = 'latchkey') => (await postgres()).url(`bench_${name}`);
  const latchkey = once(async () => {
    const opened = await openLatchkey(await databaseUrl());
    closers.push(opened.close);
    return opened;
  });
  const startRaw = (cores: 'one' | 'all') => async (): Promise<Server> => {
    const env = { DATABASE_URL: await databaseUrl(`raw_${cores}`), DATABASE_POOL_SIZE: String(settings.pool) };
    return kept(await startServer({ file: new URL('../rivals/raw.ts', import.meta.url), env, ready: 'ready', cores }));
  };
  const raw = { one: once(startRaw('one')), all: once(startRaw('all')) };
  return {
    latchkey,
    databaseUrl,
    postmaster: async () => (await postgres()).pid,
    house: once(async () => {
      const server = kept(await (await latchkey()).start('one'));
      const tokens = await makePeople(server.port, await databaseUrl());
      return { server, tokens, clients: clientsOf(tokens) };
    }),
    betterAuth: once(async () => {
      const started = await startBetterAuth(await databaseUrl('better_auth'));
      kept(started.server);
      return started;
    }),
    rival: async (name, more = {}) =>
      kept(
        await startServer({
          file: new URL(`../rivals/${name}.ts`, import.meta.url),
          env: { NODE_ENV: 'production', ...more },
          ready: 'ready',
          cores: 'one',
        }),
      ),
    raw: (cores) => raw[cores](),
    close: async () => {
      for (const closer of closers.reverse()) await closer();
    },
  };
};
