/** One PostgreSQL for all sides, as durable as it comes (fsync, full pages, synchronous commit), with one database for each. */
import pg from 'pg';
import { startScratch } from '../../scripts/scratch.ts';
import { parentOf } from './meter.ts';

/** `pid`: its first process, whose children are all others; null where that cannot be told. */
export type Postgres = { url(database: string): string; readonly pid: number | null; stop(): Promise<void> };

const durable = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', max_connections: '200' };

export const query = async <R extends pg.QueryResultRow>(url: string, text: string, values: unknown[] = []): Promise<R[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<R>(text, values)).rows;
  } finally {
    await client.end();
  }
};

/** The embedded one in a temporary directory. */
export const startPostgres = async (databases: readonly string[]): Promise<Postgres> => {
  const { url, stop } = await startScratch(durable);
  for (const name of databases) await query(url, `CREATE DATABASE ${name}`);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const pid = parentOf(rows[0]?.pid ?? 0);
  await client.end();
  return { url: (database) => Object.assign(new URL(url), { pathname: `/${database}` }).href, pid, stop };
};
