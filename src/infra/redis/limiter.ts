import { createHash, randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Clock, Limiter, Log, Rate, Taken } from '../ports.ts';

/**
 * A sliding window as a sorted set, one member for each place taken, scored by its time in milliseconds. One script, so it is atomic;
 * Redis' own clock unless a time is given, so replicas whose clocks differ agree. Answers 0, or the milliseconds until a place is free.
 */
const take = `
local time = redis.call('TIME')
local now = tonumber(ARGV[4]) or (time[1] * 1000 + math.floor(time[2] / 1000))
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - window))
local taken = redis.call('ZCARD', KEYS[1])
if taken < limit then
  redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[3])
  redis.call('PEXPIRE', KEYS[1], window)
  return 0
end
local freed = redis.call('ZRANGE', KEYS[1], taken - limit, taken - limit, 'WITHSCORES')
return math.max(1, freed[2] + window - now)`;

type Scripted = Redis & {
  latchkeyTake(key: string, limit: number, windowMs: number, member: string, now: number | ''): Promise<number>;
};

const pauseMs = 1_000;

/** Redis' key: of one length whatever stands in `key`, and without the addresses that do. */
const keyOf = (key: string): string => `latchkey:limit:${createHash('sha256').update(key).digest('base64url')}`;

/**
 * Limits across processes. While Redis is away, or hangs, `fallback` counts in this process alone (limits are then per replica, an
 * accepted risk); it is told of every place taken, so it does not begin from nothing, and Redis is tried again after a second.
 * Time is Redis' own, or `clock`'s where one is given.
 */
export const createRedisLimiter = (redis: Redis, fallback: Limiter, log: Log, clock?: Clock): Limiter => {
  redis.defineCommand('latchkeyTake', { numberOfKeys: 1, lua: take });
  const scripted = redis as Scripted;
  let away = false;
  let tryAgainAt = 0;

  /** What `command` answers, or null where Redis does not. */
  const ask = async <T>(command: () => Promise<T>): Promise<T | null> => {
    if (performance.now() < tryAgainAt) return null;
    // One probe at a time: the others need not wait to learn that Redis still hangs.
    if (away) tryAgainAt = performance.now() + pauseMs;
    try {
      const answer = await command();
      if (away) log.info({}, 'limits are counted in Redis again');
      away = false;
      tryAgainAt = 0;
      return answer;
    } catch (error) {
      if (!away) log.warn({ error }, 'limits are counted in this process alone');
      away = true;
      tryAgainAt = performance.now() + pauseMs;
      return null;
    }
  };

  return {
    async take(key: string, rate: Rate): Promise<Taken> {
      if (!rate) return { allowed: true, retryAfterSeconds: 0 };
      const member = randomBytes(9).toString('base64url');
      const now = clock ? clock.now().getTime() : '';
      const waitMs = await ask(() => scripted.latchkeyTake(keyOf(key), rate.limit, rate.seconds * 1000, member, now));
      if (waitMs === null) return fallback.take(key, rate);
      if (waitMs > 0) return { allowed: false, retryAfterSeconds: Math.ceil(waitMs / 1000) };
      await fallback.take(key, rate);
      return { allowed: true, retryAfterSeconds: 0 };
    },
    async giveBack(key: string): Promise<void> {
      await fallback.giveBack(key);
      await ask(() => redis.zpopmax(keyOf(key)));
    },
  };
};
