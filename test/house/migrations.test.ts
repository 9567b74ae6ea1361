import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { diffToModels } from '../../scripts/schema-engine.ts';
import { migrate, migrationsDirectory } from '../../src/infra/postgres/migrate.ts';
import { emptyDatabase, freshDatabase, type TestDatabase } from '../kit/database.ts';

let database: TestDatabase;
let directory: string;
const query = async (text: string): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  return client
    .query(text)
    .then(({ rows }) => rows)
    .finally(() => client.end());
};
const put = async (name: string, sql: string): Promise<void> => {
  await mkdir(join(directory, name), { recursive: true });
  await writeFile(join(directory, name, 'migration.sql'), sql);
};

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'latchkey-migrations-'));
});
afterEach(async () => {
  await database.drop();
  await rm(directory, { recursive: true });
});

describe('the migrations and the models', () => {
  beforeEach(async () => {
    database = await freshDatabase();
  });

  it('agree: the migrations from zero make what the models say, but for the named exceptions', async () => {
    const { sql, excused, exceptions } = await diffToModels(database.url);
    expect(sql).toBe('');
    expect(excused, 'an exception that excuses nothing is to be removed').toBe(exceptions);
  });

  it('are seen to differ where a migration forgets a column', async () => {
    await query('ALTER TABLE users DROP COLUMN created_at');
    expect((await diffToModels(database.url)).sql).toContain('ADD COLUMN     "created_at"');
  });

  it('are seen to differ where a migration makes an index that no model has', async () => {
    await query('CREATE INDEX planted ON users (created_at)');
    expect((await diffToModels(database.url)).sql).toContain('DROP INDEX "planted"');
  });
});

describe('migrate', () => {
  beforeEach(async () => {
    database = await emptyDatabase();
    await put(
      '0001_first',
      "CREATE TABLE first (note TEXT DEFAULT 'a;b');\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$;",
    );
    await put('0002_second', 'CREATE TABLE second ();');
  });

  it('applies what is missing, in order, and then nothing', async () => {
    expect(await migrate(database.url, directory)).toEqual(['0001_first', '0002_second']);
    await put('0003_third', 'CREATE TABLE third ();');
    expect(await migrate(database.url, directory)).toEqual(['0003_third']);
    expect(await migrate(database.url, directory)).toEqual([]);
  });

  it('applies each migration once where processes start at once', async () => {
    const applied = await Promise.all(Array.from({ length: 8 }, () => migrate(database.url, directory)));
    expect(applied.flat().sort()).toEqual(['0001_first', '0002_second']);
  });

  it('names the migration and the line that fail, leaves nothing of it behind, and goes on once it is repaired', async () => {
    await put('0002_second', 'CREATE TABLE second ();\nCREATE TABLE third (id nosuchtype);');
    await expect(migrate(database.url, directory)).rejects.toThrow(/0002_second failed at line 2 .*nosuchtype/);
    expect(await query("SELECT to_regclass('first') IS NOT NULL AS first, to_regclass('second') IS NOT NULL AS second")).toEqual([
      { first: true, second: false },
    ]);
    await put('0002_second', 'CREATE TABLE second ();');
    expect(await migrate(database.url, directory)).toEqual(['0002_second']);
  });

  it('refuses a migration that was changed after it was applied', async () => {
    await migrate(database.url, directory);
    await put('0001_first', 'CREATE TABLE other ();');
    await expect(migrate(database.url, directory)).rejects.toThrow('0001_first was changed after it was applied');
  });

  it('refuses a database of a newer version', async () => {
    await migrate(database.url, directory);
    await rm(join(directory, '0002_second'), { recursive: true });
    await expect(migrate(database.url, directory)).rejects.toThrow('0002_second, which this version does not know');
  });

  it('refuses a database that prisma migrate left half-way', async () => {
    await migrate(database.url, directory);
    await query("UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name = '0002_second'");
    await expect(migrate(database.url, directory)).rejects.toThrow('0002_second failed before');
  });

  it('applies the migrations of this repository to an empty database', async () => {
    await rm(directory, { recursive: true });
    await cp(migrationsDirectory, directory, { recursive: true });
    expect(await migrate(database.url, directory)).toContain('0001_foundation');
    expect(await migrate(database.url)).toEqual([]);
  });
});
