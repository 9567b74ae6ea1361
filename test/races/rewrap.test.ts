/** The command that rewraps, in processes of its own: killed, twice at once, with values that do not open, and in the middle of everything else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTrail } from '../../src/auth/audit/record.ts';
import { openSeals } from '../../src/auth/seals/index.ts';
import { createEnvelopeKms } from '../../src/infra/kms/envelope.ts';
import { addMasterKey } from '../../src/infra/kms/key-file.ts';
import { createLocalKms } from '../../src/infra/kms/local.ts';
import { createVaultKeeper } from '../../src/infra/kms/vault.ts';
import type { Kms } from '../../src/infra/ports.ts';
import { Secret } from '../../src/infra/secret.ts';
import { startCommand } from '../kit/command.ts';
import { openKite } from '../kit/kite.ts';
import { ask, mfaLoginMutation, totp, verifyMutation, withTotp } from '../kit/mfa.ts';
import { openSealed, type Sealed, type SealedRow } from '../kit/sealed.ts';
import { keysOf, linked, trade } from '../kit/trading.ts';
import { startVault, type VaultServer } from '../kit/vault.ts';
import { openWorld, password, refreshMutation } from '../kit/world.ts';

describe('the command that rewraps', () => {
  let server: VaultServer;
  let kms: Kms;
  let house: Sealed;
  let rows: SealedRow[];
  const settings = () => ({
    DATABASE_URL: house.url,
    KMS_PROVIDER: 'vault',
    KMS_VAULT_ADDR: server.url,
    KMS_VAULT_KEY: 'latchkey',
    KMS_VAULT_ROLE_ID: server.appRole.roleId,
    KMS_VAULT_SECRET_ID: server.appRole.secretId,
  });
  const rewrap = () => startCommand(['src/kms.ts', 'rewrap'], settings());
  beforeAll(async () => {
    server = await startVault();
    server.makeKey('latchkey');
    const auth = { kind: 'token', token: new Secret(server.rootToken) } as const;
    kms = createEnvelopeKms(
      createVaultKeeper({ address: server.url, mount: 'transit', key: 'latchkey', auth, timeoutMs: 15_000, lookMs: 0 }),
    );
    house = await openSealed(kms);
    rows = await house.fill(300);
  });
  afterAll(async () => {
    kms?.close();
    await house?.close();
    await server?.close();
  });
  const counts = async () => (await house.seals().keysInUse()).map(({ keyId, values }) => [keyId.split(':').at(-1), values]);
  const asked = () => server.received.filter(({ path }) => path.startsWith('transit/rewrap/')).length;
  const allOpen = async () => {
    for (const row of rows) expect(await house.opened(row)).toBe(row.secret);
  };

  it('goes on where it was after kill -9, and every value opens at any time', { timeout: 40_000 }, async () => {
    server.rotate('latchkey');
    const { child, ended } = rewrap();
    while (asked() < 60 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 1));
    child.kill('SIGKILL');
    expect((await ended).signal).toBe('SIGKILL');
    const [before] = await counts();
    expect(before?.[0]).toBe('v1');
    expect(before?.[1]).toBeGreaterThan(0);
    expect(before?.[1]).toBeLessThan(300);
    await allOpen();
    const second = await rewrap().ended;
    expect(second).toMatchObject({ code: 0, errors: '' });
    expect(second.said).toContain(`rewrapped ${before?.[1]}, left as they are 0\n`);
    expect(await counts()).toEqual([['v2', 300]]);
    await allOpen();
  });

  it('run twice at once takes each value over once', { timeout: 40_000 }, async () => {
    server.rotate('latchkey');
    const both = await Promise.all([rewrap().ended, rewrap().ended]);
    const done = both.map(({ said }) => Number(/rewrapped (\d+)/.exec(said)?.[1]));
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(done[0]! + done[1]!).toBe(300);
    expect(await counts()).toEqual([['v3', 300]]);
    await allOpen();
  });

  it('ends with 1 and names the values that do not open, which stay as they are; with 2 where the KMS is away', {
    timeout: 40_000,
  }, async () => {
    const [lost, altered] = rows as [SealedRow, SealedRow];
    const kept = await house.sealedOf(lost);
    const unknown = Buffer.from(kept);
    unknown.write('z', kept.indexOf('latchkey'));
    const broken = await house.sealedOf(altered);
    broken[60]! ^= 1;
    await house.put(lost, unknown);
    await house.put(altered, broken);
    server.rotate('latchkey');
    const { code, said } = await rewrap().ended;
    expect(code).toBe(1);
    expect(said).toContain(`mfa_methods.sealed_secret ${lost.id}: UnknownMasterKey`);
    expect(said).toContain(`mfa_methods.sealed_secret ${altered.id}: DoesNotOpen`);
    expect(said).toContain('rewrapped 298, left as they are 2\n');
    expect([await house.sealedOf(lost), await house.sealedOf(altered)]).toEqual([unknown, broken]);
    const status = await startCommand(['src/kms.ts', 'status'], settings()).ended;
    expect(status.said).toContain('mfa_methods.sealed_secret vault:transit/latchkey:v4: 298\n');
    server.state.trouble = 503;
    const away = await rewrap().ended;
    server.state.trouble = null;
    expect(away).toMatchObject({ code: 2, said: '' });
    expect(away.errors).toBe('KMS_PROVIDER=vault: Vault does not answer (HTTP 503)\n');
  });
});

describe('a rewrap in the middle of everything', () => {
  it('is noticed by nobody: enrolments, codes, sign-ins, refreshes and trading go on while the master key changes ten times', {
    timeout: 60_000,
  }, async () => {
    const kite = await openKite();
    const world = await openWorld({ KITE_API_URL: kite.url, RATE_LIMIT_BROKER: '10000/60s' });
    const { infra } = world.house;
    // Another process, which hears of a new key before the house does: until then that one seals under the old.
    const kms = createLocalKms({ file: world.keyFile, lookMs: 0 });
    const seals = openSeals({ ...infra, kms, trail: openTrail(infra) });
    let over = false;
    const live = async () => {
      for (let n = 0; !over || n < 3; n += 1) {
        const person = await withTotp(world);
        const login = await ask(world.anonymous, mfaLoginMutation, { email: person.email, password });
        const code = totp(person.secret, world.clock.now());
        const answer = await ask(world.anonymous, verifyMutation, { challengeToken: login['challengeToken'], type: 'TOTP', code });
        expect(answer.__typename).toBe('SignedIn');
        const { data } = await world.anonymous.ask(refreshMutation, { input: { refreshToken: answer['refreshToken'] } });
        expect(data.refresh.__typename).toBe('SignedIn');
      }
    };
    const kept: { id: string; accessToken: string }[] = [];
    const owner = await world.signedIn();
    const trading = async () => {
      for (let n = 0; !over || n < 3; n += 1) {
        const user = kite.user();
        const [first, fresh] = [kite.accessToken(user), kite.accessToken(user)];
        const id = await linked(owner.client, { ...keysOf(user), accessToken: first });
        const read = () => trade(owner.client, 'revealTradingCredentials', { accountId: id });
        expect(await read()).toMatchObject({ accessToken: first });
        const input = { accountId: id, ...keysOf(user), accessToken: fresh };
        expect(await trade(owner.client, 'rotateTradingCredentials', input)).toMatchObject({ status: 'ACTIVE' });
        expect(await read()).toMatchObject({ accessToken: fresh });
        if (kept.length < 4) kept.push({ id, accessToken: fresh });
        else expect(await trade(owner.client, 'unlinkTradingAccount', { accountId: id })).toMatchObject({ __typename: 'Deleted' });
      }
    };
    const turning = async () => {
      for (let round = 0; round < 10; round += 1) {
        addMasterKey(world.keyFile, { use: true });
        await Promise.all([seals.rewrap(), world.house.auth.seals.rewrapSome(), new Promise((resolve) => setTimeout(resolve, 250))]);
      }
      over = true;
    };
    try {
      await Promise.all([turning(), trading(), ...Array.from({ length: 4 }, live)]);
      await seals.rewrap();
      const inUse = await world.house.auth.seals.keysInUse();
      expect(new Set(inUse.map(({ keyId }) => keyId)).size).toBe(1);
      expect(inUse.map(({ column }) => column)).toEqual([
        'sealed_secrets.sealed',
        'signing_keys.sealed_private',
        'mfa_methods.sealed_secret',
        'trading_accounts.sealed',
      ]);
      expect(kept).toHaveLength(4);
      for (const { id, accessToken } of kept)
        expect(await trade(owner.client, 'revealTradingCredentials', { accountId: id })).toMatchObject({ accessToken });
    } finally {
      kms.close();
      await world.close();
      await kite.stop();
    }
  });
});
