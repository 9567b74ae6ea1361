/** What Vault receives, how a token is had, and what its refusals become. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createEnvelopeKms } from '../../../src/infra/kms/envelope.ts';
import { createVaultKeeper, type VaultSettings } from '../../../src/infra/kms/vault.ts';
import { type Kms, Unavailable, UnknownMasterKey } from '../../../src/infra/ports.ts';
import { Secret } from '../../../src/infra/secret.ts';
import { freePort } from '../../kit/ports.ts';
import { startVault, type VaultServer } from '../../kit/vault.ts';
import { noCache } from './providers.ts';

const context = { purpose: 'totp_secret', id: 'row-1', owner: 'user-1' };
const encoded = Buffer.from('["latchkey",2,"key","totp_secret","row-1","user-1"]').toString('base64');
const secret = Buffer.from('a secret');
let server: VaultServer;
let opened: Kms[] = [];
const keeper = (more: Partial<VaultSettings> = {}) => {
  const auth = { kind: 'token', token: new Secret(server.rootToken) } as const;
  return createVaultKeeper({ address: server.url, mount: 'transit', key: 'latchkey', auth, timeoutMs: 1_000, lookMs: 0, ...more });
};
const open = (more: Partial<VaultSettings> = {}): Kms => {
  const kms = createEnvelopeKms(keeper(more), undefined, noCache);
  opened.push(kms);
  return kms;
};
const appRole = ({ roleId, secretId }: VaultServer['appRole']): Partial<VaultSettings> => ({
  auth: { kind: 'approle', roleId, secretId: new Secret(secretId), mount: 'approle' },
});
const paths = () => server.received.map(({ path }) => path);
beforeEach(async () => {
  server = await startVault();
  server.makeKey('latchkey');
});
afterEach(async () => {
  for (const kms of opened) kms.close();
  opened = [];
  await server.close();
});

describe('Vault', () => {
  it('receives the token and the context with each request, and never what is sealed', async () => {
    const kms = open();
    const sealed = await kms.seal(secret, context);
    await kms.open(sealed, context);
    server.rotate('latchkey');
    const fresh = await kms.rewrap(sealed, context);
    expect(await kms.open(fresh!, context)).toEqual(secret);
    const ciphertext = (version: number) => expect.stringMatching(new RegExp(`^vault:v${version}:`));
    expect(server.received.map(({ path, body }) => ({ path, body }))).toEqual([
      { path: 'transit/datakey/plaintext/latchkey', body: { context: encoded, bits: 256 } },
      { path: 'transit/decrypt/latchkey', body: { context: encoded, ciphertext: ciphertext(1) } },
      { path: 'transit/keys/latchkey', body: {} },
      { path: 'transit/rewrap/latchkey', body: { context: encoded, ciphertext: ciphertext(1) } },
      { path: 'transit/decrypt/latchkey', body: { context: encoded, ciphertext: ciphertext(2) } },
    ]);
    for (const { headers } of server.received)
      expect(headers).toMatchObject({ 'x-vault-token': server.rootToken, 'x-vault-request': 'true' });
    expect([kms.keyIdOf(sealed), kms.keyIdOf(fresh!)]).toEqual(['vault:transit/latchkey:v1', 'vault:transit/latchkey:v2']);
  });

  it('receives the namespace, and refuses without it', async () => {
    const closed = await startVault({ namespace: 'identity' });
    closed.makeKey('latchkey');
    const auth = { kind: 'token', token: new Secret(closed.rootToken) } as const;
    const inside = open({ address: closed.url, namespace: 'identity', auth });
    expect(await inside.open(await inside.seal(secret, context), context)).toEqual(secret);
    await expect(open({ address: closed.url, auth }).seal(secret, context)).rejects.toThrow(/Vault refuses .* \(HTTP 403\)/);
    await closed.close();
  });

  it('gives a token by AppRole once for all who ask at once, and again when it was revoked', async () => {
    const kms = open(appRole(server.appRole));
    const sealed = await Promise.all(Array.from({ length: 20 }, () => kms.seal(secret, context)));
    const logins = () => paths().filter((path) => path === 'auth/approle/login').length;
    expect(logins()).toBe(1);
    expect(server.received[0]!.body).toEqual({ role_id: server.appRole.roleId, secret_id: server.appRole.secretId });
    server.tokens.clear();
    expect(await kms.open(sealed[0]!, context)).toEqual(secret);
    expect(logins()).toBe(2);
    const stranger = open(appRole({ ...server.appRole, secretId: randomUUID() }));
    const error = await stranger.seal(secret, context).catch((thrown: Error) => thrown);
    expect(String(error)).toBe("Unavailable: Vault does not take the AppRole's credentials (HTTP 400)");
  });

  it('renews a token when two thirds of its lease are over, and gives another where it gets no longer life', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      server.options.leaseSeconds = 60;
      const kms = open(appRole(server.appRole));
      const pass = async (ms: number) => {
        vi.advanceTimersByTime(ms);
        server.received.length = 0;
        await kms.seal(secret, context);
        return paths().filter((path) => path.startsWith('auth/'));
      };
      expect(await pass(0)).toEqual(['auth/approle/login']);
      expect(await pass(39_000)).toEqual([]);
      expect(await pass(2_000)).toEqual(['auth/token/renew-self']);
      server.options.longestLease = 5;
      expect(await pass(41_000)).toEqual(['auth/token/renew-self', 'auth/approle/login']);
      expect(await pass(90_000)).toEqual(['auth/approle/login']);
    } finally {
      vi.useRealTimers();
    }
  });

  it('that takes the token no more is unavailable: no value is said to be lost', async () => {
    const kms = open();
    const sealed = await kms.seal(secret, context);
    server.tokens.clear();
    for (const work of [() => kms.open(sealed, context), () => kms.seal(secret, context), () => kms.currentHead()])
      await expect(work()).rejects.toThrow(Unavailable);
  });

  it('is asked for no other path than that of a key, whatever id stands in the database', async () => {
    const kms = open();
    const sealed = await kms.seal(secret, context);
    server.received.length = 0;
    const id = Buffer.from(kms.keyIdOf(sealed));
    for (const other of [
      'vault:transit/../sys/seal:v1',
      'vault:secret/latchkey:v1',
      'vault:transit/latchkey:v01',
      'vault:transit/a/b:v1',
    ]) {
      const moved = Buffer.concat([Buffer.from([2, other.length]), Buffer.from(other), sealed.subarray(2 + id.length)]);
      await expect(kms.open(moved, context), other).rejects.toThrow(UnknownMasterKey);
    }
    expect(paths()).toEqual([]);
  });

  it('opens under a key of another name as long as it may, and a rewrap moves it to the present one', async () => {
    server.makeKey('younger');
    const sealed = await open().seal(secret, context);
    const kms = open({ key: 'younger' });
    expect(await kms.open(sealed, context)).toEqual(secret);
    const fresh = await kms.rewrap(sealed, context);
    expect(kms.keyIdOf(fresh!)).toBe('vault:transit/younger:v1');
    server.keys.delete('latchkey');
    await expect(kms.open(sealed, context)).rejects.toThrow(UnknownMasterKey);
    expect(await kms.open(fresh!, context)).toEqual(secret);
  });

  it('is not there at the start, or its key binds nothing: what is wrong is said', async () => {
    const said = async (more: Partial<VaultSettings>) =>
      String(
        await keeper(more)
          .check()
          .catch((thrown: Error) => thrown),
      );
    expect(await said({})).toBe('undefined');
    server.makeKey('plain', { derived: false });
    expect(await said({ key: 'plain' })).toMatch(/transit\/plain is no derived key.*derived=true/);
    expect(await said({ key: 'nowhere' })).toMatch(/Vault has no key transit\/nowhere. Make it: vault write -f/);
    expect(await said({ auth: { kind: 'token', token: new Secret('guessed') } })).toMatch(/Vault refuses to be read .* \(HTTP 403\)/);
    expect(await said({ address: `http://127.0.0.1:${await freePort()}` })).toMatch(/Vault does not answer \(ECONNREFUSED\)/);
  });
});
