/** API keys: a person's programs act in the person's name, with no more than both may, until the key, the time or the account ends. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../kit/client.ts';
import { factsOf, keyMutation } from '../../kit/services.ts';
import { openSocketStream } from '../../kit/socket.ts';
import { openWorld, password, type SignedInPerson } from '../../kit/world.ts';

type Opened = Awaited<ReturnType<typeof openWorld>>;
let world: Opened;
let second: Opened;
beforeAll(async () => {
  world = await openWorld();
  second = await openWorld({}, { databaseUrl: world.databaseUrl, keyFile: world.keyFile, clock: world.clock });
});
afterAll(async () => {
  await second?.close();
  await world?.close();
});

type Made = { __typename: string; key: string; apiKey: { id: string; prefix: string }; field?: string; limit?: number };
const make = async (client: Client, input: object = {}): Promise<Made> => {
  const { data, errors } = await client.ask(keyMutation, { input: { name: 'Backup', permissions: [], ...input } });
  if (!data) throw new Error(JSON.stringify(errors));
  return data.createApiKey;
};
const deletion = 'mutation ($id: ID!) { deleteApiKey(input: { apiKeyId: $id }) { __typename } }';
const remove = async (client: Client, id: string) => (await client.ask(deletion, { id })).data.deleteApiKey.__typename;
/** Whom the key speaks for in that house, or the code of its refusal. */
const whose = async (house: Opened, key: string) => {
  const { data, errors } = await house.anonymous.as(key).ask('{ me { id } }');
  return errors?.[0]?.extensions.code ?? data.me.id;
};
const lastUse = async (person: SignedInPerson) => (await person.client.ask('{ apiKeys { lastUsedAt } }')).data.apiKeys[0].lastUsedAt;

describe('a new key', () => {
  it('is shown once, has a prefix that is shown always, and is kept as a digest', async () => {
    const person = await world.signedIn();
    const { key, apiKey } = await make(person.client, { expiresAt: '2999-01-01T00:00:00Z' });
    expect(key).toMatch(/^lk_[0-9a-f]{8}_[\w-]{43}$/);
    expect(apiKey).toEqual({
      id: expect.any(String),
      name: 'Backup',
      prefix: key.slice(0, 11),
      permissions: [],
      expiresAt: '2999-01-01T00:00:00.000Z',
      lastUsedAt: null,
    });
    const [row] = await world.sql<{ row: string }>('SELECT k::text AS row FROM api_keys k WHERE id = $1', [apiKey.id]);
    expect(row?.row).not.toContain(key.slice(12));
    expect(JSON.stringify(await world.sql('SELECT data FROM audit_events'))).not.toContain(key.slice(12));
  });

  it.each([
    ['a permission that its owner lacks', { permissions: ['users.read'] }, 'input.permissions'],
    ['a time that is over', { expiresAt: '2020-01-01T00:00:00Z' }, 'input.expiresAt'],
    ['no name', { name: '' }, 'input.name'],
  ])('is refused with %s, and nothing happens', async (_, input, field) => {
    const person = await world.signedIn();
    const before = await factsOf(world, '%');
    expect(await make(person.client, input)).toMatchObject({ __typename: 'InvalidInput', field });
    expect(await factsOf(world, '%')).toBe(before);
  });

  it('wants a fresh sign-in', async () => {
    const person = await world.signedIn();
    world.clock.move(301);
    const { errors } = await person.client.ask(keyMutation, { input: { name: 'Backup', permissions: [] } });
    world.clock.move(-301);
    expect(errors?.[0]?.extensions.code).toBe('STEP_UP_REQUIRED');
  });

  it('is the fiftieth at most, also of sixty that are made at once; one that has expired leaves its place', async () => {
    const person = await world.signedIn();
    const made = await Promise.all(Array.from({ length: 60 }, () => make(person.client)));
    expect(made.filter(({ __typename }) => __typename === 'ApiKeyCreated')).toHaveLength(50);
    expect(made.find(({ __typename }) => __typename === 'QuotaExceeded')).toMatchObject({ limit: 50 });
    expect((await person.client.ask('{ apiKeys { id } }')).data.apiKeys).toHaveLength(50);
    const before = await factsOf(world, 'api_key.created');
    expect((await make(person.client)).__typename).toBe('QuotaExceeded');
    expect(await factsOf(world, 'api_key.created')).toBe(before);
    await world.sql(
      `UPDATE api_keys SET expires_at = now() - interval '1 day' WHERE id = (SELECT id FROM api_keys WHERE user_id = $1 LIMIT 1)`,
      [person.id],
    );
    expect((await make(person.client)).__typename).toBe('ApiKeyCreated');
  });
});

