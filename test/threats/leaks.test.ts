/** After a full run neither the database nor the log holds a credential, a data key or a master key, in any encoding. */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { sealedColumns } from '../../src/auth/seals/columns.ts';
import { readConfig } from '../../src/config.ts';
import { unpack } from '../../src/infra/kms/format.ts';
import { openKms } from '../../src/infra/kms/index.ts';
import { addMasterKey, readMasterKeys } from '../../src/infra/kms/key-file.ts';
import { createLocalKeeper, createLocalKms } from '../../src/infra/kms/local.ts';
import type { Kms } from '../../src/infra/ports.ts';
import { startAwsKms } from '../kit/aws-kms.ts';
import { freshDatabase } from '../kit/database.ts';
import { exportMine, ready } from '../kit/exports.ts';
import { type LocalKite, openKite } from '../kit/kite.ts';
import { dumpOf, leaksIn } from '../kit/leaks.ts';
import { keepLog } from '../kit/log.ts';
import { ask, mfaLoginMutation, totp, verifyMutation, withTotp } from '../kit/mfa.ts';
import { startReceiver } from '../kit/receiver.ts';
import { keysOf, linked } from '../kit/trading.ts';
import { startVault } from '../kit/vault.ts';
import { hooked } from '../kit/webhooks.ts';
import { loginMutation, openWorld, refreshMutation, someEmail, type World } from '../kit/world.ts';

type Secrets = Record<string, Buffer | string>;
const named = (name: string, list: readonly (Buffer | string)[]): Secrets =>
  Object.fromEntries(list.map((each, n) => [`${name} ${n}`, each]));

/** A life with everything in it that is sealed or hashed; its secrets, as its owner and its clients know them. */
const live = async (world: World): Promise<Secrets> => {
  const email = someEmail();
  const [first, second] = ['purple monkey dishwasher 9', 'another fine horse 77'];
  const run = async (name: string, type: string, input: object) =>
    (await world.anonymous.ask(`mutation ($input: ${type}!) { ${name}(input: $input) { __typename } }`, { input })).data[name].__typename;
  const tokenIn = async (nth: number) => /token=([\w-]+)/.exec((await world.mail(email, nth)).text)?.[1] as string;
  await run('register', 'RegisterInput', { email, password: first });
  const verifying = await tokenIn(0);
  expect(await run('verifyEmail', 'VerifyEmailInput', { token: verifying })).toBe('User');
  await run('requestPasswordReset', 'EmailInput', { email });
  const resetting = await tokenIn(1);
  expect(await run('resetPassword', 'ResetPasswordInput', { token: resetting, newPassword: second })).toBe('User');
  const { login } = (await world.anonymous.ask(loginMutation, { input: { email, password: second } })).data;
  const { accessToken, refreshToken } = login;
  const client = world.anonymous.as(accessToken);
  const person = await withTotp(world, { id: login.user.id, email, accessToken, refreshToken, sessionId: login.session.id, client });
  const challenge = await ask(world.anonymous, mfaLoginMutation, { email, password: second });
  const given = {
    challengeToken: challenge['challengeToken'],
    type: 'TOTP',
    code: totp(person.secret, world.clock.now()),
    trustDevice: true,
  };
  const signedIn = (await ask(world.anonymous, verifyMutation, given)) as unknown as Record<string, string>;
  expect(signedIn['__typename']).toBe('SignedIn');
  const { refresh } = (await world.anonymous.ask(refreshMutation, { input: { refreshToken: signedIn['refreshToken'] } })).data;
  const user = kite.user();
  const token = kite.accessToken(user);
  await linked(client, { ...keysOf(user), accessToken: token });
  const hooks = await startReceiver();
  closing.push(hooks.close);
  const admin = await world.signedIn(undefined, { roles: ['superadmin'] });
  const { secret } = await hooked(admin.client, { url: hooks.url, types: ['user.login'] });
  const other = await world.signedIn();
  await ready(other.client, (await exportMine(other.client)).id);
  await vi.waitFor(() => expect(hooks.received.length).toBeGreaterThan(0), { timeout: 8000 });
  return {
    ...{ 'broker key': user.apiKey, 'broker secret': user.apiSecret, 'broker token': token },
    ...{ first, second, verifying, resetting, accessToken, refreshToken, 'authenticator secret': person.secret },
    ...{ 'webhook secret': secret, 'webhook key': Buffer.from(secret.slice('whsec_'.length), 'base64') },
    ...{ 'challenge token': String(challenge['challengeToken']), 'device token': signedIn['deviceToken']!, renewed: refresh.refreshToken },
    ...named('backup code', person.backupCodes),
  };
};

/** What is sealed, in the clear, and the data keys of a file's master keys. */
const sealedSecrets = async (world: World, kms: Kms, keyFile?: string): Promise<Secrets> => {
  const keeper = keyFile ? createLocalKeeper({ file: keyFile }) : null;
  const found: Secrets = {};
  for (const column of sealedColumns) {
    const values = [column.key, ...column.needs].map((name) => `'${name}', ${name}::text`).join();
    const rows = await world.sql<{ row: Record<string, string>; sealed: Buffer }>(
      `SELECT jsonb_build_object(${values}) AS row, ${column.column} AS sealed FROM ${column.table} WHERE ${column.column} IS NOT NULL`,
    );
    expect(rows.length, column.table).toBeGreaterThan(0);
    for (const { row, sealed } of rows) {
      const context = column.context(row);
      found[`${context.purpose} ${context.id}`] = await kms.open(sealed, context);
      const { keyId, wrapped, version } = unpack(sealed);
      if (keeper) found[`data key of ${context.purpose} ${context.id}`] = await keeper.unwrap(keyId, wrapped, context, version);
    }
  }
  kms.close();
  return found;
};

