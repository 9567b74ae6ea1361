/** What becomes of credentials where something is wrong: a ciphertext in the wrong place, input out of form, an owner who is erased. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countFacts } from '../../kit/administration.ts';
import { type LocalAlpaca, type LocalKite, misbehaviour, openAlpaca, openKite } from '../../kit/kite.ts';
import { keepLog } from '../../kit/log.ts';
import { dumpOf, foundIn } from '../../kit/traces.ts';
import { accountOf, keysOf, linked, trade } from '../../kit/trading.ts';
import { openWorld, password, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
let kite: LocalKite;
let alpaca: LocalAlpaca;
let owner: SignedInPerson;
const log = keepLog();
beforeAll(async () => {
  [kite, alpaca] = await Promise.all([openKite(), openAlpaca()]);
  world = await openWorld({ KITE_API_URL: kite.url, ALPACA_API_URL: alpaca.url, LOG_LEVEL: 'debug' }, { destination: log.destination });
  owner = await world.signedIn();
});
afterAll(async () => {
  await world?.close();
  await Promise.all([kite?.stop(), alpaca?.stop()]);
});
const ofAlpaca = async (by = owner) => {
  const user = alpaca.user();
  return { user, id: await linked(by.client, { broker: 'alpaca', ...keysOf(user) }) };
};
const rowOf = async (id: string) => (await world.sql('SELECT * FROM trading_accounts WHERE id = $1', [id]))[0];
const reveal = (id: string, by = owner) => trade(by.client, 'revealTradingCredentials', { accountId: id });

describe('a ciphertext', () => {
  it('moved to another row, to another owner or to another purpose does not open, and nothing is revealed or recorded', async () => {
    const other = await world.signedIn();
    const [mine, second, theirs] = [await ofAlpaca(), await ofAlpaca(), await ofAlpaca(other)];
    const sealed = (await rowOf(mine.id))?.['sealed'];
    const { kms } = world.house.infra;
    const context = { purpose: 'trading_credentials', id: mine.id, owner: owner.id };
    expect(JSON.parse(String(await kms.open(sealed as Buffer, context)))).toMatchObject(keysOf(mine.user));
    for (const wrong of [{ purpose: 'letter' }, { id: second.id }, { owner: other.id }, { owner: undefined }])
      await expect(kms.open(sealed as Buffer, { ...context, ...wrong } as never)).rejects.toThrow('another context');

    const facts = await countFacts(world);
    await world.sql('UPDATE trading_accounts SET sealed = $2 WHERE id = ANY($1::uuid[])', [[second.id, theirs.id], sealed]);
    expect(await reveal(second.id)).toMatchObject({ __typename: 'INTERNAL' });
    expect(await reveal(theirs.id, other)).toMatchObject({ __typename: 'INTERNAL' });
    await world.sql('UPDATE trading_accounts SET owner_id = $2 WHERE id = $1', [mine.id, other.id]);
    expect(await reveal(mine.id, other)).toMatchObject({ __typename: 'INTERNAL' });
    expect(await trade(other.client, 'verifyTradingAccount', { accountId: mine.id })).toMatchObject({ __typename: 'INTERNAL' });
    expect(await countFacts(world)).toBe(facts);
    expect(log.text()).toContain('DoesNotOpen');
  });
});

describe('a reading that cannot be recorded', () => {
  it('shows nothing', async () => {
    const { id, user } = await ofAlpaca();
    const refuse = (does: string) =>
      world.sql(`CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${does}; END $$`);
    await refuse(`RAISE 'the log is full'`);
    await world.sql(`CREATE TRIGGER refuse BEFORE INSERT ON audit_events FOR EACH ROW
      WHEN (NEW.type = 'trading_account.credentials_revealed') EXECUTE FUNCTION refuse()`);
    const refused = await reveal(id);
    // Dropping it would wait for whoever reads the log.
    await refuse('RETURN NEW');
    expect(refused).toEqual({ __typename: 'INTERNAL', message: expect.any(String) });
    expect(await reveal(id)).toMatchObject(keysOf(user));
  });
});

describe('input', () => {
  it('that is out of form is told by its field, and neither asks a broker nor comes back', async () => {
    const user = kite.user();
    const good = { ...keysOf(user), accessToken: kite.accessToken(user) };
    const before = [kite.seen.length, await countFacts(world)];
    const wrong: [object, string][] = [
      [{ broker: 'robinhood' }, 'input.broker'],
      [{ apiKey: '' }, 'input.apiKey'],
      [{ apiKey: 'with:colon' }, 'input.apiKey'],
      [{ apiKey: 'x'.repeat(201) }, 'input.apiKey'],
      [{ apiSecret: 'two\r\nlines: of a header' }, 'input.apiSecret'],
      [{ apiSecret: 'sécret' }, 'input.apiSecret'],
      [{ accessToken: null }, 'input.requestToken'],
      [{ requestToken: 'both' }, 'input.requestToken'],
      [{ broker: 'alpaca' }, 'input.accessToken'],
      [{ nickname: 'bell\u0007' }, 'input.nickname'],
      [{ preferences: ['no object'] }, 'input.preferences'],
    ];
    for (const [part, field] of wrong) {
      const answer = await trade(owner.client, 'linkTradingAccount', { ...good, ...part });
      expect(answer, field).toMatchObject({ __typename: 'InvalidInput', field });
      expect(foundIn(JSON.stringify(answer), { ...keysOf(user), token: good.accessToken })).toEqual([]);
    }
    expect([kite.seen.length, await countFacts(world)]).toEqual(before);
  });

  it('that a broker refuses, or cannot be asked about, is a fact with its reason', async () => {
    const { user, id } = await ofAlpaca();
    const wrong = { apiKey: user.apiKey, apiSecret: 'wrong' };
    const reasonsOf = async (type: string) =>
      (await world.sql<{ reason: string }>(`SELECT data->>'reason' AS reason FROM audit_events WHERE type = $1 ORDER BY seq`, [type])).map(
        ({ reason }) => reason,
      );
    for (const answer of [null, misbehaviour['without JSON']]) {
      alpaca.behave(answer);
      await trade(owner.client, 'linkTradingAccount', { broker: 'alpaca', ...wrong });
      await trade(owner.client, 'rotateTradingCredentials', { accountId: id, ...wrong });
    }
    alpaca.behave(null);
    for (const type of ['trading_account.link_failed', 'trading_account.credentials_update_failed'])
      expect(await reasonsOf(type), type).toEqual(['BrokerRejected', 'BrokerUnavailable']);
  });

  it('of one user asks brokers at most so often', async () => {
    const limited = await openWorld({ KITE_API_URL: kite.url, ALPACA_API_URL: alpaca.url, RATE_LIMIT_BROKER: '2/900s' });
    const [person, another] = [await limited.signedIn(), await limited.signedIn()];
    const user = kite.user();
    const input = { ...keysOf(user), accessToken: 'wrong' };
    const ask = (by: SignedInPerson) => trade(by.client, 'linkTradingAccount', input);
    expect([await ask(person), await ask(person), await ask(person), await ask(another)]).toMatchObject([
      { __typename: 'BrokerRejected' },
      { __typename: 'BrokerRejected' },
      { __typename: 'RATE_LIMITED' },
      { __typename: 'BrokerRejected' },
    ]);
    const third = await limited.signedIn();
    const { id: accountId, user: keys } = await ofAlpaca(third);
    const verify = () => trade(third.client, 'verifyTradingAccount', { accountId });
    expect(await verify()).toMatchObject({ __typename: 'TradingAccount' });
    expect(await verify()).toMatchObject({ __typename: 'RATE_LIMITED' });
    expect(await trade(third.client, 'rotateTradingCredentials', { accountId, ...keysOf(keys) })).toMatchObject({
      __typename: 'RATE_LIMITED',
    });
    await limited.close();
  });
});

describe('an owner who is erased', () => {
  it.each(['deleteAccount', 'deleteUser'])('(%s) takes the accounts along, and what was shared with and by him', async (how) => {
    const [person, friend] = [await world.signedIn(), await world.signedIn()];
    const [{ id, user }, theirs] = [await ofAlpaca(person), await ofAlpaca(friend)];
    await trade(person.client, 'shareTradingAccount', { accountId: id, userId: friend.id, access: 'TRADE' });
    await trade(friend.client, 'shareTradingAccount', { accountId: theirs.id, userId: person.id, access: 'VIEW' });
    const admin = await world.signedIn(undefined, { roles: ['superadmin'] });
    await (how === 'deleteAccount'
      ? person.client.ask(`mutation { deleteAccount(input: { currentPassword: "${password}" }) { __typename } }`)
      : admin.client.ask(`mutation { deleteUser(input: { userId: "${person.id}" }) { __typename } }`));
    expect(await rowOf(id)).toBeUndefined();
    expect(await accountOf(friend.client, id)).toBeNull();
    expect(await accountOf(friend.client, theirs.id)).toMatchObject({ shares: [] });
    expect(await dumpOf((text) => world.sql(text))).not.toContain(user.userId);
    await linked(friend.client, { broker: 'alpaca', ...keysOf(user) });
  });
});

describe('the search for traces', () => {
  it('would find a credential, as it is, in hex and in base64, whatever stands around it', () => {
    const secret = 'hQ3vZ8-kT0w_S6yLx2mN';
    for (const around of ['', 'a', 'ab', 'abc'])
      for (const form of ['utf8', 'hex', 'base64', 'base64url'] as const)
        expect(foundIn(`xx ${Buffer.from(`${around}${secret}${around}`).toString(form)} yy`, { secret }), form).not.toEqual([]);
    expect(foundIn('nothing of the kind', { secret })).toEqual([]);
  });

  it('finds nothing in the log of all this at its most talkative, nor in the database', async () => {
    const users = [...kite.seen, ...alpaca.seen].flatMap(({ headers, form }) => [
      ...[headers['apca-api-key-id'], headers['apca-api-secret-key'], form['request_token'], form['api_key']],
      ...(headers.authorization?.replace('token ', '').split(':') ?? []),
    ]);
    const secrets = Object.fromEntries(
      [...new Set(users)].filter((text) => String(text).length > 8).map((text) => [String(text), String(text)]),
    );
    expect(Object.keys(secrets).length).toBeGreaterThan(10);
    expect(log.text().length).toBeGreaterThan(1000);
    expect(foundIn(log.text(), secrets)).toEqual([]);
    expect(foundIn(await dumpOf((text) => world.sql(text)), secrets)).toEqual([]);
  });
});
