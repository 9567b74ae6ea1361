/** The settings of the KMS, and what they ask of each other. */
import { z } from 'zod';
import { type Env, httpUrl, integer, isInTheClear, setting } from './forms.ts';

// Parts of a path, none of which leads elsewhere.
const vaultPath = /^[\w-]+(?:[./][\w-]+)*$/;
const vaultName = /^[\w-]+(?:\.[\w-]+)*$/;

export const kmsSettings = {
  KMS_PROVIDER: setting(z.enum(['local', 'aws', 'vault']), 'local', 'who holds the master keys: a file, AWS KMS, or Vault Transit'),
  KMS_MASTER_KEY_FILE: setting(
    z.string().min(1).optional(),
    undefined,
    'file of the local master keys; DATA_DIR/master-keys.json where not set. With another provider: keys that are being left, to open what is old',
  ),
  KMS_AWS_KEY_ID: setting(
    z.string().min(1).max(2048).optional(),
    undefined,
    'id, ARN or alias of a symmetric key; credentials by the usual chain of AWS',
  ),
  KMS_AWS_REGION: setting(z.string().min(1).optional(), undefined, 'region of the key; by the usual chain of AWS where not set'),
  KMS_AWS_ENDPOINT: setting(httpUrl.optional(), undefined, 'another endpoint than the region’s: of a VPC, or for tests'),
  KMS_VAULT_ADDR: setting(httpUrl.optional(), undefined, 'URL of Vault'),
  KMS_VAULT_NAMESPACE: setting(z.string().min(1).optional(), undefined, 'namespace, where Vault has those'),
  KMS_VAULT_TRANSIT_MOUNT: setting(z.string().regex(vaultPath, 'a path such as transit'), 'transit', 'where the Transit engine is mounted'),
  KMS_VAULT_KEY: setting(
    z.string().regex(vaultName, 'a name of letters, digits, _ - .').optional(),
    undefined,
    'name of the Transit key, made with derived=true',
  ),
  KMS_VAULT_TOKEN: setting(z.string().min(1).optional(), undefined, 'token for Vault; whoever gives it keeps it alive'),
  KMS_VAULT_ROLE_ID: setting(z.string().min(1).optional(), undefined, 'AppRole instead of a token: its role id'),
  KMS_VAULT_SECRET_ID: setting(z.string().min(1).optional(), undefined, 'its secret id'),
  KMS_VAULT_APPROLE_MOUNT: setting(z.string().regex(vaultPath, 'a path such as approle'), 'approle', 'where AppRole is mounted'),
  KMS_TIMEOUT_MS: setting(integer(50, 60_000), '2000', 'how long one try at a KMS may take; there are three'),
  KMS_CACHE_SECONDS: setting(
    integer(0, 3600),
    '300',
    'how long an unwrapped data key stays in memory, and so opens while the KMS is away (0: none does)',
  ),
};

/** What the choice of a KMS asks of the other settings. */
export const kmsProblems = (env: Env, production: boolean): string[] => {
  const lacks = (name: keyof typeof kmsSettings, when: string) =>
    env[name] ? [] : [`${name}: must be set with ${when} (${kmsSettings[name].what})`];
  // Data keys come back in the clear: only an agent on the same machine may be asked without TLS.
  const openly = (name: 'KMS_AWS_ENDPOINT' | 'KMS_VAULT_ADDR') =>
    production && isInTheClear(env[name] ?? '') ? [`${name}: must be https with NODE_ENV=production, but on loopback`] : [];
  if (env['KMS_PROVIDER'] === 'aws') return [...lacks('KMS_AWS_KEY_ID', 'KMS_PROVIDER=aws'), ...openly('KMS_AWS_ENDPOINT')];
  if (env['KMS_PROVIDER'] === 'vault') {
    const when = 'KMS_PROVIDER=vault';
    const { KMS_VAULT_TOKEN: token, KMS_VAULT_ROLE_ID: roleId, KMS_VAULT_SECRET_ID: secretId } = env;
    const problems = [...lacks('KMS_VAULT_ADDR', when), ...lacks('KMS_VAULT_KEY', when), ...openly('KMS_VAULT_ADDR')];
    if (token ? roleId || secretId : !(roleId && secretId))
      problems.push('KMS_VAULT_TOKEN: with KMS_PROVIDER=vault set either this, or both KMS_VAULT_ROLE_ID and KMS_VAULT_SECRET_ID');
    return problems;
  }
  return production ? lacks('KMS_MASTER_KEY_FILE', 'NODE_ENV=production') : [];
};
