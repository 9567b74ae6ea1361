/** Sending an event again, the limit on endpoints, and pages of deliveries, which cost the same however many there are. */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { listDeliveries } from '../../../src/auth/webhooks/list.ts';
import { claimDue } from '../../../src/auth/webhooks/queue-store.ts';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { factsAbout, write } from '../../kit/following.ts';
import { found } from '../../kit/organizations.ts';
import { inBatches, watching } from '../../kit/plans.ts';
import { type Receiver, startReceiver } from '../../kit/receiver.ts';
import { deliveriesOf, hook, hooked, rowsOf, webhooksOf } from '../../kit/webhooks.ts';
import { openWorld, type SignedInPerson } from '../../kit/world.ts';

let world: Awaited<ReturnType<typeof openWorld>>;
let watch: Watch;
let admin: SignedInPerson;
let owner: SignedInPerson;
let orgId: string;
let receiver: Receiver;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
  admin = await world.signedIn(undefined, { roles: ['superadmin'] });
  owner = await world.signedIn();
  orgId = await found(owner);
});
afterAll(() => world?.close());
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  await world.sql('DELETE FROM webhook_endpoints');
  await receiver.close();
});

const someone = '01890000-0000-7000-8000-000000000000';
const eventually = (check: () => unknown) => vi.waitFor(check, { timeout: 9000, interval: 20 });
const happens = () =>
  write(
    world,
    factsAbout(world, someone, 1).map((fact) => ({ ...fact, org_id: orgId })),
  );
const sent = async () => {
  const { id } = await hooked(owner.client, { orgId, url: receiver.url, types: ['user.updated'] });
  await happens();
  await eventually(async () => expect(await rowsOf(world, id)).toMatchObject([{ attempt: 1 }]));
  return { id, deliveryId: (await rowsOf(world, id))[0].id as string };
};
const again = (client: SignedInPerson['client'], deliveryId: string) => hook(client, 'redeliverWebhook', { deliveryId });

describe('a redelivery', () => {
  it('sends the same event at once under the same webhook-id, of what was delivered', async () => {
    const { id, deliveryId } = await sent();
    const { answer, changed } = await watch(() => again(owner.client, deliveryId));
    expect(answer).toMatchObject({ __typename: 'WebhookDelivery', id: deliveryId, attempt: 1, nextAttemptAt: expect.any(String) });
    expect(changed).toEqual({ ...nothing, facts: ['webhook.redelivered'] });
    await eventually(async () =>
      expect(await deliveriesOf(owner.client, id, orgId)).toMatchObject([{ attempt: 2, statusCode: 200, nextAttemptAt: null }]),
    );
    const [first, second] = receiver.received;
    expect(receiver.received).toHaveLength(2);
    expect([second!.body, second!.headers['webhook-id']]).toEqual([first!.body, deliveryId]);
    expect(first!.headers['webhook-id']).toBe(deliveryId);
  });

  it('of what was given up sends it once, and gives it up again', async () => {
    receiver.state.answer = 500;
    const { id, deliveryId } = await sent();
    await world.sql('UPDATE webhook_deliveries SET attempt = 9, next_attempt_at = NULL WHERE id = $1', [deliveryId]);
    await again(owner.client, deliveryId);
    await eventually(async () => expect(await rowsOf(world, id)).toMatchObject([{ attempt: 10, next_attempt_at: null }]));
    expect(receiver.received).toHaveLength(2);
  });

  it('that is asked for while it is being sent comes after that', async () => {
    const { id, deliveryId } = await sent();
    receiver.state.answer = 'silent';
    await again(owner.client, deliveryId);
    await eventually(() => expect(receiver.received).toHaveLength(2));
    expect((await again(owner.client, deliveryId)).__typename).toBe('WebhookDelivery');
    expect(receiver.received).toHaveLength(2);
    receiver.state.answer = 200;
    receiver.release();
    await eventually(async () => expect(await rowsOf(world, id)).toMatchObject([{ attempt: 3, next_attempt_at: null }]));
    expect(receiver.received).toHaveLength(3);
  });

  it('is for those who manage the endpoint: to others, and of what is not there, NotFound, and nothing happens', async () => {
    const { deliveryId } = await sent();
    const stranger = await world.signedIn();
    await found(stranger, 'Others');
    for (const [client, id] of [
      [stranger.client, deliveryId],
      [owner.client, '01890000-0000-7000-8000-000000000000'],
      [owner.client, 'nothing'],
    ] as const) {
      const { answer, changed } = await watch(() => again(client, id));
      expect([answer.__typename, changed]).toEqual(['NotFound', nothing]);
    }
    // Who sees the organization from the platform is told that he may not.
    expect((await again(admin.client, deliveryId)).__typename).toBe('FORBIDDEN');
  });
});

