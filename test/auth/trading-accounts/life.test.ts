/** The life of a trading account, as a SPA and a service that trades have it: against a house, a local Kite and a local Alpaca. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { factOf } from '../../kit/administration.ts';
import { type LocalAlpaca, type LocalKite, openAlpaca, openKite } from '../../kit/kite.ts';
import { serviceOf, tokenOf } from '../../kit/services.ts';
import { accountOf, keysOf, linked, trade } from '../../kit/trading.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
let kite: LocalKite;
let alpaca: LocalAlpaca;
let owner: SignedInPerson;
beforeAll(async () => {
  [kite, alpaca] = await Promise.all([openKite(), openAlpaca()]);
  world = await openWorld({ KITE_API_URL: kite.url, ALPACA_API_URL: alpaca.url });
  owner = await world.signedIn();
});
afterAll(async () => {
  await world?.close();
  await Promise.all([kite?.stop(), alpaca?.stop()]);
});

describe('a trading account', () => {
  it('is linked by a request token, listed, verified, renamed, rotated, revealed, unlinked and linked again', async () => {
    const user = kite.user();
    const requestToken = kite.requestToken(user);
    const input = { ...keysOf(user), requestToken, nickname: 'Day trading', preferences: { product: 'MIS' } };
    const account = await trade(owner.client, 'linkTradingAccount', input);
    expect(account).toMatchObject({
      ...{ __typename: 'TradingAccount', broker: 'kite', brokerUserId: user.userId, nickname: 'Day trading', status: 'ACTIVE' },
      ...{ preferences: { product: 'MIS' }, apiKeyHint: user.apiKey.slice(-4), owner: { id: owner.id }, shares: [], services: [] },
      ...{ credentialsRotatedAt: null, lastVerifiedAt: account.linkedAt },
    });
    const { id } = account;
    const listed = await owner.client.ask('{ tradingAccounts { totalCount edges { node { id } } } me { tradingAccounts { totalCount } } }');
    expect(listed.data).toEqual({
      tradingAccounts: { totalCount: 1, edges: [{ node: { id } }] },
      me: { tradingAccounts: { totalCount: 1 } },
    });

    world.clock.move(60);
    const verified = await trade(owner.client, 'verifyTradingAccount', { accountId: id });
    expect(Date.parse(verified.lastVerifiedAt)).toBeGreaterThanOrEqual(Date.parse(account.lastVerifiedAt) + 60_000);
    const renamed = await trade(owner.client, 'updateTradingAccount', { accountId: id, nickname: 'Swing', preferences: null });
    expect(renamed).toMatchObject({ __typename: 'TradingAccount', nickname: 'Swing', preferences: {} });
    expect(await trade(owner.client, 'updateTradingAccount', { accountId: id, nickname: null })).toMatchObject({ nickname: null });

    const accessToken = kite.accessToken(user);
    const rotated = await trade(owner.client, 'rotateTradingCredentials', { accountId: id, ...keysOf(user), accessToken });
    expect(rotated).toMatchObject({ __typename: 'TradingAccount', status: 'ACTIVE', credentialsRotatedAt: expect.any(String) });
    const revealed = await trade(owner.client, 'revealTradingCredentials', { accountId: id });
    expect(revealed).toEqual({ __typename: 'TradingCredentials', accountId: id, ...keysOf(user), accessToken });

    const told = await world.mail(owner.email);
    expect([told.subject, told.text]).toEqual(['Credentials of your trading account were shown', expect.stringContaining(user.userId)]);

    expect(await trade(owner.client, 'unlinkTradingAccount', { accountId: id })).toEqual({ __typename: 'Deleted', id });
    expect(await accountOf(owner.client, id)).toMatchObject({ status: 'UNLINKED', apiKeyHint: '' });
    expect((await owner.client.ask('{ tradingAccounts { totalCount } }')).data.tradingAccounts.totalCount).toBe(0);
    for (const name of ['verifyTradingAccount', 'revealTradingCredentials', 'unlinkTradingAccount', 'updateTradingAccount'] as const)
      expect(await trade(owner.client, name, { accountId: id })).toMatchObject({ __typename: 'NotFound' });
    expect(await world.sql('SELECT sealed FROM trading_accounts WHERE id = $1', [id])).toEqual([{ sealed: null }]);
    const again = await trade(owner.client, 'linkTradingAccount', { ...keysOf(user), accessToken });
    expect(again).toMatchObject({ __typename: 'TradingAccount', brokerUserId: user.userId });
    expect(again.id).not.toBe(id);
    const facts = await world.sql<{ type: string }>('SELECT type FROM audit_events WHERE resource = $1 ORDER BY tx, seq', [
      `trading_account:${id}`,
    ]);
    expect(facts.map(({ type }) => type.replace('trading_account.', ''))).toEqual([
      ...['linked', 'verified', 'updated', 'updated', 'credentials_updated', 'credentials_revealed', 'unlinked'],
    ]);
  });

  it('may be of a broker with a plain key and secret, through the same port', async () => {
    const user = alpaca.user();
    const id = await linked(owner.client, { broker: 'alpaca', ...keysOf(user) });
    expect(await accountOf(owner.client, id)).toMatchObject({ broker: 'alpaca', brokerUserId: user.userId, status: 'ACTIVE' });
    expect(await trade(owner.client, 'verifyTradingAccount', { accountId: id })).toMatchObject({ __typename: 'TradingAccount' });
    expect(await trade(owner.client, 'revealTradingCredentials', { accountId: id })).toMatchObject({ ...keysOf(user), accessToken: null });
    const wrong = { apiKey: user.apiKey, apiSecret: 'wrong' };
    expect(await trade(owner.client, 'rotateTradingCredentials', { accountId: id, ...wrong })).toMatchObject({
      __typename: 'BrokerRejected',
    });
  });

  it('is read by a program with the permission and the owner’s share, and each time is a fact with its name', async () => {
    const admin = await world.signedIn(undefined, { roles: ['superadmin'] });
    const service = await serviceOf(admin.client, ['trading:credentials.read']);
    const program = world.anonymous.as(await tokenOf(world, service));
    const user = kite.user();
    const id = await linked(owner.client, { ...keysOf(user), requestToken: kite.requestToken(user) });
    expect(await trade(program, 'revealTradingCredentials', { accountId: id })).toMatchObject({ __typename: 'NotFound' });
    const shared = await trade(owner.client, 'shareTradingAccount', { accountId: id, userId: service.id, access: 'TRADE' });
    expect(shared).toMatchObject({ shares: [], services: [{ clientId: service.id, name: 'Orders', expiresAt: null }] });
    await vi.waitFor(() => expect(world.mailsTo(owner.email).at(-1)?.subject).toBe('A program may use your trading account'), 8_000);
    expect(world.mailsTo(owner.email).at(-1)?.text).toContain('Program: Orders');
    const letters = world.mailsTo(owner.email).length;
    for (let n = 0; n < 2; n += 1)
      expect(await trade(program, 'revealTradingCredentials', { accountId: id })).toMatchObject({
        ...keysOf(user),
        accessToken: expect.any(String),
      });
    const facts = await world.sql(
      `SELECT actor_client, actor_id, subject_id, data FROM audit_events WHERE type = 'trading_account.credentials_revealed' AND resource = $1`,
      [`trading_account:${id}`],
    );
    const fact = { actor_client: service.id, actor_id: null, subject_id: owner.id, data: { service: 'Orders' } };
    expect(facts).toEqual([fact, fact]);
    expect(world.mailsTo(owner.email)).toHaveLength(letters);
    expect(await factOf(world, 'trading_account.reveal_failed', owner.id)).toMatchObject({ outcome: 'FAILURE', actor_client: service.id });
    expect(await trade(owner.client, 'unshareTradingAccount', { accountId: id, userId: service.id })).toMatchObject({ services: [] });
    expect(await trade(program, 'revealTradingCredentials', { accountId: id })).toMatchObject({ __typename: 'NotFound' });
  });
});
