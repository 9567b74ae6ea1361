/** What happens to a trading account at the same time, fifty times. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalKite, openKite } from '../kit/kite.ts';
import { serviceOf, tokenOf } from '../kit/services.ts';
import { accountOf, keysOf, linked, trade } from '../kit/trading.ts';
import { openWorld, type SignedInPerson, type World } from '../kit/world.ts';

const rounds = 50;
let kite: LocalKite;
let world: World & { databaseUrl: string; keyFile: string };
let second: World;
let owner: SignedInPerson;
beforeAll(async () => {
  kite = await openKite();
  world = await openWorld({ KITE_API_URL: kite.url });
  second = await openWorld({ KITE_API_URL: kite.url }, { databaseUrl: world.databaseUrl, keyFile: world.keyFile, clock: world.clock });
  owner = await world.signedIn();
});
afterAll(async () => {
  await second?.close();
  await world?.close();
  await kite?.stop();
});
const elsewhere = (person: SignedInPerson) => second.anonymous.as(person.accessToken);
const count = (kinds: { __typename: string }[]) =>
  Object.fromEntries(Object.entries(Object.groupBy(kinds, (kind) => kind.__typename)).map(([kind, all]) => [kind, all?.length]));
const typesOf = async (id: string) =>
  (await world.sql<{ type: string }>('SELECT type FROM audit_events WHERE resource = $1 ORDER BY seq', [`trading_account:${id}`])).map(
    ({ type }) => type.replace('trading_account.', ''),
  );

describe('a trading account', () => {
  it('that fifty link at once, by two users in two processes, is linked once', async () => {
    const user = kite.user();
    const input = { ...keysOf(user), accessToken: kite.accessToken(user) };
    const other = await world.signedIn();
    const hands = Array.from({ length: rounds }, (_, n) => [owner.client, other.client, elsewhere(owner), elsewhere(other)][n % 4]!);
    expect(count(await Promise.all(hands.map((client) => trade(client, 'linkTradingAccount', input))))).toEqual({
      TradingAccount: 1,
      Conflict: rounds - 1,
    });
    expect(await world.sql('SELECT status FROM trading_accounts WHERE broker_user_id = $1', [user.userId])).toEqual([{ status: 'ACTIVE' }]);
  });

  it('that is one too many is not linked, however many are linked at once', async () => {
    const person = await world.signedIn();
    const inputs = Array.from({ length: 30 }, () => {
      const user = kite.user();
      return { ...keysOf(user), accessToken: kite.accessToken(user) };
    });
    expect(count(await Promise.all(inputs.map((input) => trade(person.client, 'linkTradingAccount', input))))).toEqual({
      TradingAccount: 20,
      QuotaExceeded: 10,
    });
  });

  it('by one request token is linked once: it is spent by the first', async () => {
    const user = kite.user();
    const input = { ...keysOf(user), requestToken: kite.requestToken(user) };
    const answers = await Promise.all(Array.from({ length: 10 }, () => trade(owner.client, 'linkTradingAccount', input)));
    expect(count(answers)).toEqual({ TradingAccount: 1, BrokerRejected: 9 });
  });

  it('whose credentials are rotated while they are revealed shows the old ones whole or the new ones whole, fifty times', async () => {
    const user = kite.user();
    const tokens = Array.from({ length: rounds + 1 }, () => kite.accessToken(user));
    const id = await linked(owner.client, { ...keysOf(user), accessToken: tokens[0] });
    const program = world.anonymous.as(await tokenOf(world, await grantee(id)));
    for (let n = 1; n <= rounds; n += 1) {
      const [rotated, ...seen] = await Promise.all([
        trade(owner.client, 'rotateTradingCredentials', { accountId: id, ...keysOf(user), accessToken: tokens[n] }),
        trade(owner.client, 'revealTradingCredentials', { accountId: id }),
        trade(program, 'revealTradingCredentials', { accountId: id }),
        trade(elsewhere(owner), 'revealTradingCredentials', { accountId: id }),
      ]);
      expect(rotated.__typename).toBe('TradingAccount');
      for (const { __typename, accessToken, apiSecret } of seen) {
        expect([__typename, apiSecret]).toEqual(['TradingCredentials', user.apiSecret]);
        expect([tokens[n - 1], tokens[n]]).toContain(accessToken);
      }
      expect(await trade(owner.client, 'revealTradingCredentials', { accountId: id })).toMatchObject({ accessToken: tokens[n] });
    }
    const facts = count((await typesOf(id)).map((__typename) => ({ __typename })));
    expect(facts).toEqual({ linked: 1, shared: 1, credentials_updated: rounds, credentials_revealed: 4 * rounds });
  });

  it('that is rotated twice at once has the credentials of the one that was told so: the other is told Conflict', async () => {
    const user = kite.user();
    const id = await linked(owner.client, { ...keysOf(user), accessToken: kite.accessToken(user) });
    for (let n = 0; n < rounds / 5; n += 1) {
      const tokens = [kite.accessToken(user), kite.accessToken(user)];
      const rotate = (client: typeof owner.client, accessToken: string) =>
        trade(client, 'rotateTradingCredentials', { accountId: id, ...keysOf(user), accessToken });
      const held = kite.hold(2);
      const rotating = Promise.all([rotate(owner.client, tokens[0]!), rotate(elsewhere(owner), tokens[1]!)]);
      await held.arrived();
      held.release();
      const told = (await rotating).map(({ __typename }) => __typename);
      expect(told.toSorted()).toEqual(['Conflict', 'TradingAccount']);
      const kept = await trade(owner.client, 'revealTradingCredentials', { accountId: id });
      expect(kept.accessToken).toBe(tokens[told.indexOf('TradingAccount')]);
    }
  });

  it('is not called by what the broker says of credentials that were replaced meanwhile', async () => {
    const user = kite.user();
    const id = await linked(owner.client, { ...keysOf(user), accessToken: kite.accessToken(user) });
    kite.endSessions(user);
    const held = kite.hold(1);
    const verifying = trade(owner.client, 'verifyTradingAccount', { accountId: id });
    await held.arrived();
    const input = { accountId: id, ...keysOf(user), accessToken: kite.accessToken(user) };
    expect(await trade(elsewhere(owner), 'rotateTradingCredentials', input)).toMatchObject({ __typename: 'TradingAccount' });
    held.release();
    expect(await verifying).toMatchObject({ __typename: 'TradingAccount', status: 'ACTIVE' });
    expect(await typesOf(id)).toEqual(['linked', 'credentials_updated']);
  });

  it.each([true, false])(
    'that is unlinked while it is verified is not there any more, and stays so (good credentials: %s)',
    async (good) => {
      const user = kite.user();
      const id = await linked(owner.client, { ...keysOf(user), accessToken: kite.accessToken(user) });
      if (!good) kite.endSessions(user);
      const held = kite.hold(1);
      const verifying = trade(owner.client, 'verifyTradingAccount', { accountId: id });
      await held.arrived();
      expect(await trade(elsewhere(owner), 'unlinkTradingAccount', { accountId: id })).toMatchObject({ __typename: 'Deleted' });
      held.release();
      expect(await verifying).toMatchObject({ __typename: 'NotFound' });
      expect(await accountOf(owner.client, id)).toMatchObject({ status: 'UNLINKED' });
      expect(await typesOf(id)).toEqual(['linked', 'unlinked']);
    },
  );

  it('that is unlinked while it is verified, rotated, shared and revealed is unlinked, and nothing comes back, fifty times', async () => {
    const user = kite.user();
    const friend = await world.signedIn();
    for (let n = 0; n < rounds; n += 1) {
      const accessToken = kite.accessToken(user);
      const id = await linked(owner.client, { ...keysOf(user), accessToken });
      const [gone, ...others] = await Promise.all([
        trade(owner.client, 'unlinkTradingAccount', { accountId: id }),
        trade(owner.client, 'verifyTradingAccount', { accountId: id }),
        trade(elsewhere(owner), 'rotateTradingCredentials', { accountId: id, ...keysOf(user), accessToken }),
        trade(owner.client, 'shareTradingAccount', { accountId: id, userId: friend.id, access: 'TRADE' }),
        trade(elsewhere(owner), 'revealTradingCredentials', { accountId: id }),
      ]);
      expect(gone.__typename).toBe('Deleted');
      for (const { __typename } of others) expect(['NotFound', 'TradingAccount', 'TradingCredentials']).toContain(__typename);
      expect(await accountOf(owner.client, id)).toMatchObject({ status: 'UNLINKED', shares: [] });
      expect(await accountOf(friend.client, id)).toBeNull();
      // Whatever was done with it was written before its end was: each of them held the row.
      const facts = await typesOf(id);
      expect([facts.indexOf('unlinked'), facts.length]).toEqual([facts.length - 1, facts.length]);
    }
  });
});

/** A program that may read the account's credentials. */
async function grantee(accountId: string) {
  const admin = await world.signedIn(undefined, { roles: ['superadmin'] });
  const service = await serviceOf(admin.client, ['trading:credentials.read']);
  await trade(owner.client, 'shareTradingAccount', { accountId, userId: service.id, access: 'TRADE' });
  return service;
}
