/** Deliveries that fail: when they are tried again, when they are given up, what disables an endpoint, and what one slow endpoint costs the others. */
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openTrail } from '../../../src/auth/audit/record.ts';
import { webhookRoom } from '../../../src/events/webhooks.ts';
import { stranger } from '../../kit/caller.ts';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { factsAbout, write } from '../../kit/following.ts';
import { found } from '../../kit/organizations.ts';
import { type Receiver, startReceiver } from '../../kit/receiver.ts';
import { deliveriesOf, hook, hooked, rowsOf, webhooksOf } from '../../kit/webhooks.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
let watch: Watch;
let admin: SignedInPerson;
let receiver: Receiver;
let fence: Receiver;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
});
afterAll(() => world?.close());
beforeEach(async () => {
  // A token of now, wherever the clock stands.
  admin = await world.signedIn(undefined, { roles: ['superadmin'] });
  [receiver, fence] = [await startReceiver(), await startReceiver()];
  await hooked(admin.client, { url: fence.url, types: ['password.rehashed'] });
});
afterEach(async () => {
  await world.sql('DELETE FROM webhook_endpoints');
  await Promise.all([receiver.close(), fence.close()]);
});

const eventually = (check: () => unknown) => vi.waitFor(check, { timeout: 9000, interval: 20 });
const someone = '01890000-0000-7000-8000-000000000000';
const happens = (count = 1) => write(world, factsAbout(world, someone, count));
/** Whoever sends has looked once more at what is due: something else that came later has arrived. */
const passed = async (): Promise<void> => {
  const before = fence.received.length;
  await write(world, factsAbout(world, someone, 1, 'password.rehashed'));
  await eventually(() => expect(fence.received.length).toBe(before + 1));
};
const failing = async (answer: number, headers: Record<string, string> = {}) => {
  Object.assign(receiver.state, { answer, headers });
  const made = await hooked(admin.client, { url: `${receiver.url}/?token=hidden`, types: ['user.updated'] });
  await happens();
  return made;
};
const attempted = async (id: string, attempts: number) => {
  await eventually(async () => expect((await rowsOf(world, id))[0]?.attempt).toBe(attempts));
  return (await rowsOf(world, id))[0];
};
/** Seconds from the last attempt to the next. */
const wait = ({ at, next_attempt_at: next }: { at: Date; next_attempt_at: Date }) => (next.getTime() - at.getTime()) / 1000;
const until = (at: Date, seconds: number) => world.clock.move((at.getTime() - world.clock.now().getTime()) / 1000 + seconds);

