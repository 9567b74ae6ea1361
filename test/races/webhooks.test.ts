/** Webhooks on several real servers on one PostgreSQL: nothing is lost or queued twice, whoever is killed, and limits hold at once. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { freshDatabase, type TestDatabase } from '../kit/database.ts';
import { factsAbout, write } from '../kit/following.ts';
import { found } from '../kit/organizations.ts';
import { type ServerProcess, startServer } from '../kit/process.ts';
import { type Receiver, startReceiver } from '../kit/receiver.ts';
import { hook, hooked, rowsOf } from '../kit/webhooks.ts';
import { openWorld, type SignedInPerson } from '../kit/world.ts';

const rounds = 50;
const someone = '01890000-0000-7000-8000-000000000000';
const directory = mkdtempSync(join(tmpdir(), 'latchkey-hooks-'));
let database: TestDatabase;
let world: Awaited<ReturnType<typeof openWorld>>;
let servers: ServerProcess[] = [];
let admin: SignedInPerson;
let owner: SignedInPerson;
let receiver: Receiver;
let own: Record<string, string>;
beforeAll(async () => {
  database = await freshDatabase();
  const keyFile = join(directory, 'master-keys.json');
  own = { DATABASE_URL: database.url, DATA_DIR: directory, KMS_MASTER_KEY_FILE: keyFile };
  servers = await Promise.all([startServer(own), startServer(own)]);
  world = await openWorld({}, { databaseUrl: database.url, keyFile });
  admin = await world.signedIn(undefined, { roles: ['superadmin'] });
  owner = await world.signedIn();
}, 60_000);
afterAll(async () => {
  await world?.close();
  await Promise.all(servers.map((server) => server.kill()));
  await database?.drop();
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(async () => {
  // A test that failed, and is tried again, may have left fewer.
  while (servers.length < 2) servers.push(await startServer(own));
  receiver = await startReceiver();
});
afterEach(async () => {
  await world.sql('DELETE FROM webhook_endpoints');
  await receiver.close();
});

const side = (n: number, { accessToken }: SignedInPerson) => servers[n % servers.length]!.client.as(accessToken);
const idsOf = () => receiver.events().map(({ id }) => id as string);
/** Facts in many small transactions, some of them open for a while after a later one has been committed. */
const writeMany = async (count: number): Promise<string[]> => {
  const ids: string[] = [];
  await Promise.all(
    Array.from({ length: 6 }, async (_, n) => {
      for (let round = 0; round < count / 6; round += 1) {
        const facts = factsAbout(world, someone, 1);
        await world.house.infra.database.transaction(async (sql) => {
          await write(world, facts, sql);
          await pause((n * 5 + round * 3) % 20);
        });
        ids.push(facts[0]!.id);
      }
    }),
  );
  return ids.sort();
};

describe('on three processes', () => {
  it('each event is queued once and, while nobody dies, sent once', { timeout: 40_000 }, async () => {
    const { id } = await hooked(admin.client, { url: receiver.url, types: ['user.updated'] });
    const facts = await writeMany(240);
    await vi.waitFor(() => expect(receiver.received.length).toBeGreaterThanOrEqual(240), { timeout: 20_000, interval: 50 });
    await vi.waitFor(async () => expect((await rowsOf(world, id)).filter(({ attempt }) => attempt === 0)).toEqual([]), { timeout: 5000 });
    expect(idsOf().sort()).toEqual(facts);
    expect((await rowsOf(world, id)).map(({ event_id }) => event_id).sort()).toEqual(facts);
  });

  it('every event comes, and each is queued once, though one of them is killed while it queues and sends', {
    timeout: 60_000,
  }, async () => {
    const { id } = await hooked(admin.client, { url: receiver.url, types: ['user.updated'] });
    // Slow enough that whoever is killed has something in hand.
    receiver.state.answer = (response) => void setTimeout(() => response.writeHead(200).end(), 150);
    const writing = writeMany(300);
    await vi.waitFor(() => expect(receiver.received.length).toBeGreaterThan(30), { timeout: 20_000, interval: 20 });
    const doomed = servers.pop()!;
    await doomed.kill();
    const facts = await writing;
    const queued = async () => (await rowsOf(world, id)).map(({ event_id }) => event_id).sort();
    await vi.waitFor(async () => expect(await queued()).toEqual(facts), { timeout: 20_000, interval: 100 });
    // What it had in hand is its own for a minute: the clock of one of the others is put forward.
    world.clock.move(61);
    try {
      await vi.waitFor(() => expect(new Set(idsOf()).size).toBe(facts.length), { timeout: 20_000, interval: 50 });
      expect([...new Set(idsOf())].sort()).toEqual(facts);
      expect(await queued()).toEqual(facts);
    } finally {
      world.clock.move(-61);
    }
  });

  it('what one that is stopped had in hand is given back, and sent by another', { timeout: 60_000 }, async () => {
    receiver.state.answer = 'silent';
    const { id } = await hooked(admin.client, { url: receiver.url, types: ['user.updated'] });
    await write(world, factsAbout(world, someone, 8));
    // Four at once of each process.
    await vi.waitFor(() => expect(receiver.received.length).toBe(8), { timeout: 20_000, interval: 50 });
    const doomed = servers.splice(0);
    expect(await Promise.all(doomed.map((server) => server.stop()))).toEqual([0, 0]);
    receiver.state.answer = 200;
    receiver.release();
    await vi.waitFor(async () => expect((await rowsOf(world, id)).filter((row) => row.status_code !== 200 || row.lease)).toEqual([]), {
      timeout: 20_000,
      interval: 50,
    });
    expect(new Set(idsOf()).size).toBe(8);
    // Nobody waited for the silent receiver until that was a failure: each was delivered by its first attempt that counts.
    expect((await rowsOf(world, id)).map(({ attempt }) => attempt)).toEqual(Array(8).fill(1));
  });

  it.each([
    ['an organization', async () => ({ orgId: await found(owner) }), () => owner],
    ['the platform', async () => ({}), () => admin],
  ] as [string, () => Promise<{ orgId?: string }>, () => SignedInPerson][])(
    'of four who make a twentieth endpoint of %s at once one does, in fifty rounds',
    { timeout: 60_000 },
    async (_whose, where, who) => {
      const input = { ...(await where()), url: receiver.url, types: ['key.rotated'] };
      for (let n = 0; n < 19; n += 1) await hooked(who().client, input);
      for (let round = 0; round < rounds; round += 1) {
        const made = await Promise.all([0, 1, 2, 3].map((n) => hook(side(n, who()), 'createWebhook', input)));
        expect(made.map(({ __typename }) => __typename).sort()).toEqual([
          'QuotaExceeded',
          'QuotaExceeded',
          'QuotaExceeded',
          'WebhookCreated',
        ]);
        const { endpoint } = made.find(({ __typename }) => __typename === 'WebhookCreated');
        expect(await hook(side(round, who()), 'deleteWebhook', { endpointId: endpoint.id })).toMatchObject({ __typename: 'Deleted' });
      }
    },
  );
});
