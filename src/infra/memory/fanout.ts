import { EventEmitter } from 'node:events';
import { PubSub } from 'graphql-subscriptions';
import type { Fanout, Log } from '../ports.ts';

/** `heard`, whose faults are logged: one listener's must not keep the message from the next. */
export const guarded =
  (heard: (payload: unknown) => void, log: Log | undefined) =>
  (payload: unknown): void => {
    try {
      heard(payload);
    } catch (error) {
      log?.error({ error }, 'a listener of the fan-out failed');
    }
  };

/** Fan-out within this process. As over Redis, a payload arrives as its JSON says, a copy for each listener, and after `publish` has returned. */
export const createMemoryFanout = (log?: Log): Fanout => {
  const eventEmitter = new EventEmitter();
  // Node warns at eleven listeners of one topic, which is an ordinary number of subscribers.
  eventEmitter.setMaxListeners(0);
  const pubsub = new PubSub({ eventEmitter });

  return {
    publish(topic, payload) {
      const json = JSON.stringify(payload ?? null);
      setImmediate(() => void pubsub.publish(topic, json));
    },
    async subscribe(topic, heard) {
      const hear = guarded((json) => heard(JSON.parse(json as string)), log);
      const id = await pubsub.subscribe(topic, hear);
      let ended = false;
      return () => {
        if (ended) return;
        ended = true;
        pubsub.unsubscribe(id);
      };
    },
    async close() {
      eventEmitter.removeAllListeners();
    },
  };
};
