import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisPubSub } from 'graphql-redis-subscriptions';
import type { Redis } from 'ioredis';
import { guarded } from '../memory/fanout.ts';
import type { Fanout, Log } from '../ports.ts';
import { failFast, openRedis } from './connect.ts';

const prefix = 'latchkey:fanout:';
const patienceMs = 1_000;
const pulseMs = 500;
const silenceMs = 2_000;

/**
 * What RedisPubSub may do with the subscribing connection. It leaves the promises of `unsubscribe` and of a failed `subscribe`
 * unhandled, which would end the process, so neither rejects here: a topic Redis does not give us is logged.
 */
const tame = (redis: Redis, log: Log) => ({
  on: redis.on.bind(redis),
  subscribe: (topic: string, done: (error: null) => void) => {
    redis
      .subscribe(topic)
      .catch((error: unknown) => log.warn({ error }, 'Redis refused a subscription'))
      .then(() => done(null));
  },
  unsubscribe: (topic: string) => void redis.unsubscribe(topic).catch(() => {}),
  punsubscribe: () => {},
});

/**
 * Fan-out by Redis Pub/Sub. While Redis is away, publishing is lost and a subscription resolves after a second at most, to be heard
 * once Redis is back. `healthy` says whether messages pass just now, known by a pulse that this process sends to itself, since a
 * connection to a Redis that hangs looks open: whoever needs every fact reads the log meanwhile.
 */
export const createRedisFanout = (url: string, log: Log): Fanout & { healthy(): boolean } => {
  const publisher = openRedis(url, failFast, log);
  // Subscriptions, unlike commands, wait for Redis: each topic at most once, and ioredis renews them after every reconnect.
  const waits = { enableOfflineQueue: true, autoResendUnfulfilledCommands: true, maxRetriesPerRequest: null, keepAlive: 10_000 };
  const { commandTimeout: _, ...patient } = { ...failFast, ...waits };
  const subscriber = openRedis(url, patient, log);
  // Its types are those of ioredis 5; what it calls is the same in 6.
  const pubsub = new RedisPubSub({
    serializer: String,
    deserializer: String,
    publisher: publisher as never,
    subscriber: tame(subscriber, log) as never,
  });

  const publish = (topic: string, payload: unknown) =>
    pubsub
      .publish(prefix + topic, JSON.stringify(payload ?? null))
      .catch((error) => log.debug({ error, topic }, 'a message was not fanned out'));

  let pulseAt = Number.NEGATIVE_INFINITY;
  const ownPulse = `pulse:${randomUUID()}`;
  void pubsub.subscribe(prefix + ownPulse, () => (pulseAt = performance.now())).then(() => publish(ownPulse, 1));
  const pulse = setInterval(() => void publish(ownPulse, 1), pulseMs).unref();

  return {
    healthy: () => subscriber.status === 'ready' && performance.now() - pulseAt < silenceMs,
    publish: (topic, payload) => void publish(topic, payload),
    async subscribe(topic, heard) {
      let ended = false;
      // Parsed for each listener, so that none sees what another did to its copy.
      const hear = guarded((json) => ended || heard(JSON.parse(json as string)), log);
      const subscribed = pubsub.subscribe(prefix + topic, hear);
      await Promise.race([subscribed, sleep(patienceMs, undefined, { ref: false })]);
      return () => {
        if (ended) return;
        ended = true;
        void subscribed.then((id) => pubsub.unsubscribe(id));
      };
    },
    async close() {
      clearInterval(pulse);
      publisher.disconnect();
      subscriber.disconnect();
    },
  };
};
