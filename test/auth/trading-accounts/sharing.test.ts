/** Who sees and may do what with somebody else's trading account: by a share, until its end; and a program by its owner's consent. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../kit/client.ts';
import { type LocalKite, openKite } from '../../kit/kite.ts';
import { factsOf, keyMutation, serviceOf, tokenOf } from '../../kit/services.ts';
import { accountOf, keysOf, linked, trade } from '../../kit/trading.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
let kite: LocalKite;
let owner: SignedInPerson;
let friend: SignedInPerson;
let stranger: SignedInPerson;
let admin: SignedInPerson;
beforeAll(async () => {
  kite = await openKite();
  world = await openWorld({ KITE_API_URL: kite.url });
  [owner, friend, stranger] = await Promise.all([world.signedIn(), world.signedIn(), world.signedIn()]);
  admin = await world.signedIn(undefined, { roles: ['superadmin'] });
});
afterAll(async () => {
  await world?.close();
  await kite?.stop();
});

const newAccount = async (by = owner): Promise<string> => {
  const user = kite.user();
  return linked(by.client, { ...keysOf(user), accessToken: kite.accessToken(user), preferences: { product: 'MIS' } });
};
const share = (accountId: string, userId: string, more: object = {}, by = owner) =>
  trade(by.client, 'shareTradingAccount', { accountId, userId, access: 'VIEW', ...more });
const entity = async (client: Client, id: string) => {
  const query = 'query ($refs: [_Any!]!) { _entities(representations: $refs) { ... on TradingAccount { id status } } }';
  return (await client.ask(query, { refs: [{ __typename: 'TradingAccount', id }] })).data._entities[0];
};
const may = async (client: Client, permission: string, id: string) =>
  (await client.ask(`{ checkPermission(input: { permission: "${permission}", resource: "trading_account:${id}" }) { allowed reason } }`))
    .data.checkPermission;
/** Everything that changes or shows an account, by somebody who may not: one answer, as of one that is not there. */
const refusedAll = async (person: SignedInPerson, accountId: string, but: string[] = []) => {
  const user = kite.user();
  const before = [await factsOf(world, '%'), kite.seen.length];
  const calls = {
    updateTradingAccount: { nickname: 'mine' },
    verifyTradingAccount: {},
    rotateTradingCredentials: { ...keysOf(user), accessToken: kite.accessToken(user) },
    revealTradingCredentials: {},
    shareTradingAccount: { userId: person.id === friend.id ? stranger.id : friend.id, access: 'TRADE' },
    unshareTradingAccount: { userId: friend.id },
    unlinkTradingAccount: {},
  } as const;
  for (const [name, more] of Object.entries(calls) as [keyof typeof calls, object][])
    if (!but.includes(name))
      expect(await trade(person.client, name, { accountId, ...more }), name).toMatchObject({ __typename: 'NotFound' });
  expect([await factsOf(world, '%'), kite.seen.length]).toEqual(before);
};

