import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createLog } from '../../src/infra/log.ts';
import { createMemoryFanout } from '../../src/infra/memory/fanout.ts';
import type { Fanout } from '../../src/infra/ports.ts';
import { createRedisFanout } from '../../src/infra/redis/fanout.ts';
import { redisAvailable, redisKillable, startRedis, type TestRedis } from '../kit/redis.ts';

const log = createLog({ LOG_LEVEL: 'silent' });
const opened: Fanout[] = [];
const keep = <F extends Fanout>(fanout: F): F => {
  opened.push(fanout);
  return fanout;
};
afterEach(async () => {
  await Promise.all(opened.splice(0).map((fanout) => fanout.close()));
});

/** Every test makes its own topics: a Redis that was given may be shared. */
let count = 0;
const freshTopic = () => `topic-${process.pid}-${++count}`;

const contract = (open: () => Fanout) => {
  it('brings a payload, as its JSON says, to every listener of its topic and to no other.', async () => {
    const fanout = keep(open());
    const [topic, other] = [freshTopic(), freshTopic()];
    const [first, second, stranger] = [vi.fn(), vi.fn(), vi.fn()];
    await fanout.subscribe(topic, first);
    await fanout.subscribe(topic, second);
    await fanout.subscribe(other, stranger);
    fanout.publish(topic, { at: new Date(0), list: [1, 'ä'], nothing: undefined });
    await vi.waitFor(() => expect(second).toHaveBeenCalledOnce(), { timeout: 5_000 });
    expect(first).toHaveBeenCalledExactlyOnceWith({ at: '1970-01-01T00:00:00.000Z', list: [1, 'ä'] });
    expect(second.mock.calls).toEqual(first.mock.calls);
    expect(stranger).not.toHaveBeenCalled();
  });

  it('keeps the order of what one process publishes.', async () => {
    const fanout = keep(open());
    const topic = freshTopic();
    const heard: unknown[] = [];
    await fanout.subscribe(topic, (payload) => heard.push(payload));
    for (let i = 0; i < 200; i++) fanout.publish(topic, i);
    await vi.waitFor(() => expect(heard).toHaveLength(200), { timeout: 5_000 });
    expect(heard).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });

  it('brings nothing to a listener that has ended, while the others of its topic go on.', async () => {
    const fanout = keep(open());
    const topic = freshTopic();
    const [leaving, staying] = [vi.fn(), vi.fn()];
    const end = await fanout.subscribe(topic, leaving);
    await fanout.subscribe(topic, staying);
    end();
    end();
    fanout.publish(topic, 'later');
    await vi.waitFor(() => expect(staying).toHaveBeenCalledOnce(), { timeout: 5_000 });
    expect(leaving).not.toHaveBeenCalled();
  });

  it('hears a topic again that nobody heard in between.', async () => {
    const fanout = keep(open());
    const topic = freshTopic();
    (await fanout.subscribe(topic, vi.fn()))();
    const heard = vi.fn();
    await fanout.subscribe(topic, heard);
    fanout.publish(topic, 1);
    await vi.waitFor(() => expect(heard).toHaveBeenCalledExactlyOnceWith(1), { timeout: 5_000 });
  });

  it('goes on to the next listener when one throws, and gives each a copy of its own.', async () => {
    const fanout = keep(open());
    const topic = freshTopic();
    const heard = vi.fn();
    await fanout.subscribe(topic, (payload) => {
      (payload as { n: number }).n = 2;
      throw new Error('a bad listener');
    });
    await fanout.subscribe(topic, (payload) => heard({ ...(payload as object) }));
    fanout.publish(topic, { n: 1 });
    await vi.waitFor(() => expect(heard).toHaveBeenCalledExactlyOnceWith({ n: 1 }), { timeout: 5_000 });
  });
};

describe('The fan-out within a process', () => contract(createMemoryFanout));

describe.skipIf(!redisAvailable)('The fan-out over Redis', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.stop());
  const open = () => createRedisFanout(redis.url, log);

  contract(open);

  it('reaches other processes.', async () => {
    const [here, there] = [keep(open()), keep(open())];
    const topic = freshTopic();
    const heard = vi.fn();
    await there.subscribe(topic, heard);
    await vi.waitFor(() => expect(here.healthy()).toBe(true), { timeout: 5_000 });
    here.publish(topic, { revoked: 'session' });
    await vi.waitFor(() => expect(heard).toHaveBeenCalledExactlyOnceWith({ revoked: 'session' }), { timeout: 5_000 });
  });

  it.skipIf(!redisKillable)('says that it is not healthy while Redis is away, and hears old and new topics when it is back.', async () => {
    const fanout = keep(open());
    const [before, during] = [freshTopic(), freshTopic()];
    const [heardBefore, heardDuring] = [vi.fn(), vi.fn()];
    await fanout.subscribe(before, heardBefore);
    await vi.waitFor(() => expect(fanout.healthy()).toBe(true), 5_000);
    await redis.kill();
    await vi.waitFor(() => expect(fanout.healthy()).toBe(false), 5_000);
    fanout.publish(before, 'lost');
    const asked = performance.now();
    await fanout.subscribe(during, heardDuring);
    (await fanout.subscribe(freshTopic(), vi.fn()))();
    expect(performance.now() - asked).toBeLessThan(4_000);
    await redis.restart();
    await vi.waitFor(() => expect(fanout.healthy()).toBe(true), 10_000);
    await sleep(50);
    fanout.publish(before, 1);
    fanout.publish(during, 2);
    await vi.waitFor(() => expect(heardDuring).toHaveBeenCalledExactlyOnceWith(2), { timeout: 5_000 });
    expect(heardBefore).toHaveBeenCalledExactlyOnceWith(1);
  });
});
