/** The three KMS as tests use them: each with what its operator can do. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAwsKeeper } from '../../../src/infra/kms/aws.ts';
import type { CacheLimits } from '../../../src/infra/kms/cache.ts';
import { createEnvelopeKms } from '../../../src/infra/kms/envelope.ts';
import type { KeyKeeper } from '../../../src/infra/kms/keeper.ts';
import { addMasterKey, ensureMasterKeys } from '../../../src/infra/kms/key-file.ts';
import { createLocalKeeper } from '../../../src/infra/kms/local.ts';
import { createVaultKeeper } from '../../../src/infra/kms/vault.ts';
import type { Kms } from '../../../src/infra/ports.ts';
import { Secret } from '../../../src/infra/secret.ts';
import { startAwsKms } from '../../kit/aws-kms.ts';
import type { Trouble } from '../../kit/loopback.ts';
import { startVault } from '../../kit/vault.ts';

export const noCache: CacheLimits = { entries: 0, seconds: 0 };
export type Provider = {
  keeper(): Promise<KeyKeeper>;
  /** A new process' KMS. */
  open(limits?: CacheLimits): Promise<Kms>;
  /** A new master key that is current from now on. */
  rotate(): void;
  /** The key of this id cannot be used any more. */
  lose(keyId: string): void;
  /** How the server fails; a file has no such troubles. */
  trouble?: (trouble: Trouble) => void;
  /** What the server was asked so far. */
  requests?: () => number;
  close(): Promise<void>;
};
const opened = (keeper: () => Promise<KeyKeeper>) => async (limits?: CacheLimits) => createEnvelopeKms(await keeper(), undefined, limits);

const local = async (): Promise<Provider> => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-kms-'));
  const file = join(directory, 'keys.json');
  ensureMasterKeys(file);
  const keeper = async () => createLocalKeeper({ file, lookMs: 0 });
  return {
    keeper,
    open: opened(keeper),
    rotate: () => void addMasterKey(file, { use: true }),
    lose: (keyId) => {
      const { current, keys } = JSON.parse(readFileSync(file, 'utf8'));
      delete keys[keyId];
      writeFileSync(file, JSON.stringify({ current, keys }));
    },
    close: async () => rmSync(directory, { recursive: true }),
  };
};

const aws = async (): Promise<Provider> => {
  const server = await startAwsKms();
  server.aliases.set('alias/latchkey', server.makeKey());
  const { region, credentials, url: endpoint } = server;
  const keeper = () => openAwsKeeper({ keyId: 'alias/latchkey', region, endpoint, credentials, timeoutMs: 300, lookMs: 0 });
  return {
    keeper,
    open: opened(keeper),
    rotate: () => void server.aliases.set('alias/latchkey', server.makeKey()),
    lose: (keyId) => void server.keys.delete(keyId),
    trouble: (trouble) => Object.assign(server.state, { trouble }),
    requests: () => server.state.requests,
    close: server.close,
  };
};

const vault = async (): Promise<Provider> => {
  const server = await startVault();
  server.makeKey('latchkey');
  const auth = { kind: 'token', token: new Secret(server.rootToken) } as const;
  const keeper = async () => createVaultKeeper({ address: server.url, mount: 'transit', key: 'latchkey', auth, timeoutMs: 300, lookMs: 0 });
  return {
    keeper,
    open: opened(keeper),
    rotate: () => void server.rotate('latchkey'),
    lose: (keyId) => Object.assign(server.keys.get('latchkey')!, { oldest: Number(keyId.split(':v')[1]) + 1 }),
    trouble: (trouble) => Object.assign(server.state, { trouble }),
    requests: () => server.state.requests,
    close: server.close,
  };
};

export const providers = { local, aws, vault };