describe('somebody else’s trading account', () => {
  it('is not there: by its id, in a list, as an entity, to change or to reveal, for an administrator neither', async () => {
    const id = await newAccount();
    for (const person of [stranger, admin]) {
      expect(await accountOf(person.client, id)).toBeNull();
      expect(await entity(person.client, id)).toBeNull();
      const { data } = await person.client.ask(
        `{ tradingAccounts { totalCount } user(id: "${owner.id}") { id tradingAccounts { totalCount } } }`,
      );
      expect(data).toEqual({ tradingAccounts: { totalCount: 0 }, user: { id: owner.id, tradingAccounts: null } });
      await refusedAll(person, id);
    }
    expect(await entity(owner.client, id)).toEqual({ id, status: 'ACTIVE' });
    expect((await world.anonymous.ask(`{ tradingAccount(id: "${id}") { id } }`)).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
  });

  it('shared to VIEW is seen without hint, preferences and shares, and nothing can be done with it', async () => {
    const id = await newAccount();
    expect(await share(id, friend.id)).toMatchObject({ shares: [{ user: { id: friend.id }, access: 'VIEW', expiresAt: null }] });
    expect(await accountOf(friend.client, id)).toMatchObject({
      ...{ id, status: 'ACTIVE', apiKeyHint: '', preferences: null, shares: null, services: null, owner: { id: owner.id } },
    });
    expect(await entity(friend.client, id)).toEqual({ id, status: 'ACTIVE' });
    const { data } = await friend.client.ask('{ tradingAccounts { edges { node { id } } } me { tradingAccounts { totalCount } } }');
    expect(data.tradingAccounts.edges).toEqual([{ node: { id } }]);
    expect(data.me.tradingAccounts.totalCount).toBe(0);
    await refusedAll(friend, id);
    expect([await may(friend.client, 'trading.view', id), await may(friend.client, 'trading.trade', id)]).toMatchObject([
      { allowed: true },
      { allowed: false },
    ]);
    expect(await may(owner.client, 'trading.trade', id)).toEqual({ allowed: true, reason: "It is the user's own." });
  });

  it('shared to TRADE shows preferences and may be verified, and is never revealed', async () => {
    const id = await newAccount();
    await share(id, friend.id);
    expect(await share(id, friend.id, { access: 'TRADE' })).toMatchObject({ shares: [{ access: 'TRADE' }] });
    expect(await accountOf(friend.client, id)).toMatchObject({ preferences: { product: 'MIS' }, apiKeyHint: '', shares: null });
    expect(await trade(friend.client, 'verifyTradingAccount', { accountId: id })).toMatchObject({
      __typename: 'TradingAccount',
      apiKeyHint: '',
    });
    await refusedAll(friend, id, ['verifyTradingAccount']);
    expect(await may(friend.client, 'trading.trade', id)).toEqual({ allowed: true, reason: 'By a share of its owner.' });
  });

  it('is there no more once the share is taken back, has ended, or the owner is away', async () => {
    const [first, second, third] = [await newAccount(), await newAccount(), await newAccount(stranger)];
    await share(first, friend.id);
    await share(second, friend.id, { expiresAt: new Date(world.clock.now().getTime() + 3600_000).toISOString() });
    await share(third, friend.id, {}, stranger);
    for (const id of [first, second, third]) expect(await accountOf(friend.client, id)).toMatchObject({ id });
    expect(await trade(owner.client, 'unshareTradingAccount', { accountId: first, userId: friend.id })).toMatchObject({ shares: [] });
    expect(await trade(owner.client, 'unshareTradingAccount', { accountId: first, userId: friend.id })).toMatchObject({
      __typename: 'NotFound',
    });
    expect(await accountOf(friend.client, first)).toBeNull();
    await world.sql(`UPDATE users SET status = 'DEACTIVATED' WHERE id = $1`, [stranger.id]);
    expect(await accountOf(friend.client, third)).toBeNull();
    expect(await may(friend.client, 'trading.view', third)).toMatchObject({ allowed: false });
    world.clock.move(3601);
    friend = await world.signIn(friend);
    expect(await accountOf(friend.client, second)).toBeNull();
    expect(await may(friend.client, 'trading.view', second)).toMatchObject({ allowed: false });
    owner = await world.signIn(owner);
    expect(await accountOf(owner.client, second)).toMatchObject({ shares: [] });
  });

  it('is shared with users and programs that there are, not with oneself, and with an end that lies ahead', async () => {
    const id = await newAccount();
    const before = await factsOf(world, 'trading_account.shared');
    const [absent, away] = ['01890000-0000-7000-8000-000000000000', await world.person(undefined, { status: 'DEACTIVATED' })];
    for (const nobody of [absent, away.id]) expect(await share(id, nobody)).toMatchObject({ __typename: 'NotFound' });
    expect(await share(id, owner.id)).toMatchObject({ __typename: 'InvalidInput', field: 'input.userId' });
    expect(await share(id, friend.id, { expiresAt: '2020-01-01T00:00:00Z' })).toMatchObject({ field: 'input.expiresAt' });
    const { id: service } = await serviceOf((await world.signIn(admin)).client, []);
    expect(await share(id, service)).toMatchObject({ __typename: 'NotFound' });
    expect(await factsOf(world, 'trading_account.shared')).toBe(before);
  });

  it('is shared with fifty at once, programs among them, of whom those that are over or gone do not count', async () => {
    const [owner, last] = [await world.signedIn(), await world.signedIn()];
    const id = await newAccount(owner);
    const { id: program } = await serviceOf((await world.signIn(admin)).client, []);
    const people = await Promise.all(Array.from({ length: 49 }, () => world.person()));
    const end = new Date(world.clock.now().getTime() + 60_000).toISOString();
    for (const [n, person] of people.entries()) await share(id, person.id, n < 2 ? { expiresAt: end } : {}, owner);
    await share(id, program, { access: 'TRADE' }, owner);
    const more = () => share(id, last.id, {}, owner);
    expect(await more()).toMatchObject({ __typename: 'QuotaExceeded', limit: 50 });
    expect(await share(id, people[0]!.id, { access: 'TRADE', expiresAt: end }, owner)).toMatchObject({ __typename: 'TradingAccount' });
    world.clock.move(61);
    expect((await accountOf(owner.client, id)).shares).toHaveLength(47);
    expect(await more()).toMatchObject({ __typename: 'TradingAccount' });
    await share(id, people[0]!.id, {}, owner);
    expect(await share(id, people[1]!.id, {}, owner)).toMatchObject({ __typename: 'QuotaExceeded' });
    await world.sql('UPDATE service_clients SET disabled_at = now() WHERE id = $1', [program]);
    expect(await share(id, people[1]!.id, {}, owner)).toMatchObject({ __typename: 'TradingAccount' });
  });

  it('asks for a step-up to be shared or revealed, and never opens to an API key or to whoever acts as the owner', async () => {
    const id = await newAccount();
    const key = await owner.client.ask(keyMutation, { input: { name: 'bot', permissions: [] } });
    const bot = world.anonymous.as(key.data.createApiKey.key);
    expect(await accountOf(bot, id)).toMatchObject({ id });
    admin = await world.signIn(admin);
    const acting = await admin.client.ask(
      `mutation { impersonate(input: { userId: "${owner.id}", reason: "helping" }) { ... on SignedIn { accessToken } } }`,
    );
    const actor = world.anonymous.as(acting.data.impersonate.accessToken);
    const calls = [
      ['revealTradingCredentials', { accountId: id }],
      ['shareTradingAccount', { accountId: id, userId: friend.id, access: 'VIEW' }],
    ] as const;
    for (const [name, input] of calls) {
      for (const client of [bot, actor]) expect(await trade(client, name, input)).toMatchObject({ __typename: 'FORBIDDEN' });
    }
    expect(await trade(bot, 'unlinkTradingAccount', { accountId: id })).toMatchObject({ __typename: 'FORBIDDEN' });
    world.clock.move(301);
    for (const [name, input] of calls) expect(await trade(owner.client, name, input)).toMatchObject({ __typename: 'STEP_UP_REQUIRED' });
    expect(
      await world.sql(`SELECT 1 FROM audit_events WHERE resource = $1 AND type <> 'trading_account.linked'`, [`trading_account:${id}`]),
    ).toEqual([]);
  });
});

describe('a program', () => {
  it('reads no credentials without the permission, without the owner’s share, after its end, while he is away, or once it is deleted', async () => {
    admin = await world.signIn(admin);
    owner = await world.signIn(owner);
    const id = await newAccount();
    const [reader, other] = [await serviceOf(admin.client, ['trading:credentials.read']), await serviceOf(admin.client, ['users.read'])];
    const [program, weak] = await Promise.all([reader, other].map(async (each) => world.anonymous.as(await tokenOf(world, each))));
    const ask = (client = program!) => trade(client, 'revealTradingCredentials', { accountId: id });
    const expiresAt = new Date(world.clock.now().getTime() + 60_000).toISOString();
    for (const { id: userId } of [reader, other]) await share(id, userId, { access: 'TRADE', expiresAt });
    expect(await ask(weak)).toMatchObject({ __typename: 'FORBIDDEN' });
    expect(await ask()).toMatchObject({ __typename: 'TradingCredentials' });
    // Superadmin's permission is there to be given to programs: a person reveals nothing by it.
    expect(await trade(admin.client, 'revealTradingCredentials', { accountId: id })).toMatchObject({ __typename: 'NotFound' });
    world.clock.move(61);
    expect(await ask()).toMatchObject({ __typename: 'NotFound' });
    await share(id, reader.id, { access: 'TRADE' });
    expect(await ask()).toMatchObject({ __typename: 'TradingCredentials' });
    const setStatus = (status: string) => world.sql('UPDATE users SET status = $2::user_status WHERE id = $1', [owner.id, status]);
    await setStatus('DEACTIVATED');
    expect(await ask()).toMatchObject({ __typename: 'NotFound' });
    await setStatus('ACTIVE');
    expect(await ask()).toMatchObject({ __typename: 'TradingCredentials' });
    await admin.client.ask(`mutation { deleteServiceClient(input: { clientId: "${reader.id}" }) { __typename } }`);
    expect(await ask()).toMatchObject({ __typename: 'UNAUTHENTICATED' });
    expect(await accountOf(owner.client, id)).toMatchObject({ services: [] });
  });
});
