import { Redis, type RedisOptions } from 'ioredis';
import type { Log } from '../ports.ts';

const firstAnswerMs = 2_000;

/** Commands fail at once while Redis is away and within a second when it hangs; the connection is tried again for ever. */
export const failFast: RedisOptions = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  commandTimeout: 1_000,
  connectTimeout: 2_000,
  retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 6), 2_000) + Math.random() * 100,
  // After a failover the old primary answers READONLY: reconnecting finds the new one.
  reconnectOnError: (error) => error.message.startsWith('READONLY'),
};

/** Opens one connection whose errors are logged, once for each time Redis goes away, and never end the process. */
export const openRedis = (url: string, options: RedisOptions, log: Log): Redis => {
  const redis = new Redis(url, options);
  let away = false;
  redis.on('error', (error: Error) => {
    if (!away) log.warn({ error }, 'Redis is away');
    away = true;
  });
  redis.on('ready', () => {
    if (away) log.info({}, 'Redis is back');
    away = false;
  });
  return redis;
};

/** Settles when Redis is ready or after two seconds, whichever comes first: a start does not fail for want of Redis. */
const firstAnswer = (redis: Redis): Promise<void> =>
  new Promise((resolve) => {
    if (redis.status === 'ready') return resolve();
    const done = () => {
      clearTimeout(timer);
      redis.off('ready', done);
      resolve();
    };
    const timer = setTimeout(done, firstAnswerMs);
    redis.once('ready', done);
  });

/**
 * A connection for commands, which survives Redis going away and coming back: see `failFast`. `url` is redis:// or rediss:// (TLS).
 * Resolves when it is ready, or after two seconds without an answer. End it with `disconnect()`.
 */
export const connectRedis = async (url: string, log: Log): Promise<Redis> => {
  const redis = openRedis(url, failFast, log);
  await firstAnswer(redis);
  return redis;
};
