/** A master key changes: in the file, in the form of what is sealed, and from a file to a KMS. */
import { createCipheriv, randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../../src/config.ts';
import { decrypt } from '../../../src/infra/kms/cipher.ts';
import { encode, unpack } from '../../../src/infra/kms/format.ts';
import { openKms } from '../../../src/infra/kms/index.ts';
import { addMasterKey, readMasterKeys, useMasterKey } from '../../../src/infra/kms/key-file.ts';
import { createLocalKeeper, createLocalKms } from '../../../src/infra/kms/local.ts';
import { createLog } from '../../../src/infra/log.ts';
import { DoesNotOpen, UnknownMasterKey } from '../../../src/infra/ports.ts';
import { startCommand } from '../../kit/command.ts';
import { startVault, type VaultServer } from '../../kit/vault.ts';

const root = mkdtempSync(join(tmpdir(), 'latchkey-rotation-'));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;
let file: string;
beforeEach(() => {
  file = join(root, `dir-${++count}`, 'master-keys.json');
});
const context = { purpose: 'totp', id: 'row-1', owner: 'user-1' };
const secret = Buffer.from('JBSWY3DPEHPK3PXP');

describe('A new master key in the file', () => {
  it('seals at once in every process that reads the file, without a restart; old values open and are taken over', async () => {
    const kms = [createLocalKms({ file, lookMs: 0 }), createLocalKms({ file, lookMs: 0 })];
    const old = await kms[0]!.seal(secret, context);
    const id = addMasterKey(file, { use: true });
    for (const each of kms) {
      expect(each.keyIdOf(await each.seal(secret, context))).toBe(id);
      expect(await each.open(old, context)).toEqual(secret);
      expect(each.keyIdOf((await each.rewrap(old, context))!)).toBe(id);
    }
  });

  it('can be added first and used later, so that all have it before one seals under it', async () => {
    const kms = createLocalKms({ file, lookMs: 0 });
    const before = readMasterKeys(file).current;
    const id = addMasterKey(file, { use: false });
    expect(kms.keyIdOf(await kms.seal(secret, context))).toBe(before);
    useMasterKey(file, id);
    expect(kms.keyIdOf(await kms.seal(secret, context))).toBe(id);
    expect(() => useMasterKey(file, 'nowhere')).toThrow(/has no master key "nowhere"/);
    expect(readMasterKeys(file).current).toBe(id);
  });

  it('is written whole, for the owner alone, and beside no other change', async () => {
    createLocalKms({ file });
    writeFileSync(`${file}.lock`, '');
    const before = readFileSync(file, 'utf8');
    expect(() => addMasterKey(file, { use: true })).toThrow(/master-keys.json.lock is there/);
    expect(readFileSync(file, 'utf8')).toBe(before);
    rmSync(`${file}.lock`);
    addMasterKey(file, { use: true });
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readMasterKeys(file).keys.size).toBe(2);
    expect(readdirSync(join(file, '..'))).toEqual(['master-keys.json']);
  });

  it('is kept, whoever else adds one at the same time', { timeout: 30_000 }, async () => {
    createLocalKms({ file });
    const module = new URL('../../../src/infra/kms/key-file.ts', import.meta.url).href;
    const adds = `const { addMasterKey } = await import(${JSON.stringify(module)});
      for (let done = 0; done < 40; ) {
        try { addMasterKey(${JSON.stringify(file)}, { use: true }); done += 1; } catch (error) { if (!/lock is there/.test(error.message)) throw error; }
      }`;
    const ends = Array.from({ length: 4 }, () => startCommand(['--input-type=module', '-e', adds], {}).ended);
    expect((await Promise.all(ends)).map(({ errors }) => errors)).toEqual(['', '', '', '']);
    expect(readMasterKeys(file).keys.size).toBe(1 + 4 * 40);
  });

  it('that is spoilt by hand stops no server: it goes on with the keys it has, and says so', async () => {
    const lines: string[] = [];
    const log = createLog({ LOG_LEVEL: 'info' }, { write: (line) => void lines.push(line) });
    const kms = createLocalKms({ file, lookMs: 0, log });
    const sealed = await kms.seal(secret, context);
    const [key] = [...readMasterKeys(file).keys.values()];
    writeFileSync(file, `{"current": "${key!.toString('base64')}`);
    expect(await kms.open(await kms.seal(secret, context), context)).toEqual(secret);
    expect(lines.join()).toMatch(/those read before are used on/);
    expect(lines.join()).not.toContain(key!.toString('base64').slice(0, 12));
    chmodSync(file, 0o644);
    expect(await kms.open(sealed, context)).toEqual(secret);
  });

  it.runIf(process.platform !== 'win32')('in a file that others may read counts once its mode is mended, and not before', async () => {
    const kms = createLocalKms({ file, lookMs: 0 });
    const sealed = await kms.seal(secret, context);
    const id = addMasterKey(file, { use: true });
    chmodSync(file, 0o644);
    expect(kms.keyIdOf(await kms.seal(secret, context))).toBe(kms.keyIdOf(sealed));
    chmodSync(file, 0o600);
    expect(kms.keyIdOf(await kms.seal(secret, context))).toBe(id);
  });
});

