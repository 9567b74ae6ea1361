/**
 * Once per run: one PostgreSQL server (TEST_DATABASE_URL where set, else the embedded one in a temporary directory) and in it one migrated
 * database, of which ./database.ts makes copies.
 */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { plainLog, startScratch } from '../../scripts/scratch.ts';
import { migrate } from '../../src/infra/postgres/migrate.ts';
import { migrateQueue } from '../../src/infra/postgres/queue.ts';
import { redisMissing } from './redis.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The server's maintenance database, as a user who may create databases. */
    serverUrl: string;
    /** Name of the migrated database. */
    template: string;
  }
}

const execute = async (url: string, sql: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(sql).finally(() => client.end());
};

export default async (project: TestProject): Promise<() => Promise<void>> => {
  if (redisMissing) console.log(redisMissing);
  const given = process.env['TEST_DATABASE_URL'];
  const scratch = given ? undefined : await startScratch({ max_connections: '400' });
  const serverUrl = given ?? scratch!.url.replace(/latchkey$/, 'postgres');
  const template = `latchkey_template_${randomBytes(6).toString('hex')}`;
  const end = async (): Promise<void> => {
    if (scratch) await scratch.stop();
    else await execute(serverUrl, `DROP DATABASE IF EXISTS ${template} WITH (FORCE)`);
  };
  try {
    await execute(serverUrl, `CREATE DATABASE ${template} TEMPLATE template0 ENCODING 'UTF8'`);
    const url = Object.assign(new URL(serverUrl), { pathname: `/${template}` }).href;
    await migrate(url);
    await migrateQueue(url, plainLog);
  } catch (error) {
    await end();
    throw error;
  }
  project.provide('serverUrl', serverUrl);
  project.provide('template', template);
  return end;
};