describe('a delivery that fails', () => {
  it('is tried nine times by the plan, not before its time, the same each time but for the signature’s, and then given up', {
    timeout: 60_000,
  }, async () => {
    const { id, secret } = await failing(500);
    for (const [n, seconds] of [5, 30, 120, 900, 3600, 14_400, 43_200, 86_400].entries()) {
      const row = await attempted(id, n + 1);
      expect(row).toMatchObject({ status_code: 500, error: 'HTTP 500', lease: null, leased_until: null });
      expect(wait(row)).toBeGreaterThanOrEqual(seconds);
      expect(wait(row)).toBeLessThanOrEqual(seconds * 1.2 + 3);
      if (n === 1) {
        until(row.next_attempt_at, -5);
        await passed();
        expect(receiver.received).toHaveLength(2);
      }
      until(row.next_attempt_at, 0);
    }
    expect(await attempted(id, 9)).toMatchObject({ next_attempt_at: null, error: 'HTTP 500' });
    world.clock.move(7 * 86_400);
    await passed();
    expect(receiver.received).toHaveLength(9);
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect([new Set(ids).size, new Set(receiver.received.map(({ body }) => body)).size]).toEqual([1, 1]);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(9);
    // The library takes no signature that is five minutes away from its own clock.
    const { body, headers } = receiver.received[0]!;
    new Webhook(secret).verify(body, headers as Record<string, string>);
  });

  it('comes back when it was asked to', async () => {
    const { id } = await failing(429, { 'retry-after': '600' });
    const row = await attempted(id, 1);
    expect(wait(row)).toBeGreaterThanOrEqual(600);
    expect(wait(row)).toBeLessThan(603);
    receiver.state.answer = 204;
    until(row.next_attempt_at, 0);
    expect(await attempted(id, 2)).toMatchObject({ status_code: 204, error: null, next_attempt_at: null });
  });

  it('tells why in a word, and never where or what was answered', async () => {
    const gone = await startReceiver();
    await gone.close();
    const { id } = await hooked(admin.client, { url: `${gone.url}/?token=hidden`, types: ['user.updated'] });
    receiver.state.answer = (response) => void response.writeHead(302, { location: 'http://10.0.0.1/' }).end('inner secret');
    const redirecting = await hooked(admin.client, { url: receiver.url, types: ['user.updated'] });
    const refusing = await hooked(admin.client, { url: 'http://localhost:1/', types: ['user.updated'] });
    await world.sql(`UPDATE webhook_endpoints SET url = 'http://10.0.0.1/' WHERE id = $1`, [refusing.id]);
    const lost = await hooked(admin.client, { url: fence.url, types: ['user.updated'] });
    await world.sql(
      `UPDATE webhook_endpoints SET sealed_secret = set_byte(sealed_secret, length(sealed_secret) - 1, get_byte(sealed_secret, length(sealed_secret) - 1) # 1) WHERE id = $1`,
      [lost.id],
    );
    await happens();
    for (const [of, error, statusCode] of [
      [id, 'connection refused', null],
      [redirecting.id, 'HTTP 302', 302],
      [refusing.id, 'refused address', null],
      [lost.id, 'secret lost', null],
    ] as const)
      await eventually(async () => expect(await deliveriesOf(admin.client, of)).toMatchObject([{ error, statusCode, attempt: 1 }]));
    expect(fence.types()).not.toContain('user.updated');
  });

  it('waits for its master key, without an attempt, and the row says so', async () => {
    const { id } = await hooked(admin.client, { url: receiver.url, types: ['user.updated'] });
    const turn = () =>
      world.sql('UPDATE webhook_endpoints SET sealed_secret = set_byte(sealed_secret, 2, get_byte(sealed_secret, 2) # 1) WHERE id = $1', [
        id,
      ]);
    await turn();
    const began = world.clock.now().getTime();
    await happens();
    await eventually(async () => {
      const [row] = await rowsOf(world, id);
      expect(row).toMatchObject({ attempt: 0, lease: null });
      expect(row.next_attempt_at.getTime()).toBeGreaterThanOrEqual(began + 30_000);
    });
    expect(receiver.received).toEqual([]);
    await turn();
    world.clock.move(31);
    expect(await attempted(id, 1)).toMatchObject({ status_code: 200 });
  });

  it('is counted where operators look', async () => {
    const read = async () => {
      const text = await (await fetch(`${world.url}/metrics`)).text();
      return ['delivered_total', 'failed_total', 'waiting'].map((name) =>
        Number(new RegExp(`^latchkey_webhooks_${name} (\\d+)$`, 'm').exec(text)?.[1]),
      );
    };
    const [delivered, failures] = (await read()) as [number, number];
    const { id } = await failing(500);
    await attempted(id, 1);
    await passed();
    await eventually(async () => expect(await read()).toEqual([delivered + 1, failures + 1, expect.any(Number)]));
  });

  it('is sent no more once its organization no longer keeps the event', async () => {
    const owner = await world.signedIn();
    const orgId = await found(owner);
    Object.assign(receiver.state, { answer: 500 });
    const { id } = await hooked(owner.client, { orgId, url: receiver.url, types: ['user.updated'] });
    await write(
      world,
      factsAbout(world, someone, 1).map((fact) => ({ ...fact, org_id: orgId })),
    );
    await attempted(id, 1);
    await world.sql('UPDATE organizations SET audit_retention_days = 1 WHERE id = $1', [orgId]);
    await world.sql('UPDATE webhook_endpoints SET failing_since = NULL WHERE id = $1', [id]);
    world.clock.move(2 * 86_400);
    expect(await attempted(id, 2)).toMatchObject({ error: 'event no longer kept', next_attempt_at: null });
    // Nor is that the receiver's fault.
    expect(await world.sql('SELECT failing_since FROM webhook_endpoints WHERE id = $1', [id])).toEqual([{ failing_since: null }]);
    expect(receiver.received).toHaveLength(1);
    const again = await world.signIn(owner);
    const [{ id: deliveryId }] = (await rowsOf(world, id)) as [{ id: string }];
    expect((await hook(again.client, 'redeliverWebhook', { deliveryId })).__typename).toBe('NotFound');
  });
});

