/**
 * The commands of the KMS, for operators: `node src/kms.ts rotate [--add | --use ID]`, `rewrap`, `status` (`npm run kms:…`).
 * They read the server's settings, and run beside it.
 */
import { parseArgs } from 'node:util';
import { openTrail } from './auth/audit/record.ts';
import { openSeals, type Seals } from './auth/seals/index.ts';
import { type Config, ConfigError, readConfig } from './config.ts';
import { systemClock } from './infra/clock.ts';
import { masterKeyFile, openKms } from './infra/kms/index.ts';
import { addMasterKey, ensureMasterKeys, useMasterKey } from './infra/kms/key-file.ts';
import { createLog } from './infra/log.ts';
import { createMemoryFanout } from './infra/memory/fanout.ts';
import { StartError, Unavailable } from './infra/ports.ts';
import { openDatabase } from './infra/postgres/database.ts';
import { startEmbedded } from './infra/postgres/embedded.ts';
import { systemRandom } from './infra/random.ts';

const say = (text: string) => process.stdout.write(`${text}\n`);
const usage = 'usage: node src/kms.ts rotate [--add | --use ID] | rewrap | status';

const rotate = (config: Config, { add, use }: { add?: boolean | undefined; use?: string | undefined }): void => {
  if (config.KMS_PROVIDER === 'aws')
    throw new StartError(
      'AWS KMS rotates a key by itself, and that needs no rewrap. For another key set KMS_AWS_KEY_ID, or point its alias there.',
    );
  if (config.KMS_PROVIDER === 'vault')
    throw new StartError(`Vault rotates: vault write -f ${config.KMS_VAULT_TRANSIT_MOUNT}/keys/${config.KMS_VAULT_KEY}/rotate`);
  const file = masterKeyFile(config);
  ensureMasterKeys(file);
  if (use !== undefined) {
    useMasterKey(file, use);
    say(`${file}: ${use} seals from now on. Servers hear of it within seconds, and rewrap what is old.`);
  } else {
    const id = addMasterKey(file, { use: !add });
    say(add ? `${file}: added ${id}. Once every server has this file: rotate --use ${id}` : `${file}: ${id} seals from now on.`);
  }
};

/** Passes until one finds nothing more to do; whether all is under the current key. */
const rewrap = async (seals: Seals): Promise<boolean> => {
  let [total, shown] = [0, Number.NEGATIVE_INFINITY];
  for (;;) {
    const failures: string[] = [];
    const pass = await seals.rewrap({
      failed: ({ column, key, reason }) => failures.push(`${column} ${key}: ${reason}`),
      progress: ({ stale, rewrapped, changed, failed }) => {
        if (performance.now() - shown < 1_000) return;
        shown = performance.now();
        say(`${rewrapped + changed + failed} of ${stale}`);
      },
    });
    total += pass.rewrapped;
    if (pass.rewrapped + pass.changed > 0) continue;
    for (const failure of failures) say(`left as it is: ${failure}`);
    say(`rewrapped ${total}, left as they are ${failures.length}`);
    return failures.length === 0;
  }
};

const onDatabase = async <T>(config: Config, work: (seals: Seals) => Promise<T>): Promise<T> => {
  const log = createLog(config, { write: (line) => void process.stderr.write(line) });
  const kms = await openKms(config, log);
  const embedded = config.DATABASE_URL ? null : await startEmbedded({ dataDir: config.DATA_DIR, log });
  const database = openDatabase({ url: config.DATABASE_URL ?? (embedded?.url as string), size: 10, log });
  try {
    const needs = { database, clock: systemClock, random: systemRandom, fanout: createMemoryFanout(log) };
    return await work(openSeals({ ...needs, kms, log, trail: openTrail(needs) }));
  } finally {
    await database.close();
    await embedded?.stop();
    kms.close();
  }
};

const run = async (): Promise<boolean> => {
  const options = { add: { type: 'boolean' }, use: { type: 'string' } } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [command, ...more] = positionals;
  if (more.length > 0 || (command !== 'rotate' && Object.keys(values).length > 0)) throw new StartError(usage);
  const config = readConfig();
  if (command === 'rotate') rotate(config, values);
  else if (command === 'rewrap') return onDatabase(config, rewrap);
  else if (command === 'status')
    for (const { column, keyId, values: count } of await onDatabase(config, (seals) => seals.keysInUse()))
      say(`${column} ${keyId}: ${count}`);
  else throw new StartError(usage);
  return true;
};

run().then(
  (clean) => process.exit(clean ? 0 : 1),
  (error: unknown) => {
    const known = error instanceof ConfigError || error instanceof StartError || error instanceof Unavailable;
    const { message, stack, code } = error as Error & { code?: string };
    const again = error instanceof Unavailable ? '. What was done is done: run it again to go on.' : '';
    process.stderr.write(`${known || code?.startsWith('ERR_PARSE_ARGS') ? message + again : (stack ?? message)}\n`);
    process.exit(2);
  },
);