describe('A value of the first form', () => {
  /** As the first version wrote it: the body is bound to all that stands before it. */
  const first = (keyId: string, masterKey: Buffer): Buffer => {
    const encrypt = (key: Buffer, plaintext: Buffer, aad: Buffer) => {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad);
      return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
    };
    const aad = (use: string) => Buffer.from(JSON.stringify(['latchkey', 1, use, context.purpose, context.id, context.owner]));
    const dataKey = randomBytes(32);
    const wrapped = encrypt(masterKey, dataKey, aad('key'));
    const head = Buffer.concat([Buffer.from([1, keyId.length]), Buffer.from(keyId), Buffer.from([0, wrapped.length]), wrapped]);
    return Buffer.concat([head, encrypt(dataKey, secret, Buffer.concat([head, aad('data')]))]);
  };

  it('opens as before, bound to its context, and a rewrap brings it into the present form', async () => {
    const kms = createLocalKms({ file });
    const { current, keys } = readMasterKeys(file);
    const old = first(current, keys.get(current)!);
    expect(await kms.open(old, context)).toEqual(secret);
    await expect(kms.open(old, { ...context, id: 'row-2' })).rejects.toThrow(DoesNotOpen);
    await expect(kms.rewrap(old, { ...context, id: 'row-2' })).rejects.toThrow(DoesNotOpen);
    const fresh = await kms.rewrap(old, context);
    expect(fresh![0]).toBe(2);
    expect(await kms.open(fresh!, context)).toEqual(secret);
  });

  it('is not opened by the rules of the other, whichever its first byte says', async () => {
    const kms = createLocalKms({ file });
    const { current, keys } = readMasterKeys(file);
    const [one, two] = [first(current, keys.get(current)!), await kms.seal(secret, context)];
    one[0] = 2;
    two[0] = 1;
    for (const each of [one, two]) await expect(kms.open(each, context)).rejects.toThrow(DoesNotOpen);
    // Each ciphertext by itself, since of two that refuse the second is not missed: wrapped key, then body.
    const keeper = createLocalKeeper({ file });
    const [wrappedOne, { wrapped: wrappedTwo, body }] = [unpack(one).wrapped, unpack(two)];
    await expect(keeper.unwrap(current, wrappedOne, context, 2)).rejects.toThrow(DoesNotOpen);
    await expect(keeper.unwrap(current, wrappedTwo, context, 1)).rejects.toThrow(DoesNotOpen);
    const dataKey = await keeper.unwrap(current, wrappedTwo, context, 2);
    expect(decrypt(dataKey, body, encode(2, 'data', context))).toEqual(secret);
    expect(() => decrypt(dataKey, body, encode(1, 'data', context))).toThrow(DoesNotOpen);
  });
});

describe('Moving from a file to a KMS', () => {
  let server: VaultServer;
  beforeEach(async () => {
    server = await startVault();
    server.makeKey('latchkey');
  });
  afterEach(() => server.close());
  const settings = () => ({
    KMS_PROVIDER: 'vault',
    KMS_VAULT_ADDR: server.url,
    KMS_VAULT_KEY: 'latchkey',
    KMS_VAULT_TOKEN: server.rootToken,
  });

  it('opens what the file has sealed as long as the file is named, and a rewrap moves it', async () => {
    const old = await createLocalKms({ file }).seal(secret, context);
    const both = await openKms(readConfig({ ...settings(), KMS_MASTER_KEY_FILE: file }));
    expect(await both.open(old, context)).toEqual(secret);
    const moved = await both.rewrap(old, context);
    expect(both.keyIdOf(moved!)).toBe('vault:transit/latchkey:v1');
    const alone = await openKms(readConfig(settings()));
    expect(await alone.open(moved!, context)).toEqual(secret);
    await expect(alone.open(old, context)).rejects.toThrow(UnknownMasterKey);
    both.close();
    alone.close();
  });

  it('stops the start where the KMS does not answer, and says which', async () => {
    server.state.trouble = 503;
    await expect(openKms(readConfig(settings()))).rejects.toThrow('KMS_PROVIDER=vault: Vault does not answer (HTTP 503)');
  });
});

describe('The settings of a KMS', () => {
  const problems = (env: Record<string, string>): string => {
    try {
      readConfig(env);
      return '';
    } catch (error) {
      return String(error);
    }
  };
  it('say what is missing, and what must not be', () => {
    expect(problems({ KMS_PROVIDER: 'aws' })).toMatch(/KMS_AWS_KEY_ID: must be set with KMS_PROVIDER=aws/);
    expect(problems({ KMS_PROVIDER: 'vault' })).toMatch(/KMS_VAULT_ADDR: .*\n.*KMS_VAULT_KEY: .*\n.*either this, or both/);
    const vault = { KMS_PROVIDER: 'vault', KMS_VAULT_ADDR: 'http://vault:8200', KMS_VAULT_KEY: 'k', KMS_VAULT_TOKEN: 'hvs.secret' };
    expect(problems(vault)).toBe('');
    expect(problems({ ...vault, KMS_VAULT_ROLE_ID: 'r' })).toMatch(/either this, or both/);
    expect(problems({ ...vault, KMS_VAULT_KEY: 'a/../b', KMS_VAULT_TRANSIT_MOUNT: '../sys' })).toMatch(/MOUNT: a path.*\n.*KEY: a name/);
    const production = problems({ ...vault, NODE_ENV: 'production' });
    expect(production).toMatch(/KMS_VAULT_ADDR: must be https/);
    expect(production).not.toMatch(/KMS_MASTER_KEY_FILE|hvs/);
    expect(problems({ ...vault, NODE_ENV: 'production', KMS_VAULT_ADDR: 'http://127.0.0.1:8200' })).not.toMatch(/KMS_/);
    const aws = { KMS_PROVIDER: 'aws', KMS_AWS_KEY_ID: 'k', NODE_ENV: 'production' };
    expect(problems({ ...aws, KMS_AWS_ENDPOINT: 'http://kms.internal:4566' })).toMatch(/KMS_AWS_ENDPOINT: must be https/);
    for (const endpoint of ['', 'https://kms.internal', 'http://localhost:4566'])
      expect(problems({ ...aws, KMS_AWS_ENDPOINT: endpoint })).not.toMatch(/KMS_/);
  });
});
