/** The whole life of a trading account against `npm start`, with its own PostgreSQL and KMS, and a Kite on loopback; and what it leaves behind: no credential. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, clientOf } from '../kit/client.ts';
import { type KiteUser, kiteError, type LocalKite, openKite } from '../kit/kite.ts';
import { type NpmStart, npmStart } from '../kit/npm-start.ts';
import { serviceOf, tokenOf } from '../kit/services.ts';
import { dumpOf, foundIn } from '../kit/traces.ts';
import { accountOf, keysOf, trade } from '../kit/trading.ts';
import { loginMutation } from '../kit/world.ts';

let kite: LocalKite;
let server: NpmStart;
beforeAll(async () => {
  kite = await openKite();
  server = await npmStart({
    KITE_API_URL: kite.url,
    BOOTSTRAP_ADMIN_EMAIL: 'admin@example.com',
    LOG_LEVEL: 'debug',
    ARGON2_MEMORY_KIB: '64',
  });
}, 40_000);
afterAll(async () => {
  await server?.close();
  await kite?.stop();
}, 40_000);

const password = 'orbit-walnut-lantern';
type Mail = { to: string; text: string };
/** Registers, reads the code in the inbox, verifies, signs in. */
const enrol = async (anonymous: Client, email: string): Promise<{ id: string; client: Client }> => {
  await anonymous.ask(`mutation { register(input: { email: "${email}", password: "${password}" }) { __typename } }`);
  const inbox = async () => (await (await fetch(`${server.url}/inbox`, { headers: { accept: 'application/json' } })).json()) as Mail[];
  let code: string | undefined;
  for (let waited = 0; !code && waited < 8_000; waited += 50) {
    code = /^\d{6}$/m.exec((await inbox()).find(({ to }) => to === email)?.text ?? '')?.[0];
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await anonymous.ask(`mutation { verifyEmail(input: { email: "${email}", code: "${code}" }) { __typename } }`);
  const { login } = (await anonymous.ask(loginMutation, { input: { email, password } })).data;
  return { id: login.user.id, client: anonymous.as(login.accessToken) };
};

describe('a trading account at a server of npm start', () => {
  it('lives its whole life, and leaves no credential in the database, on the disk or in the log', { timeout: 60_000 }, async () => {
    const anonymous = clientOf(server.url);
    const admin = await enrol(anonymous, 'admin@example.com');
    const [owner, friend] = [await enrol(anonymous, 'owner@example.com'), await enrol(anonymous, 'friend@example.com')];
    const user = kite.user();
    const requestTokens = [kite.requestToken(user), kite.requestToken(user)];
    const secrets: Record<string, string> = {
      apiKey: user.apiKey,
      apiSecret: user.apiSecret,
      first: requestTokens[0]!,
      second: requestTokens[1]!,
    };

    const wrong = { apiKey: user.apiKey, apiSecret: 'quite-the-wrong-secret', requestToken: 'a-request-token-of-nobody' };
    expect(await trade(owner.client, 'linkTradingAccount', wrong)).toMatchObject({ __typename: 'BrokerRejected' });
    const account = await trade(owner.client, 'linkTradingAccount', {
      ...keysOf(user),
      requestToken: requestTokens[0],
      nickname: 'Day trading',
    });
    expect(account).toMatchObject({ __typename: 'TradingAccount', status: 'ACTIVE', brokerUserId: user.userId });
    const input = { accountId: account.id };

    const service = await serviceOf(admin.client, ['trading:credentials.read']);
    const program = anonymous.as(await tokenOf(server, service));
    for (const [userId, access] of [
      [service.id, 'TRADE'],
      [friend.id, 'VIEW'],
    ])
      expect(await trade(owner.client, 'shareTradingAccount', { ...input, userId, access })).toMatchObject({
        __typename: 'TradingAccount',
      });
    expect(await accountOf(friend.client, account.id)).toMatchObject({ nickname: 'Day trading', apiKeyHint: '' });
    const first = await trade(program, 'revealTradingCredentials', input);
    expect(first).toMatchObject({ __typename: 'TradingCredentials', ...keysOf(user) });
    secrets['firstAccess'] = first.accessToken;

    kite.endSessions(user);
    expect(await trade(owner.client, 'verifyTradingAccount', input)).toMatchObject({ __typename: 'BrokerRejected' });
    expect(await accountOf(owner.client, account.id)).toMatchObject({ status: 'INVALID_CREDENTIALS' });
    kite.behave(kiteError(503, 'NetworkException', user.apiSecret));
    expect(
      await trade(owner.client, 'rotateTradingCredentials', { ...input, ...keysOf(user), requestToken: requestTokens[1] }),
    ).toMatchObject({ __typename: 'BrokerUnavailable' });
    kite.behave(null);
    const rotated = await trade(owner.client, 'rotateTradingCredentials', { ...input, ...keysOf(user), requestToken: requestTokens[1] });
    expect(rotated).toMatchObject({ __typename: 'TradingAccount', status: 'ACTIVE' });
    const second = await trade(owner.client, 'revealTradingCredentials', input);
    secrets['secondAccess'] = second.accessToken;
    expect(second.accessToken).not.toBe(first.accessToken);

    await trade(owner.client, 'unshareTradingAccount', { ...input, userId: friend.id });
    expect(await accountOf(friend.client, account.id)).toBeNull();
    const other: KiteUser = kite.user();
    Object.assign(secrets, { otherKey: other.apiKey, otherSecret: other.apiSecret, otherAccess: kite.accessToken(other) });
    // This one stays, sealed.
    expect(await trade(owner.client, 'linkTradingAccount', { ...keysOf(other), accessToken: secrets['otherAccess'] })).toMatchObject({
      __typename: 'TradingAccount',
    });
    expect(await trade(owner.client, 'unlinkTradingAccount', input)).toMatchObject({ __typename: 'Deleted' });
    expect(await trade(program, 'revealTradingCredentials', input)).toMatchObject({ __typename: 'NotFound' });

    const database = new pg.Client({ connectionString: readFileSync(join(server.directory, 'data', 'postgres.url'), 'utf8') });
    await database.connect();
    const dump = await dumpOf(async (text) => (await database.query(text)).rows);
    // What is on the disk is what was written, rows that are gone and the write-ahead log included.
    await database.query('CHECKPOINT');
    await database.end();
    expect(dump).toContain('trading_account.credentials_revealed');
    expect(foundIn(dump, secrets)).toEqual([]);
    expect(foundIn(dump, { nickname: 'Day trading' })).not.toEqual([]);
    const files = readdirSync(join(server.directory, 'data'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.length).toBeGreaterThan(100);
    for (const file of files) expect(foundIn(readFileSync(join(file.parentPath, file.name)), secrets), file.name).toEqual([]);
    await server.interrupt();
    expect(server.output()).toContain('a broker could not be asked');
    expect(foundIn(server.output(), secrets)).toEqual([]);
  });
});
