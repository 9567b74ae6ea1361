/**
 * Brings a database up to the migrations of prisma/migrations. The table `_prisma_migrations`, its checksums and the lock are Prisma's
 * own, so `prisma migrate deploy` agrees elsewhere. Prisma's engine itself is not used to apply: over @prisma/adapter-pg it cuts a script at every
 * semicolon, those in functions and strings too, and a process killed half-way leaves a migration that is neither applied nor not.
 * Here a migration and its row are one transaction.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { StartError } from '../ports.ts';

export const migrationsDirectory = fileURLToPath(new URL('../../../prisma/migrations', import.meta.url));

type Migration = { readonly name: string; readonly sql: string; readonly checksum: string };
type Row = { readonly name: string; readonly checksum: string; readonly finished: boolean };

// prisma-engines, schema-engine: the key of the advisory lock that `prisma migrate` takes.
const migrationLock = 72_707_369;

// As Prisma makes it.
const migrationsTable = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL,
  checksum VARCHAR(64) NOT NULL,
  finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL,
  logs TEXT,
  rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  applied_steps_count INTEGER NOT NULL DEFAULT 0
)`;

const readMigrations = async (directory: string): Promise<Migration[]> => {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(join(directory, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
};

const readApplied = async (client: pg.Client): Promise<Row[]> => {
  const { rows: tables } = await client.query("SELECT to_regclass('_prisma_migrations') IS NOT NULL AS there");
  if (!tables[0].there) return [];
  const { rows } = await client.query<Row>(
    `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS finished
       FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at`,
  );
  return rows;
};

/** The migrations still to apply. Throws where what was applied is not what is on disk: going on would build on another history. */
const missingOf = (migrations: readonly Migration[], applied: readonly Row[]): Migration[] => {
  for (const { name, checksum, finished } of applied) {
    // Only `prisma migrate` leaves such a row; its column `logs` says what went wrong.
    if (!finished)
      throw new StartError(
        `Migration ${name} failed before, under prisma migrate. Repair the database, then run prisma migrate resolve for it.`,
      );
    const migration = migrations.find((one) => one.name === name);
    if (!migration)
      throw new StartError(`The database has migration ${name}, which this version does not know: it belongs to a newer one.`);
    if (migration.checksum !== checksum)
      throw new StartError(
        `Migration ${name} was changed after it was applied. Restore it, and put the change into a migration of its own.`,
      );
  }
  const names = new Set(applied.map((row) => row.name));
  return migrations.filter(({ name }) => !names.has(name));
};

const apply = async (client: pg.Client, { name, sql, checksum }: Migration): Promise<void> => {
  try {
    await client.query('BEGIN');
    // Without parameters pg takes the simple query protocol, which runs a whole script.
    await client.query(sql);
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, now(), clock_timestamp(), 1)`,
      [randomUUID(), checksum, name],
    );
    await client.query('COMMIT');
  } catch (cause) {
    await client.query('ROLLBACK').catch(() => {});
    const { message, position } = cause as pg.DatabaseError;
    const line = position ? ` at line ${sql.slice(0, Number(position)).split('\n').length}` : '';
    throw new StartError(`Migration ${name} failed${line} and was rolled back: ${message}`, { cause });
  }
};

/**
 * Applies the missing migrations, each in a transaction, and gives their names in order. Of processes that start at once one applies and
 * the others wait for it. Throws on a migration that fails, on one that failed before, and on a history that is not that of the files.
 */
export const migrate = async (databaseUrl: string, directory = migrationsDirectory): Promise<string[]> => {
  const migrations = await readMigrations(directory);
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'latchkey-migrate' });
  client.on('error', () => {}); // A lost connection also fails the query at work, and is told there.
  await client.connect();
  try {
    // Nothing to do is the rule, and takes no lock.
    if (missingOf(migrations, await readApplied(client)).length === 0) return [];
    await client.query('SELECT pg_advisory_lock($1)', [migrationLock]);
    const missing = missingOf(migrations, await readApplied(client));
    await client.query(migrationsTable);
    for (const migration of missing) await apply(client, migration);
    return missing.map(({ name }) => name);
  } finally {
    await client.end();
  }
};
