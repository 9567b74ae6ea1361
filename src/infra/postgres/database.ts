/**
 * PostgreSQL for hand-written statements: prepared by name, one connection a statement, transactions by `transaction`.
 */
import { createHash } from 'node:crypto';
import pg from 'pg';
import type { Database, Log, Sql, Statement } from '../ports.ts';
import { Unavailable } from '../ports.ts';

/** A statement that every connection prepares once. The name is a digest of the text, so that equal texts share a plan. */
export const statement = (text: string): Statement => ({ name: `s_${createHash('sha1').update(text).digest('base64url')}`, text });

/** SQLSTATE classes and client codes that mean PostgreSQL is away or shutting down, not that a statement is wrong. */
const away = new Set(['57P01', '57P02', '57P03', '53300', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOENT', 'ENOTFOUND']);
const awayMessages =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|not queryable/;

/** `Unavailable` for an error that says PostgreSQL is away; anything else as it is. */
export const asUnavailable = (error: unknown): unknown => {
  if (!(error instanceof Error)) return error;
  const code = (error as { code?: string }).code ?? '';
  return away.has(code) || code.startsWith('08') || awayMessages.test(error.message)
    ? new Unavailable('the database is away', 1, error)
    : error;
};

const runOn =
  (client: pg.Pool | pg.PoolClient): Sql['run'] =>
  async <R>(wanted: Statement, values: readonly unknown[] = []) => {
    try {
      const { rows } = await client.query({ name: wanted.name, text: wanted.text, values: values as unknown[] });
      return rows as R[];
    } catch (error) {
      throw asUnavailable(error);
    }
  };

/** A pool of at most `size` connections; a connection that cannot be had within two seconds is `Unavailable`. */
export const openDatabase = (options: { url: string; size: number; log: Log }): Database & { readonly pool: pg.Pool } => {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.size,
    connectionTimeoutMillis: 2_000,
    idleTimeoutMillis: 30_000,
    query_timeout: 15_000,
    statement_timeout: 10_000,
    idle_in_transaction_session_timeout: 15_000,
    keepAlive: true,
    application_name: 'latchkey',
  });
  // Without a listener a connection lost while idle would end the process.
  pool.on('error', (error) => options.log.warn({ err: error }, 'an idle database connection was lost'));
  return {
    pool,
    run: runOn(pool),
    transaction: async (work) => {
      const client = await pool.connect().catch((error) => {
        throw asUnavailable(error);
      });
      let broken: Error | undefined;
      try {
        await client.query('BEGIN');
        const result = await work({ run: runOn(client) });
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch((rollback: Error) => {
          broken = rollback;
        });
        throw asUnavailable(error);
      } finally {
        client.release(broken);
      }
    },
    ping: async (timeoutMs) => {
      const timeout = new Promise<never>((_, reject) =>
        setTimeout(() => reject(new Unavailable('the database does not answer')), timeoutMs).unref(),
      );
      await Promise.race([
        pool.query('SELECT 1').catch((error) => {
          throw asUnavailable(error);
        }),
        timeout,
      ]);
    },
    close: () => pool.end(),
  };
};
