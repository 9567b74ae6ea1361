import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/infra/clock.ts';
import { createLog } from '../../src/infra/log.ts';
import { createMemoryLimiter } from '../../src/infra/memory/limiter.ts';
import type { Clock, Limiter } from '../../src/infra/ports.ts';
import { connectRedis } from '../../src/infra/redis/connect.ts';
import { createRedisLimiter } from '../../src/infra/redis/limiter.ts';
import { redisAvailable, redisKillable, startRedis, type TestRedis } from '../kit/redis.ts';

const log = createLog({ LOG_LEVEL: 'silent' });
const rate = { limit: 3, seconds: 60 };
let count = 0;
const freshKey = () => `key-${process.pid}-${++count}`;

const movable = () => {
  let ms = Date.parse('2026-03-01T12:00:00Z');
  return { clock: { now: () => new Date(ms) } satisfies Clock, pass: (seconds: number) => (ms += seconds * 1000) };
};
const verdicts = async (limiter: Limiter, key: string, times: number) => {
  const all: boolean[] = [];
  for (let i = 0; i < times; i++) all.push((await limiter.take(key, rate)).allowed);
  return all;
};

const contract = (open: (clock: Clock) => Limiter) => {
  it('allows as many as the limit and then says how long to wait.', async () => {
    const { clock, pass } = movable();
    const limiter = open(clock);
    const key = freshKey();
    expect(await limiter.take(key, rate)).toEqual({ allowed: true, retryAfterSeconds: 0 });
    pass(10);
    expect(await verdicts(limiter, key, 2)).toEqual([true, true]);
    expect(await limiter.take(key, rate)).toEqual({ allowed: false, retryAfterSeconds: 50 });
    expect((await limiter.take(freshKey(), rate)).allowed).toBe(true);
  });

  it('slides: within any window there are no more than the limit, at its boundary too.', async () => {
    const { clock, pass } = movable();
    const limiter = open(clock);
    const key = freshKey();
    expect(await verdicts(limiter, key, 1)).toEqual([true]);
    pass(59);
    expect(await verdicts(limiter, key, 3)).toEqual([true, true, false]);
    pass(1);
    expect(await verdicts(limiter, key, 2)).toEqual([true, false]);
    expect(await limiter.take(key, rate)).toEqual({ allowed: false, retryAfterSeconds: 59 });
  });

  it('takes no place for a refused attempt, so whoever goes on asking is let in as soon as the window says.', async () => {
    const { clock, pass } = movable();
    const limiter = open(clock);
    const key = freshKey();
    expect(await verdicts(limiter, key, 10)).toEqual([true, true, true, ...Array(7).fill(false)]);
    pass(30);
    expect(await verdicts(limiter, key, 5)).toEqual(Array(5).fill(false));
    pass(30);
    expect(await verdicts(limiter, key, 4)).toEqual([true, true, true, false]);
  });

  it('gives back the place taken last, one for each time.', async () => {
    const { clock, pass } = movable();
    const limiter = open(clock);
    const key = freshKey();
    await limiter.giveBack(key);
    expect(await verdicts(limiter, key, 2)).toEqual([true, true]);
    pass(20);
    expect(await verdicts(limiter, key, 1)).toEqual([true]);
    await limiter.giveBack(key);
    expect(await verdicts(limiter, key, 2)).toEqual([true, false]);
    await limiter.giveBack(key);
    await limiter.giveBack(key);
    expect(await verdicts(limiter, key, 3)).toEqual([true, true, false]);
    pass(40);
    expect(await verdicts(limiter, key, 2)).toEqual([true, false]);
  });

  it('lets exactly the limit through when many ask at once.', async () => {
    const limiter = open(movable().clock);
    const key = freshKey();
    const taken = await Promise.all(Array.from({ length: 40 }, () => limiter.take(key, rate)));
    expect(taken.filter(({ allowed }) => allowed)).toHaveLength(3);
  });

  it('waits for the right place when the limit has been lowered, and counts nothing when it is off.', async () => {
    const { clock, pass } = movable();
    const limiter = open(clock);
    const key = freshKey();
    for (let i = 0; i < 3; i++) {
      await limiter.take(key, rate);
      pass(10);
    }
    expect(await limiter.take(key, { limit: 1, seconds: 60 })).toEqual({ allowed: false, retryAfterSeconds: 50 });
    for (let i = 0; i < 20; i++) expect((await limiter.take(key, null)).allowed).toBe(true);
  });
};

describe('The limiter of one process', () => {
  contract(createMemoryLimiter);

  it('holds no more keys than it may, and a flood of new ones does not push out a key that is at its limit.', async () => {
    const { clock } = movable();
    const limiter = createMemoryLimiter(clock, 100);
    expect(await verdicts(limiter, 'victim', 4)).toEqual([true, true, true, false]);
    for (let i = 0; i < 5_000; i++) await limiter.take(`flood-${i}`, rate);
    expect(await verdicts(limiter, 'victim', 1)).toEqual([false]);
    // Those pushed out begin anew, which is how one sees that they were.
    expect(await verdicts(limiter, 'flood-10', 3)).toEqual([true, true, true]);
  });
});

describe.skipIf(!redisAvailable)('The limiter over Redis', () => {
  let server: TestRedis;
  let redis: Redis;
  beforeAll(async () => {
    server = await startRedis();
    redis = await connectRedis(server.url, log);
  });
  afterAll(async () => {
    redis?.disconnect();
    await server?.stop();
  });
  const fallback: Limiter = {
    take: async () => ({ allowed: true, retryAfterSeconds: 0 }),
    giveBack: async () => {},
  };

  contract((clock) => createRedisLimiter(redis, fallback, log, clock));

  it("counts by Redis' clock without one of its own, across processes, under keys that hold no address and expire.", async () => {
    const other = await connectRedis(server.url, log);
    try {
      const [here, there] = [createRedisLimiter(redis, fallback, log), createRedisLimiter(other, fallback, log)];
      const key = `login:${freshKey()}:ann@example.com`;
      expect(await verdicts(here, key, 2)).toEqual([true, true]);
      expect(await verdicts(there, key, 2)).toEqual([true, false]);
      const { retryAfterSeconds } = await there.take(key, rate);
      expect(retryAfterSeconds).toBeGreaterThan(55);
      expect(retryAfterSeconds).toBeLessThanOrEqual(60);
      const kept = await redis.keys('latchkey:limit:*');
      expect(kept.length).toBeGreaterThan(0);
      expect(kept.join()).not.toContain('ann@');
      for (const name of kept) expect(await redis.pttl(name)).toBeGreaterThan(0);
    } finally {
      other.disconnect();
    }
  });

  it.skipIf(!redisKillable)(
    'goes on in its own memory from where it was when Redis is killed, quickly, and returns to Redis.',
    async () => {
      const limiter = createRedisLimiter(redis, createMemoryLimiter(systemClock), log);
      const key = freshKey();
      expect(await verdicts(limiter, key, 2)).toEqual([true, true]);
      await server.kill();
      const asked = performance.now();
      expect(await verdicts(limiter, key, 2)).toEqual([true, false]);
      expect(performance.now() - asked).toBeLessThan(500);
      await server.restart();
      await vi.waitFor(
        async () => {
          await limiter.take(freshKey(), rate);
          expect(await redis.keys('latchkey:limit:*')).not.toEqual([]);
        },
        { timeout: 10_000, interval: 100 },
      );
      // The new Redis knows nothing of the key: allowed again, which shows that it is Redis that is asked.
      expect(await verdicts(limiter, key, 4)).toEqual([true, true, true, false]);
    },
  );
});