describe('redeliveries of one endpoint', () => {
  it('are a hundred in an hour: each is a fact, and a request to somebody', async () => {
    const { deliveryId } = await sent();
    const { changed } = await watch(async () => {
      const answers = await Promise.all(Array.from({ length: 110 }, () => again(owner.client, deliveryId)));
      expect(answers.filter(({ __typename }) => __typename === 'WebhookDelivery')).toHaveLength(100);
      expect(answers.filter(({ __typename }) => __typename === 'RATE_LIMITED')).toHaveLength(10);
    });
    expect(changed.facts).toHaveLength(100);
  });
});

describe('an owner', () => {
  it('has at most twenty endpoints, the platform as well, and nothing is made beyond', async () => {
    for (const [client, of] of [
      [owner.client, { orgId }],
      [admin.client, {}],
    ] as const) {
      const input = { ...of, url: receiver.url, types: ['key.rotated'] };
      for (let n = 0; n < 20; n += 1) await hooked(client, input);
      const { answer, changed } = await watch(() => hook(client, 'createWebhook', input));
      expect([answer, changed]).toEqual([expect.objectContaining({ __typename: 'QuotaExceeded', limit: 20 }), nothing]);
      expect(await webhooksOf(client, orgId && 'orgId' in of ? orgId : undefined)).toHaveLength(20);
    }
  });

  it.each([
    ['a URL in the clear to nobody’s address', { url: 'http://10.0.0.1/' }, 'input.url'],
    ['a URL with a user', { url: 'https://me:x@example.com/' }, 'input.url'],
    ['no types', { types: [] }, 'input.types'],
    ['a type that is none', { types: ['user.login', 'user.nothing'] }, 'input.types'],
  ])('is told of %s, and nothing happens', async (_what, wrong, field) => {
    const input = { orgId, url: 'https://hooks.example.com/', types: ['user.login'], ...wrong };
    const { answer, changed } = await watch(() => hook(owner.client, 'createWebhook', input));
    expect(answer).toMatchObject({ __typename: 'InvalidInput', field });
    expect(changed).toEqual(nothing);
    expect(JSON.stringify(answer)).not.toContain('10.0.0.1');
  });

  it('proves himself anew to make or delete one, and nobody does it in his name', async () => {
    const { id } = await hooked(owner.client, { orgId, url: receiver.url, types: ['key.rotated'] });
    world.clock.move(301);
    for (const [name, input] of [
      ['createWebhook', { orgId, url: receiver.url, types: ['*'] }],
      ['deleteWebhook', { endpointId: id }],
    ] as const) {
      const { answer, changed } = await watch(() => hook(owner.client, name, input));
      expect([answer.__typename, changed]).toEqual(['STEP_UP_REQUIRED', nothing]);
    }
    const boss = await world.signIn(admin);
    const acting = await boss.client.ask(
      `mutation { impersonate(input: { userId: "${owner.id}", reason: "a test" }) { ... on SignedIn { accessToken } } }`,
    );
    const { client } = { client: world.anonymous.as(acting.data.impersonate.accessToken) };
    for (const [name, input] of [
      ['createWebhook', { orgId, url: receiver.url, types: ['*'] }],
      ['deleteWebhook', { endpointId: id }],
    ] as const)
      expect((await hook(client, name, input)).__typename).toBe('FORBIDDEN');
    owner = await world.signIn(owner);
    admin = await world.signIn(admin);
  });
});

