/**
 * `npm run db:diff -- <name>` writes the migration that takes the present migrations to the present models:
 * prisma/migrations/<nnnn>_<name>/migration.sql. Read it before you commit it.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { migrate, migrationsDirectory } from '../src/infra/postgres/migrate.ts';
import { diffToModels } from './schema-engine.ts';
import { startScratch } from './scratch.ts';

const name = process.argv[2] ?? '';
if (!/^[a-z][a-z0-9_]*$/.test(name)) {
  console.error('usage: npm run db:diff -- <name> (lower-case letters, digits and _)');
  process.exit(1);
}
const { url, stop } = await startScratch();
try {
  await migrate(url);
  const { sql } = await diffToModels(url);
  if (sql) {
    const numbers = (await readdir(migrationsDirectory)).map((entry) => Number.parseInt(entry, 10)).filter(Number.isInteger);
    const directory = join(migrationsDirectory, `${String(Math.max(0, ...numbers) + 1).padStart(4, '0')}_${name}`);
    await mkdir(directory);
    await writeFile(join(directory, 'migration.sql'), sql);
    console.log(`wrote ${join(directory, 'migration.sql')}`);
  } else console.log('no difference');
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  await stop();
}
