/** What becomes of credentials that end, are taken back or cannot be asked about; and what the clock finds out by itself. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { countFacts } from '../../kit/administration.ts';
import { kiteError, type LocalAlpaca, type LocalKite, misbehaviour, openAlpaca, openKite } from '../../kit/kite.ts';
import { keepLog } from '../../kit/log.ts';
import { accountOf, keysOf, linked, trade } from '../../kit/trading.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
let kite: LocalKite;
let alpaca: LocalAlpaca;
let owner: SignedInPerson;
const hour = 3600;
const log = keepLog();
beforeAll(async () => {
  [kite, alpaca] = await Promise.all([openKite(), openAlpaca()]);
  const settings = { KITE_API_URL: kite.url, ALPACA_API_URL: alpaca.url, KITE_API_TIMEOUT_MS: '300', KITE_API_RETRIES: '0' };
  world = await openWorld({ ...settings, ACCESS_TOKEN_TTL_SECONDS: '86400', LOG_LEVEL: 'error' }, { destination: log.destination });
  owner = await world.signedIn();
});
afterEach(() => kite.behave(null));
afterAll(async () => {
  await world?.close();
  await Promise.all([kite?.stop(), alpaca?.stop()]);
});
const recheck = () => world.house.auth.tradingAccounts.recheck();
const statusOf = async (id: string) => (await accountOf(owner.client, id)).status;
const ofKite = async () => {
  const user = kite.user();
  return { user, id: await linked(owner.client, { ...keysOf(user), accessToken: kite.accessToken(user) }) };
};
const untilSix = () =>
  (Math.ceil((world.clock.now().getTime() - 1800_000) / 86_400_000) * 86_400_000 + 1800_000 - world.clock.now().getTime()) / 1000;

describe('a token of Kite', () => {
  it('is over at 06:00 in India: EXPIRED without anybody looking, not handed out, and brought back by a rotation', async () => {
    const { user, id } = await ofKite();
    world.clock.move(untilSix() - 2);
    expect(await statusOf(id)).toBe('ACTIVE');
    world.clock.move(3);
    expect(await statusOf(id)).toBe('EXPIRED');
    kite.endSessions(user);
    owner = await world.signIn(owner);
    expect(await trade(owner.client, 'revealTradingCredentials', { accountId: id })).toMatchObject({ ...keysOf(user), accessToken: null });
    expect(await trade(owner.client, 'verifyTradingAccount', { accountId: id })).toMatchObject({ __typename: 'BrokerRejected' });
    expect(await statusOf(id)).toBe('EXPIRED');
    const rotated = await trade(owner.client, 'rotateTradingCredentials', {
      accountId: id,
      ...keysOf(user),
      requestToken: kite.requestToken(user),
    });
    expect(rotated).toMatchObject({ __typename: 'TradingAccount', status: 'ACTIVE' });
    expect(await trade(owner.client, 'revealTradingCredentials', { accountId: id })).toMatchObject({ accessToken: expect.any(String) });
  });

  it('that the broker takes back makes the account INVALID_CREDENTIALS, and one that it takes again ACTIVE', async () => {
    const { user, id } = await ofKite();
    kite.behave(kiteError(403, 'TokenException'));
    expect(await trade(owner.client, 'verifyTradingAccount', { accountId: id })).toMatchObject({
      __typename: 'BrokerRejected',
      code: 'BROKER_REJECTED',
    });
    expect(await statusOf(id)).toBe('INVALID_CREDENTIALS');
    kite.behave(null);
    expect(await trade(owner.client, 'verifyTradingAccount', { accountId: id })).toMatchObject({ status: 'ACTIVE' });
    // The owner was there: no letter.
    expect(world.mailsTo(owner.email).filter(({ subject }) => /no longer/.test(subject))).toEqual([]);
    const other = kite.user();
    const foreign = await trade(owner.client, 'rotateTradingCredentials', {
      accountId: id,
      ...keysOf(other),
      accessToken: kite.accessToken(other),
    });
    expect(foreign).toMatchObject({ __typename: 'InvalidInput', field: 'input.apiKey' });
    expect(await trade(owner.client, 'revealTradingCredentials', { accountId: id })).toMatchObject(keysOf(user));
  });
});

describe('a broker that is of no use', () => {
  it('and names another user than the account’s has confirmed nothing: not by a verification, nor by a rotation', async () => {
    const { user, id } = await ofKite();
    const data = { user_id: kite.user().userId };
    kite.behave((_, response) => void response.writeHead(200).end(JSON.stringify({ status: 'success', data })));
    const input = { accountId: id, ...keysOf(user), accessToken: 'another' };
    expect(await trade(owner.client, 'rotateTradingCredentials', input)).toMatchObject({ __typename: 'InvalidInput' });
    expect(await trade(owner.client, 'verifyTradingAccount', { accountId: id })).toMatchObject({ __typename: 'BrokerRejected' });
    expect(await accountOf(owner.client, id)).toMatchObject({ status: 'INVALID_CREDENTIALS', brokerUserId: user.userId });
  });

  it.each(['hanging', 'without JSON', 'of another form', 'a page of a proxy'] as const)(
    '(%s) changes nothing: BrokerUnavailable, and the account is as it was',
    async (how) => {
      const { user, id } = await ofKite();
      const before = [
        await accountOf(owner.client, id),
        await world.sql('SELECT sealed, version FROM trading_accounts WHERE id = $1', [id]),
      ];
      kite.behave(misbehaviour[how]);
      const other = kite.user();
      const input = { ...keysOf(user), accessToken: 'another' };
      for (const answer of [
        await trade(owner.client, 'verifyTradingAccount', { accountId: id }),
        await trade(owner.client, 'rotateTradingCredentials', { accountId: id, ...input }),
        await trade(owner.client, 'linkTradingAccount', { ...keysOf(other), requestToken: 'one' }),
      ])
        expect(answer).toMatchObject({ __typename: 'BrokerUnavailable', retryAfterSeconds: expect.any(Number) });
      expect([
        await accountOf(owner.client, id),
        await world.sql('SELECT sealed, version FROM trading_accounts WHERE id = $1', [id]),
      ]).toEqual(before);
      expect(await world.sql('SELECT 1 FROM trading_accounts WHERE broker_user_id = $1', [other.userId])).toEqual([]);
      // A success closes what the failures have counted.
      kite.behave(null);
      await trade(owner.client, 'verifyTradingAccount', { accountId: id });
    },
  );
});

describe('the clock', () => {
  const away = async () => {
    await world.sql(`UPDATE trading_accounts SET next_check_at = 'infinity'`);
    world.clock.move(untilSix() + 60);
    owner = await world.signIn(await world.person());
  };

  it('verifies accounts every six to seven hours, and writes no fact where nothing is new', async () => {
    await away();
    const { id } = await ofKite();
    expect(await recheck()).toBe(0);
    world.clock.move(7 * hour);
    const [facts, { lastVerifiedAt }] = [await countFacts(world), await accountOf(owner.client, id)];
    expect([await recheck(), await recheck()]).toEqual([1, 0]);
    expect(Date.parse((await accountOf(owner.client, id)).lastVerifiedAt)).toBeGreaterThan(Date.parse(lastVerifiedAt));
    expect(await countFacts(world)).toBe(facts);
  });

  it('tells the owner once that the broker takes the credentials no more, and does not ask again', async () => {
    await away();
    const { user, id } = await ofKite();
    await trade(owner.client, 'updateTradingAccount', { accountId: id, nickname: 'Swing' });
    kite.endSessions(user);
    world.clock.move(7 * hour);
    expect(await recheck()).toBe(1);
    expect(await statusOf(id)).toBe('INVALID_CREDENTIALS');
    const mail = await world.mail(owner.email);
    expect([mail.subject, mail.text]).toEqual(['Your broker no longer takes your credentials', expect.stringContaining('Account: Swing')]);
    for (const secret of Object.values(keysOf(user))) expect(mail.text).not.toContain(secret);
    world.clock.move(7 * hour);
    expect(await recheck()).toBe(0);
    expect(world.mailsTo(owner.email)).toHaveLength(1);
    const failures = await world.sql(
      `SELECT actor_id, subject_id, outcome FROM audit_events WHERE resource = $1 AND type = 'trading_account.verification_failed'`,
      [`trading_account:${id}`],
    );
    expect(failures).toEqual([{ actor_id: null, subject_id: owner.id, outcome: 'FAILURE' }]);
  });

  it('tells the owner once, though somebody else finds it out at the same time', async () => {
    await away();
    const { user, id } = await ofKite();
    const friend = await world.signedIn();
    await trade(owner.client, 'shareTradingAccount', { accountId: id, userId: friend.id, access: 'TRADE' });
    kite.endSessions(user);
    world.clock.move(7 * hour);
    const held = kite.hold(2);
    const found = Promise.all([trade(friend.client, 'verifyTradingAccount', { accountId: id }), recheck()]);
    await held.arrived();
    held.release();
    expect((await found)[0]).toMatchObject({ __typename: 'BrokerRejected' });
    await world.mail(owner.email);
    // The letter to somebody else, posted after it, has come: a second one to the owner would have, too.
    await world.anonymous.ask(`mutation { requestPasswordReset(input: { email: "${friend.email}" }) { __typename } }`);
    await world.mail(friend.email);
    expect(world.mailsTo(owner.email)).toHaveLength(1);
  });

  it('runs by the queue, every five minutes', async () => {
    const known = await world.sql<{ identifier: string }>('SELECT identifier FROM graphile_worker._private_known_crontabs');
    expect(known.map(({ identifier }) => identifier)).toContain('sweep:recheckTradingAccounts');
  });

  it('leaves alone tokens that are over, owners who are away, and a broker that could not be asked', async () => {
    await away();
    await ofKite();
    world.clock.move(25 * hour);
    expect(await recheck()).toBe(0);
    owner = await world.signIn(await world.person());
    const [plain, gone] = [alpaca.user(), await world.signedIn()];
    await linked(owner.client, { broker: 'alpaca', ...keysOf(plain) });
    for (const { client } of [owner, owner, owner, gone]) {
      const user = kite.user();
      await linked(client, { ...keysOf(user), accessToken: kite.accessToken(user) });
    }
    await world.sql(`UPDATE users SET status = 'DEACTIVATED' WHERE id = $1`, [gone.id]);
    world.clock.move(7 * hour);
    kite.behave(misbehaviour['without JSON']);
    const before = kite.seen.length;
    // One of the three of Kite, which was away, and the one of Alpaca.
    expect(await recheck()).toBe(2);
    expect(kite.seen.length).toBe(before + 1);
    // Whom it has not come to has lost nothing by it, and is asked about once the broker is back.
    kite.behave(null);
    expect(await recheck()).toBe(2);
  });

  it('goes on behind an account whose credentials do not open, and leaves that one as it is, until its owner gives them anew', async () => {
    await away();
    const sealedOf = (id: string) => world.sql('SELECT sealed FROM trading_accounts WHERE id = $1', [id]);
    const [broken, sound] = [await ofKite(), await ofKite()];
    const foreign = Buffer.from('\u0002\u0004lost\u0000\u0000 of a key that nobody knows');
    await world.sql('UPDATE trading_accounts SET sealed = $2 WHERE id = $1', [broken.id, foreign]);
    world.clock.move(7 * hour);
    const { lastVerifiedAt } = await accountOf(owner.client, sound.id);
    expect(await recheck()).toBe(1);
    expect(Date.parse((await accountOf(owner.client, sound.id)).lastVerifiedAt)).toBeGreaterThan(Date.parse(lastVerifiedAt));
    expect(log.text()).toMatch(new RegExp(`UnknownMasterKey.*${broken.id}|${broken.id}.*UnknownMasterKey`));
    expect([await statusOf(broken.id), await sealedOf(broken.id)]).toEqual(['ACTIVE', [{ sealed: foreign }]]);
    const fresh = { ...keysOf(broken.user), accessToken: kite.accessToken(broken.user) };
    expect(await trade(owner.client, 'rotateTradingCredentials', { accountId: broken.id, ...fresh })).toMatchObject({ status: 'ACTIVE' });
    owner = await world.signIn(owner);
    expect(await trade(owner.client, 'revealTradingCredentials', { accountId: broken.id })).toMatchObject(fresh);
  });

  it('asks about each account once, though two look at the same time', async () => {
    await away();
    for (let n = 0; n < 10; n += 1) await ofKite();
    world.clock.move(7 * hour);
    const counts = await Promise.all([recheck(), recheck(), recheck()]);
    expect(counts.reduce((sum, each) => sum + each)).toBe(10);
  });

  it('removes what was unlinked a month ago', async () => {
    await away();
    const { id } = await ofKite();
    await trade(owner.client, 'unlinkTradingAccount', { accountId: id });
    await world.house.auth.tradingAccounts.sweep();
    expect(await statusOf(id)).toBe('UNLINKED');
    world.clock.move(31 * 24 * hour);
    await world.house.auth.tradingAccounts.sweep();
    expect(await world.sql('SELECT 1 FROM trading_accounts WHERE id = $1', [id])).toEqual([]);
  });
});
