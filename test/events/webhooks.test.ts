/** The loops behind webhooks: what the log costs where nobody is to be told, and how many are sent at once. */
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startScratch } from '../../scripts/scratch.ts';
import { logTopic } from '../../src/auth/audit/record.ts';
import { webhookTopic } from '../../src/auth/webhooks/create.ts';
import type { Claim } from '../../src/auth/webhooks/queue-store.ts';
import { takeCursor } from '../../src/auth/webhooks/store.ts';
import { openWebhooks, webhookRoom } from '../../src/events/webhooks.ts';
import { createLog } from '../../src/infra/log.ts';
import { createMemoryFanout } from '../../src/infra/memory/fanout.ts';
import { factsAbout, settled, write } from '../kit/following.ts';
import { startReceiver } from '../kit/receiver.ts';
import { hooked, rowsOf } from '../kit/webhooks.ts';
import { openWorld, type World } from '../kit/world.ts';

const log = createLog({ LOG_LEVEL: 'silent' });
const someone = '01890000-0000-7000-8000-000000000000';
type Work = Parameters<typeof openWebhooks>[0]['work'];

describe('where there is no endpoint', () => {
  it('a log that grows is not looked at, whatever is said of it; the first endpoint is heard of at once', async () => {
    const fanout = createMemoryFanout(log);
    const asked = { any: 0, project: 0, claim: 0, count: 0 };
    let there = false;
    const work: Work = {
      any: async () => {
        asked.any += 1;
        return there;
      },
      project: async () => {
        asked.project += 1;
        return 0;
      },
      claim: async () => {
        asked.claim += 1;
        return [];
      },
      count: async () => {
        asked.count += 1;
      },
      deliver: async () => 'Delivered',
    };
    const sender = await openWebhooks({ work, fanout, log });
    for (let n = 0; n < 500; n += 1) {
      fanout.publish(logTopic, 1);
      if (n % 50 === 0) await pause(20);
    }
    // Once at the start, and once a second.
    expect(asked).toMatchObject({ project: 0, claim: 0, count: 0 });
    expect(asked.any).toBeLessThan(10);
    there = true;
    const began = performance.now();
    fanout.publish(webhookTopic, 1);
    await vi.waitFor(() => expect(asked.project).toBeGreaterThan(0), { timeout: 5000, interval: 5 });
    expect(performance.now() - began).toBeLessThan(900);
    await sender.stop();
    await fanout.close();
  });
});

describe('those who are sent to', () => {
  it('are so many at once and no more, and those that fail take half of the room, one for each', async () => {
    const fanout = createMemoryFanout(log);
    const asked: { failing: boolean; room: number; perEndpoint: number }[] = [];
    const ends: (() => void)[] = [];
    let left = 1000;
    const work: Work = {
      any: async () => true,
      project: async () => 0,
      count: async () => {},
      claim: async ({ failing, room, perEndpoint }) => {
        asked.push({ failing, room, perEndpoint });
        const claims = Array.from(
          { length: failing ? room : Math.min(room, 10) },
          () => ({ id: `${left--}`, endpointId: `${left}`, failing }) as Claim,
        );
        return claims;
      },
      deliver: () => new Promise((resolve) => ends.push(() => resolve('Delivered'))),
    };
    const sender = await openWebhooks({ work, fanout, log });
    await vi.waitFor(() => expect(ends.length).toBe(10 + webhookRoom.failing), { timeout: 5000, interval: 5 });
    for (let n = 0; n < 5; n += 1) {
      fanout.publish(webhookTopic, 1);
      await pause(60);
    }
    expect(ends.length).toBe(webhookRoom.most);
    expect(asked[0]).toEqual({ failing: false, room: webhookRoom.most, perEndpoint: webhookRoom.perEndpoint });
    expect(asked[1]).toEqual({ failing: true, room: webhookRoom.failing, perEndpoint: webhookRoom.perFailing });
    // Stopped first: nothing more is begun for those that end.
    const stopped = sender.stop();
    for (const end of ends) end();
    await stopped;
    expect(ends.length).toBe(webhookRoom.most);
    await fanout.close();
  });
});

