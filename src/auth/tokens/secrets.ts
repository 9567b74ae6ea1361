/** Secrets of the house itself, made once, sealed by the KMS, the same for every replica. */
import type { Clock, Kms, Random, Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import type { SealedColumn } from '../seals/model.ts';

const sealContext = (name: string) => ({ purpose: 'house_secret', id: name });
export const houseSecrets: SealedColumn = {
  table: 'sealed_secrets',
  column: 'sealed',
  key: 'name',
  keyType: 'text',
  needs: [],
  context: (row) => sealContext(row['name'] as string),
};

export type SecretName = 'refresh_mac' | 'digest_pepper' | 'audit_seal' | 'export_link';

const find = statement('SELECT sealed FROM sealed_secrets WHERE name = $1');
const insert = statement('INSERT INTO sealed_secrets (name, sealed, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING');

/** The 256-bit secret `name`; of replicas that start at once on an empty database one makes it and all use that one. */
export const houseSecret = async (needs: { database: Sql; kms: Kms; clock: Clock; random: Random }, name: SecretName): Promise<Buffer> => {
  const context = sealContext(name);
  const kept = async () => (await needs.database.run<{ sealed: Buffer }>(find, [name]))[0]?.sealed;
  let sealed = await kept();
  if (!sealed) {
    await needs.database.run(insert, [name, await needs.kms.seal(needs.random.bytes(32), context), needs.clock.now()]);
    sealed = await kept();
  }
  if (!sealed) throw new Error(`the secret ${name} could not be made`);
  return needs.kms.open(sealed, context);
};
