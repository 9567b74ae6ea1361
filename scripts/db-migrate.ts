/** `npm run db:migrate` applies the missing migrations to DATABASE_URL, or to the embedded PostgreSQL where it is not set. */
import { readConfig } from '../src/config.ts';
import { type Embedded, startEmbedded } from '../src/infra/postgres/embedded.ts';
import { migrate } from '../src/infra/postgres/migrate.ts';
import { plainLog } from './scratch.ts';

const { DATABASE_URL, DATA_DIR } = readConfig();
let embedded: Embedded | undefined;
try {
  if (!DATABASE_URL) embedded = await startEmbedded({ dataDir: DATA_DIR, log: plainLog });
  const applied = await migrate(DATABASE_URL ?? embedded!.url);
  console.log(applied.length > 0 ? applied.map((name) => `applied ${name}`).join('\n') : 'nothing to apply: the database is current');
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  await embedded?.stop();
}