describe('an endpoint that is made after a while without any', () => {
  let world: World & { databaseUrl: string };
  // A server of its own: a transaction that is held open holds back the readers of every database on the server.
  let server: Awaited<ReturnType<typeof startScratch>>;
  beforeAll(async () => {
    server = await startScratch();
    world = await openWorld({}, { databaseUrl: server.url });
  });
  afterAll(async () => {
    await world?.close();
    await server?.stop();
  });

  it('is sent nothing of that while, and the log of it is not read', async () => {
    const receiver = await startReceiver();
    const admin = await world.signedIn(undefined, { roles: ['superadmin'] });
    await write(world, factsAbout(world, someone, 1200));
    await settled(world);
    const cursor = 'SELECT tx::text, seq::text FROM webhook_cursor';
    expect(await world.sql(cursor)).toEqual([{ tx: '0', seq: '0' }]);
    const { id } = await hooked(admin.client, { url: receiver.url, types: ['user.updated', 'webhook.created'] });
    const [{ snapshot }] = (await world.sql<{ snapshot: string }>(
      'SELECT pg_snapshot_xmin(created_snapshot)::text AS snapshot FROM webhook_endpoints WHERE id = $1',
      [id],
    )) as [{ snapshot: string }];
    const own = factsAbout(world, someone, 1);
    await write(world, own);
    await vi.waitFor(() => expect(receiver.received).toHaveLength(1), { timeout: 8000 });
    expect(receiver.events()[0].id).toBe(own[0]!.id);
    // As the first look found it, and as one finds it where there is nobody; nothing of this stays.
    const found: { first: unknown; nobody: unknown } = { first: null, nobody: null };
    await world.house.infra.database
      .transaction(async (sql) => {
        await sql.run({ name: '', text: `UPDATE webhook_cursor SET tx = '0', seq = 0` });
        found.first = await takeCursor(sql);
        await sql.run({ name: '', text: 'UPDATE webhook_endpoints SET disabled_at = now()' });
        found.nobody = await takeCursor(sql);
        throw new Error('undone');
      })
      .catch(() => {});
    expect(found).toEqual({ first: { tx: snapshot, seq: '0' }, nobody: undefined });
    // The next one hears of the making of another, never of its own.
    await hooked(admin.client, { url: `${receiver.url}/second`, types: ['webhook.created'] });
    await vi.waitFor(() => expect(receiver.received).toHaveLength(2), { timeout: 8000 });
    expect(receiver.received[1]!.path).toBe('/');
    await receiver.close();
    await world.sql('DELETE FROM webhook_endpoints');
  });

  it('is sent what is committed after it was made, also by a transaction from before; and nothing that was committed before, also where it is read later', async () => {
    const receiver = await startReceiver();
    const admin = await world.signedIn(undefined, { roles: ['superadmin'] });
    const client = new pg.Client({ connectionString: world.databaseUrl });
    await client.connect();
    await client.query('BEGIN');
    await client.query('SELECT pg_current_xact_id()');
    const [before, late, after] = [factsAbout(world, someone, 1), factsAbout(world, someone, 1), factsAbout(world, someone, 1)];
    await write(world, before);
    const { id } = await hooked(admin.client, { url: receiver.url, types: ['user.updated'] });
    await write(world, after);
    const sql = {
      run: async <R>({ text }: { text: string }, values: readonly unknown[] = []) => (await client.query(text, [...values])).rows as R[],
    };
    await write(world, late, sql);
    await client.query('COMMIT');
    await client.end();
    await vi.waitFor(() => expect(receiver.received).toHaveLength(2), { timeout: 8000 });
    expect(
      receiver
        .events()
        .map((event) => event.id)
        .toSorted(),
    ).toEqual([late[0]!.id, after[0]!.id].toSorted());
    expect((await rowsOf(world, id)).map(({ event_id }) => event_id).toSorted()).toEqual([late[0]!.id, after[0]!.id].toSorted());
    await receiver.close();
  });
});