describe('an endpoint', () => {
  const disabled = async (id: string) =>
    (await world.sql('SELECT data FROM audit_events WHERE type = $1 AND resource = $2', ['webhook.disabled', `webhook:${id}`])).map(
      ({ data }) => data,
    );

  it('that answers 410 is disabled at once, with its fact: it is sent nothing more, and nothing again', async () => {
    const { id } = await failing(410);
    const row = await attempted(id, 1);
    expect(row).toMatchObject({ status_code: 410, next_attempt_at: null });
    expect(await disabled(id)).toEqual([{ host: new URL(receiver.url).host, reason: 'gone' }]);
    expect((await webhooksOf(admin.client)).find((one: { id: string }) => one.id === id)).toMatchObject({ enabled: false });
    await happens();
    await passed();
    const { answer, changed } = await watch(() => hook(admin.client, 'redeliverWebhook', { deliveryId: row.id }));
    expect([answer.__typename, changed]).toEqual(['NotFound', nothing]);
    await passed();
    expect(receiver.received).toHaveLength(1);
    expect(await rowsOf(world, id)).toHaveLength(1);
  });

  it('that does nothing but fail for five days is disabled, with its fact; what waited for it waits no more', async () => {
    const { id } = await failing(500);
    const first = await attempted(id, 1);
    until(first.at, 5 * 86_400 - 60);
    const second = await attempted(id, 2);
    await passed();
    expect(await disabled(id)).toEqual([]);
    until(second.next_attempt_at, 60);
    const third = await attempted(id, 3);
    expect(await disabled(id)).toEqual([{ host: new URL(receiver.url).host, reason: 'failing' }]);
    admin = await world.signIn(admin);
    expect(await deliveriesOf(admin.client, id)).toMatchObject([{ attempt: 3, nextAttemptAt: null }]);
    until(third.next_attempt_at, 60);
    await passed();
    expect(receiver.received).toHaveLength(3);
    await world.house.auth.webhooks.sweep();
    expect(await rowsOf(world, id)).toMatchObject([{ next_attempt_at: null }]);
  });

  it('that succeeds once in between is not', async () => {
    const { id } = await failing(500);
    const first = await attempted(id, 1);
    receiver.state.answer = 200;
    until(first.next_attempt_at, 0);
    await attempted(id, 2);
    receiver.state.answer = 500;
    until(first.at, 6 * 86_400);
    await happens();
    await eventually(async () => expect(await rowsOf(world, id)).toMatchObject([{ attempt: 2 }, { attempt: 1, error: 'HTTP 500' }]));
    expect(await disabled(id)).toEqual([]);
  });

  it('that never answers delays no other, and is asked no more than four times at once', async () => {
    receiver.state.answer = 'silent';
    const slow = await hooked(admin.client, { url: receiver.url, types: ['user.updated'] });
    const others = await Promise.all([0, 1, 2].map(() => startReceiver()));
    for (const { url } of others) await hooked(admin.client, { url, types: ['user.updated'] });
    await happens(20);
    for (const other of others) await eventually(() => expect(other.received.length).toBe(20));
    // All of the others', while of its own not one has ended.
    expect([receiver.received.length, receiver.state.atOnce]).toEqual([4, 4]);
    receiver.release();
    await eventually(() => expect(receiver.received.length).toBeGreaterThan(4));
    receiver.state.answer = 200;
    receiver.release();
    await eventually(() => expect(new Set(receiver.events().map(({ id }) => id)).size).toBe(20));
    expect(receiver.state.mostAtOnce).toBeLessThanOrEqual(4);
    expect((await rowsOf(world, slow.id)).length).toBe(20);
    await Promise.all(others.map((other) => other.close()));
  });

  it('of an organization whose receivers are all slow takes a quarter of the room with the others of it, and no more', async () => {
    receiver.state.answer = 'silent';
    const owner = await world.signedIn();
    const orgId = await found(owner);
    for (let n = 0; n < 6; n += 1) await hooked(owner.client, { orgId, url: `${receiver.url}/${n}`, types: ['organization.updated'] });
    const other = await startReceiver();
    await hooked(admin.client, { url: other.url, types: ['user.updated'] });
    const trail = openTrail(world.house.infra);
    const fact = { type: 'organization.updated', data: { fields: [] }, actorId: null, orgId, subjectId: null } as never;
    await write(
      world,
      Array.from({ length: 6 }, () => trail.fact(stranger(), fact)),
    );
    await eventually(() => expect(receiver.state.atOnce).toBe(webhookRoom.perOwner));
    await happens(20);
    await eventually(() => expect(other.received.length).toBe(20));
    expect([receiver.received.length, receiver.state.mostAtOnce]).toEqual([webhookRoom.perOwner, webhookRoom.perOwner]);
    receiver.state.answer = 200;
    receiver.release();
    await eventually(() => expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(36));
    await other.close();
  });

  it('does not count as failing once anything was delivered, also what was under way when another failed', async () => {
    const { id } = await hooked(admin.client, { url: receiver.url, types: ['user.updated'] });
    receiver.state.answer = 'silent';
    await happens(1);
    await eventually(() => expect(receiver.state.atOnce).toBe(1));
    await world.sql('UPDATE webhook_endpoints SET failing_since = $2 WHERE id = $1', [id, world.clock.now()]);
    receiver.state.answer = 200;
    receiver.release();
    await eventually(async () =>
      expect(await world.sql('SELECT failing_since FROM webhook_endpoints WHERE id = $1', [id])).toEqual([{ failing_since: null }]),
    );
  });

  it('is sent what a process that was killed had in hand, once that is believed to be gone', async () => {
    const { id } = await hooked(admin.client, { url: receiver.url, types: ['key.rotated'] });
    const [fact] = factsAbout(world, someone, 1);
    await write(world, [fact!]);
    await world.sql(
      `INSERT INTO webhook_deliveries (id, endpoint_id, event_id, type, at, next_attempt_at, lease, leased_until) VALUES (gen_random_uuid(), $1, $2, 'user.updated', $3, $3, gen_random_uuid(), $4)`,
      [id, fact!.id, world.clock.now(), new Date(world.clock.now().getTime() + 60_000)],
    );
    await passed();
    expect(receiver.received).toEqual([]);
    world.clock.move(61);
    expect(await attempted(id, 1)).toMatchObject({ status_code: 200, lease: null });
    expect(receiver.received).toHaveLength(1);
  });
});