describe('of 100,000 deliveries', () => {
  let client: pg.Client;
  let endpointId: string;
  beforeAll(async () => {
    client = new pg.Client({ connectionString: world.databaseUrl });
    await client.connect();
  });
  afterAll(() => client?.end());

  it('a page at the beginning, in the middle and at the end touches few blocks, and so does looking for what is due', {
    timeout: 60_000,
  }, async () => {
    endpointId = (await hooked(admin.client, { url: receiver.url, types: ['key.rotated'] })).id;
    const other = (await hooked(admin.client, { url: receiver.url, types: ['key.rotated'] })).id;
    const future = '2999-01-01T00:00:00Z';
    // Every hundredth is somebody else's, every tenth waits.
    await inBatches(1, 100_000, (first, last) =>
      client.query(
        `INSERT INTO webhook_deliveries (id, endpoint_id, event_id, type, attempt, at, next_attempt_at)
         SELECT uuidv7(), CASE WHEN n % 100 = 0 THEN $4::uuid ELSE $3::uuid END, gen_random_uuid(), 'key.rotated', 1, now(), CASE WHEN n % 10 = 0 THEN $5::timestamptz END
         FROM generate_series($1::int, $2::int) AS n`,
        [first, last, endpointId, other, future],
      ),
    );
    await client.query('VACUUM ANALYZE webhook_deliveries');
    const middle = (
      await client.query('SELECT id FROM webhook_deliveries WHERE endpoint_id = $1 ORDER BY id OFFSET 50000 LIMIT 1', [endpointId])
    ).rows[0].id;
    const { database, seen } = watching(client);
    const list = listDeliveries({ database });
    const blocks = async (work: () => Promise<unknown>) => {
      seen.blocks = 0;
      await work();
      return seen.blocks;
    };
    for (const args of [{}, { after: middle }, { last: 25 }, { before: middle, last: 25 }, { first: 100, after: middle }])
      expect(await blocks(async () => expect((await list({ id: endpointId }, args)).edges.length).toBe(args.first ?? 25))).toBeLessThan(
        150,
      );
    const ids = (await list({ id: endpointId }, { first: 100 })).edges.map(({ cursor }) => cursor);
    expect(ids).toEqual([...ids].sort().reverse());
    const asked = {
      failing: false,
      perEndpoint: 4,
      running: {},
      perOwner: 16,
      owners: {},
      room: 64,
      now: new Date(),
      lease: middle,
      until: new Date(),
    };
    expect(await blocks(async () => expect(await claimDue(database, asked)).toEqual([]))).toBeLessThan(50);
    await client.query('TRUNCATE webhook_deliveries');
  });

  it('those of more than thirty days are swept, with those of endpoints that are gone, and no others', async () => {
    const there = (await hooked(admin.client, { url: receiver.url, types: ['key.rotated'] })).id;
    const put = (endpoint: string, days: number, count: number) =>
      client.query(
        `INSERT INTO webhook_deliveries (id, endpoint_id, event_id, type, at)
         SELECT (left(uuid_floor($3::timestamptz)::text, 15) || substr(gen_random_uuid()::text, 16))::uuid, $1, gen_random_uuid(), 'key.rotated', now() FROM generate_series(1, $2::int)`,
        [endpoint, count, new Date(world.clock.now().getTime() - days * 86_400_000)],
      );
    await put(there, 31, 6_000);
    await put(there, 29, 10);
    await put('01890000-0000-7000-8000-000000000000', 1, 6_000);
    await world.house.auth.webhooks.sweep();
    expect((await client.query('SELECT endpoint_id, count(*)::int AS n FROM webhook_deliveries GROUP BY 1')).rows).toEqual([
      { endpoint_id: there, n: 10 },
    ]);
  });
});
