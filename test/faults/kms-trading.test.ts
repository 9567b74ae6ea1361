/** Trading accounts while the KMS is away: what was read lately is read still, and nothing is half-written. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { countFacts } from '../kit/administration.ts';
import { type LocalAlpaca, type LocalKite, openAlpaca, openKite } from '../kit/kite.ts';
import { serviceOf, tokenOf } from '../kit/services.ts';
import { accountOf, keysOf, linked, trade } from '../kit/trading.ts';
import { startVault, type VaultServer } from '../kit/vault.ts';
import { openWorld, type SignedInPerson, type World } from '../kit/world.ts';

let server: VaultServer;
let kite: LocalKite;
let alpaca: LocalAlpaca;
let world: Awaited<ReturnType<typeof openWorld>>;
/** Another process on the same database: it has cached no data key. */
let second: World;
let owner: SignedInPerson;
beforeAll(async () => {
  [server, kite, alpaca] = await Promise.all([startVault(), openKite(), openAlpaca()]);
  server.makeKey('latchkey');
  const settings = {
    ...{ KMS_PROVIDER: 'vault', KMS_VAULT_ADDR: server.url, KMS_VAULT_KEY: 'latchkey', KMS_VAULT_TOKEN: server.rootToken },
    ...{ KMS_TIMEOUT_MS: '300', KITE_API_URL: kite.url, ALPACA_API_URL: alpaca.url },
  };
  world = await openWorld(settings);
  second = await openWorld(settings, { databaseUrl: world.databaseUrl, keyFile: world.keyFile, clock: world.clock });
  owner = await world.signedIn();
});
afterEach(() => {
  server.state.trouble = null;
});
afterAll(async () => {
  await second?.close();
  await world?.close();
  await Promise.all([server?.close(), kite?.stop(), alpaca?.stop()]);
});
const elsewhere = () => second.anonymous.as(owner.accessToken);
const ofAlpaca = async () => {
  const user = alpaca.user();
  return { user, id: await linked(owner.client, { broker: 'alpaca', ...keysOf(user) }) };
};
const serviceThatReads = async (accountId: string) => {
  const admin = await world.signedIn(undefined, { roles: ['superadmin'] });
  const service = await serviceOf(admin.client, ['trading:credentials.read']);
  await trade(owner.client, 'shareTradingAccount', { accountId, userId: service.id, access: 'TRADE' });
  return service;
};
const rowOf = async (id: string) => (await world.sql('SELECT * FROM trading_accounts WHERE id = $1', [id]))[0];

describe('while the KMS is away', () => {
  it('nothing is linked or rotated, nor read that is not cached: UNAVAILABLE, nothing half-written, and the request token is not spent', async () => {
    const { id, user } = await ofAlpaca();
    const [kiteUser, newcomer] = [kite.user(), alpaca.user()];
    const holder = kite.user();
    const kept = await linked(owner.client, { ...keysOf(holder), accessToken: kite.accessToken(holder) });
    const [requestToken, another] = [kite.requestToken(kiteUser), kite.requestToken(holder)];
    const [row, facts, asked] = [await rowOf(id), await countFacts(world), kite.seen.length];
    server.state.trouble = 'away';
    for (const [name, input] of [
      ['linkTradingAccount', { ...keysOf(kiteUser), requestToken }],
      ['linkTradingAccount', { broker: 'alpaca', ...keysOf(newcomer) }],
      ['rotateTradingCredentials', { accountId: id, ...keysOf(user) }],
      ['rotateTradingCredentials', { accountId: kept, ...keysOf(holder), requestToken: another }],
      ['verifyTradingAccount', { accountId: id }],
      ['revealTradingCredentials', { accountId: id }],
    ] as const)
      expect(await trade(elsewhere(), name, input), name).toMatchObject({ __typename: 'UNAVAILABLE' });
    expect(kite.seen.length).toBe(asked);
    expect([await rowOf(id), await countFacts(world)]).toEqual([row, facts]);
    for (const { userId } of [kiteUser, newcomer])
      expect(await world.sql('SELECT 1 FROM trading_accounts WHERE broker_user_id = $1', [userId])).toEqual([]);
    server.state.trouble = null;
    await linked(owner.client, { ...keysOf(kiteUser), requestToken });
  });

  it('what needs none goes on: names, lists, shares, and the end of an account; and so does the program that has read lately', async () => {
    const [{ id, user }, { id: ending }] = [await ofAlpaca(), await ofAlpaca()];
    const program = world.anonymous.as(await tokenOf(world, await serviceThatReads(id)));
    const read = () => trade(program, 'revealTradingCredentials', { accountId: id });
    expect(await read()).toMatchObject(keysOf(user));
    server.state.trouble = 'away';
    expect(await read()).toMatchObject(keysOf(user));
    expect(await trade(owner.client, 'verifyTradingAccount', { accountId: id })).toMatchObject({ status: 'ACTIVE' });
    expect(await trade(elsewhere(), 'updateTradingAccount', { accountId: id, nickname: 'Old' })).toMatchObject({ nickname: 'Old' });
    expect(await accountOf(elsewhere(), id)).toMatchObject({ nickname: 'Old', brokerUserId: user.userId });
    expect(await trade(elsewhere(), 'unlinkTradingAccount', { accountId: ending })).toMatchObject({ __typename: 'Deleted' });
    expect(await rowOf(ending)).toMatchObject({ sealed: null });
  });
});