let kite: LocalKite;
beforeAll(async () => {
  kite = await openKite();
});
afterAll(() => kite?.stop());
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
/** Runs it all with `settings`, rotates in the middle, fails once, and looks. */
const run = async (
  settings: Record<string, string>,
  upset: ((world: { keyFile: string }) => unknown)[],
  secretsOf: (world: World & { keyFile: string }) => Promise<Secrets>,
) => {
  const log = keepLog();
  const world = await openWorld(
    { LOG_LEVEL: 'debug', KMS_TIMEOUT_MS: '500', KITE_API_URL: kite.url, ...settings },
    { destination: log.destination },
  );
  closing.push(world.close);
  const secrets: Secrets = {};
  const add = (more: Secrets, turn: number) => {
    for (const [name, value] of Object.entries(more)) secrets[`${name} (${turn})`] = value;
  };
  add(await live(world), 0);
  for (const [turn, each] of upset.entries()) {
    each(world);
    await world.house.auth.seals.rewrap().catch(() => {});
    add(await live(world).catch(() => ({})), turn + 1);
  }
  Object.assign(secrets, await secretsOf(world));
  const dump = await dumpOf(world.databaseUrl);
  expect(dump).toContain('user.login');
  expect(log.text().length).toBeGreaterThan(500);
  expect(Object.keys(secrets).length).toBeGreaterThan(25);
  expect(leaksIn({ 'the database': dump, 'the log': log.text() }, secrets)).toEqual([]);
};

describe('the database and the log, after all that has secrets was done and the master key rotated, hold none', () => {
  it('with master keys in a file', { timeout: 40_000 }, () =>
    run({}, [({ keyFile }) => addMasterKey(keyFile, { use: true })], async (world) => ({
      ...named('master key', [...readMasterKeys(world.keyFile).keys.values()]),
      ...(await sealedSecrets(world, createLocalKms({ file: world.keyFile }), world.keyFile)),
    })),
  );

  it('with Vault', { timeout: 40_000 }, async () => {
    const server = await startVault();
    closing.push(server.close);
    server.makeKey('latchkey');
    const { roleId, secretId } = server.appRole;
    const settings = {
      KMS_PROVIDER: 'vault',
      KMS_VAULT_ADDR: server.url,
      KMS_VAULT_KEY: 'latchkey',
      KMS_VAULT_ROLE_ID: roleId,
      KMS_VAULT_SECRET_ID: secretId,
    };
    const away = () => Object.assign(server.state, { trouble: 'away' });
    // The house leaves it alone for half a minute: what is sealed is opened by another process.
    const back = () => {
      server.state.trouble = null;
      return openKms(readConfig(settings));
    };
    await run(settings, [() => server.rotate('latchkey'), away], async (world) => ({
      ...named('data key', server.dataKeys),
      ...named('master key', server.keys.get('latchkey')!.versions),
      ...named('token', [...server.tokens.keys()]),
      secretId,
      ...(await sealedSecrets(world, await back())),
    }));
  });

  it('with AWS KMS', { timeout: 40_000 }, async () => {
    const server = await startAwsKms();
    closing.push(server.close);
    server.aliases.set('alias/latchkey', server.makeKey());
    const { accessKeyId, secretAccessKey } = server.credentials;
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey });
    const settings = { KMS_PROVIDER: 'aws', KMS_AWS_KEY_ID: 'alias/latchkey', KMS_AWS_REGION: server.region, KMS_AWS_ENDPOINT: server.url };
    const away = () => Object.assign(server.state, { trouble: 'away' });
    // The house leaves it alone for half a minute: what is sealed is opened by another process.
    const back = () => {
      server.state.trouble = null;
      return openKms(readConfig(settings));
    };
    const rotate = () => server.aliases.set('alias/latchkey', server.makeKey());
    await run(settings, [rotate, away], async (world) => ({
      ...named('data key', server.dataKeys),
      ...named(
        'master key',
        [...server.keys.values()].map(({ material }) => material),
      ),
      secretAccessKey,
      ...(await sealedSecrets(world, await back())),
    }));
  });
});

describe('what looks for leaks', () => {
  const secret = Buffer.from('8f1a-needle+in/a-stack', 'latin1');
  it.each([
    ['raw', (s: Buffer) => `${s}`],
    ['in hex', (s: Buffer) => s.toString('hex')],
    ['in a longer base64', (s: Buffer) => Buffer.concat([Buffer.from('ab'), s, Buffer.from('c')]).toString('base64')],
    ['in base64url within JSON', (s: Buffer) => JSON.stringify({ a: s.toString('base64url') })],
  ])('finds a secret %s, in a column of text, of bytes and of JSON', async (_how, encode) => {
    const { url, drop } = await freshDatabase();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query('CREATE TABLE planted (t text, b bytea, j jsonb)');
    for (const column of ['t', 'b', 'j']) {
      const value =
        column === 'j' ? JSON.stringify({ held: encode(secret) }) : column === 'b' ? Buffer.from(encode(secret)) : encode(secret);
      await client.query(`INSERT INTO planted (${column}) VALUES ($1)`, [value]);
      expect(leaksIn({ dump: await dumpOf(url) }, { secret }), column).not.toEqual([]);
      await client.query('DELETE FROM planted');
    }
    expect(leaksIn({ dump: await dumpOf(url) }, { secret })).toEqual([]);
    await client.end();
    await drop();
  });
});