describe('a key that is used', () => {
  it('acts as its owner, and the facts name both', async () => {
    const person = await world.signedIn();
    const { key, apiKey } = await make(person.client);
    expect(await whose(world, key)).toBe(person.id);
    await world.anonymous.as(key).ask('mutation { updateProfile(input: { name: "Ada" }) { __typename } }');
    const [fact] = await world.sql(
      `SELECT actor_id, actor_client, subject_id, session_id FROM audit_events WHERE type = 'user.updated' AND actor_id = $1`,
      [person.id],
    );
    expect(fact).toEqual({ actor_id: person.id, actor_client: apiKey.id, subject_id: person.id, session_id: null });
  });

  it('may what both the key and its owner may, as the owner’s permissions are now', async () => {
    const person = await world.signedIn(undefined, { roles: ['support'] });
    const other = await world.signedIn();
    const [wide, narrow] = [await make(person.client, { permissions: ['sessions.read'] }), await make(person.client)];
    const ask = async (house: Opened, key: string) =>
      (await house.anonymous.as(key).ask(`{ sessions(userId: "${other.id}") { totalCount } }`)).errors?.[0]?.extensions.code ?? 'seen';
    expect([await ask(world, wide.key), await ask(world, narrow.key)]).toEqual(['seen', 'FORBIDDEN']);
    await world.sql('DELETE FROM role_assignments WHERE user_id = $1', [person.id]);
    // A house that has not asked yet; the other hears of it by the fact that an operation writes.
    expect(await ask(second, wide.key)).toBe('FORBIDDEN');
  });

  it('notes when, at most once a minute', async () => {
    const person = await world.signedIn();
    const { key } = await make(person.client);
    await whose(world, key);
    const first = await lastUse(person);
    expect(first).not.toBeNull();
    await whose(world, key);
    expect(await lastUse(person)).toBe(first);
    world.clock.move(61);
    await whose(world, key);
    expect(Date.parse(await lastUse(person)) - Date.parse(first)).toBeGreaterThan(60_000);
    world.clock.move(-61);
  });

  it('is refused where it is cut, changed or made up, and no use is noted', async () => {
    const person = await world.signedIn();
    const { key } = await make(person.client);
    const changed = `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`;
    for (const bad of [key.slice(0, -1), changed, `${key.slice(0, 12)}${'A'.repeat(43)}`, 'lk_', key.slice(12)])
      expect(await whose(world, bad), bad).toBe('UNAUTHENTICATED');
    expect(await lastUse(person)).toBeNull();
  });
});

describe('a key ends at once, in every house', () => {
  it('when it is deleted, by its owner alone, and once', async () => {
    const [person, other] = [await world.signedIn(), await world.signedIn()];
    const { key, apiKey } = await make(person.client);
    const before = await factsOf(world, 'api_key.deleted');
    for (const id of [apiKey.id, 'nothing']) expect(await remove(other.client, id)).toBe('NotFound');
    expect([await whose(world, key), await factsOf(world, 'api_key.deleted')]).toEqual([person.id, before]);
    expect([await remove(person.client, apiKey.id), await remove(person.client, apiKey.id)]).toEqual(['Deleted', 'NotFound']);
    expect([await whose(world, key), await whose(second, key)]).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED']);
    expect(await factsOf(world, 'api_key.deleted')).toBe(before + 1);
  });

  it('when its time is over', async () => {
    const person = await world.signedIn();
    const { key } = await make(person.client, { expiresAt: new Date(world.clock.now().getTime() + 60_000).toISOString() });
    expect(await whose(world, key)).toBe(person.id);
    world.clock.move(61);
    expect([await whose(world, key), await whose(second, key)]).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED']);
    world.clock.move(-61);
  });

  it('when its owner is deactivated, or deletes the account', async () => {
    const [idle, leaving] = [await world.signedIn(), await world.signedIn()];
    const keys = [(await make(idle.client)).key, (await make(leaving.client)).key];
    await world.sql(`UPDATE users SET status = 'DEACTIVATED' WHERE id = $1`, [idle.id]);
    await leaving.client.ask(`mutation { deleteAccount(input: { currentPassword: "${password}" }) { __typename } }`);
    for (const key of keys) expect([await whose(world, key), await whose(second, key)]).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED']);
    expect(await world.sql('SELECT name FROM api_keys WHERE user_id = $1', [leaving.id])).toEqual([{ name: '' }]);
  });

  it.each([
    ['the key is deleted', async (person: SignedInPerson, id: string) => void (await remove(person.client, id))],
    [
      'its owner is deactivated',
      async ({ id }: SignedInPerson) => void (await world.sql(`UPDATE users SET status = 'DEACTIVATED' WHERE id = $1`, [id])),
    ],
  ])('and with it the socket that it opened in another house, when %s', async (_, end) => {
    const person = await world.signedIn();
    const { key, apiKey } = await make(person.client);
    const socket = await openSocketStream(second.url, key, 'subscription { sessionEvents { type } }');
    expect(socket.errors).toEqual([]);
    const began = performance.now();
    await end(person, apiKey.id);
    expect(await socket.closed).toBe(4401);
    expect(performance.now() - began).toBeLessThan(1000);
  });
});
