/** Chooses who holds the master keys by the configuration, and asks once whether it can be worked with. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import { type Kms, type Log, StartError, Unavailable } from '../ports.ts';
import { Secret } from '../secret.ts';
import { openAwsKeeper } from './aws.ts';
import { cacheLimits } from './cache.ts';
import { createEnvelopeKms } from './envelope.ts';
import type { KeyKeeper } from './keeper.ts';
import { createLocalKeeper } from './local.ts';
import { createVaultKeeper } from './vault.ts';
import type { VaultAuth } from './vault-session.ts';

export type KmsConfig = Pick<Config, Extract<keyof Config, `KMS_${string}`> | 'DATA_DIR'>;

/** Where the local master keys are. */
export const masterKeyFile = (config: KmsConfig): string => config.KMS_MASTER_KEY_FILE ?? join(config.DATA_DIR, 'master-keys.json');

// What is required of the settings together is checked where they are read (src/config.ts).
const vaultAuth = (config: KmsConfig): VaultAuth =>
  config.KMS_VAULT_TOKEN
    ? { kind: 'token', token: new Secret(config.KMS_VAULT_TOKEN) }
    : {
        kind: 'approle',
        roleId: config.KMS_VAULT_ROLE_ID ?? '',
        secretId: new Secret(config.KMS_VAULT_SECRET_ID ?? ''),
        mount: config.KMS_VAULT_APPROLE_MOUNT,
      };

const openRemoteKeeper = async (config: KmsConfig): Promise<KeyKeeper> => {
  const timeoutMs = config.KMS_TIMEOUT_MS;
  const keeper =
    config.KMS_PROVIDER === 'aws'
      ? await openAwsKeeper({
          keyId: config.KMS_AWS_KEY_ID ?? '',
          region: config.KMS_AWS_REGION,
          endpoint: config.KMS_AWS_ENDPOINT,
          timeoutMs,
        })
      : createVaultKeeper({
          address: config.KMS_VAULT_ADDR ?? '',
          mount: config.KMS_VAULT_TRANSIT_MOUNT,
          key: config.KMS_VAULT_KEY ?? '',
          namespace: config.KMS_VAULT_NAMESPACE,
          auth: vaultAuth(config),
          timeoutMs,
        });
  await keeper.check().catch((error: unknown) => {
    keeper.close();
    throw error instanceof Unavailable ? new StartError(`KMS_PROVIDER=${config.KMS_PROVIDER}: ${error.message}`) : error;
  });
  return keeper;
};

/** Throws a `StartError` where the KMS does not answer or its key cannot be used: without it nothing of the house opens. */
export const openKms = async (config: KmsConfig, log?: Log): Promise<Kms> => {
  const limits = { ...cacheLimits, seconds: config.KMS_CACHE_SECONDS };
  const file = masterKeyFile(config);
  const local = () => createLocalKeeper({ file, ...(log && { log }) });
  if (config.KMS_PROVIDER === 'local') return createEnvelopeKms(local(), undefined, limits);
  // Whoever moves from a file to a KMS keeps the file named until all is rewrapped.
  const former = config.KMS_MASTER_KEY_FILE && existsSync(file) ? local() : undefined;
  return createEnvelopeKms(await openRemoteKeeper(config), former, limits);
};
