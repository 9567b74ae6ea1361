/**
 * Committed facts → webhooks. Two loops: one queues what the log has new, one sends what is due. Each looks when somebody says that there is something,
 * and once a second by itself; where there is no endpoint at all, both wait.
 */
import { logTopic } from '../auth/audit/record.ts';
import type { Auth } from '../auth/index.ts';
import { webhookTopic } from '../auth/webhooks/create.ts';
import { ownerOf } from '../auth/webhooks/queue-store.ts';
import type { Fanout, Log } from '../infra/ports.ts';

const periodMs = 1_000;
/** Words that come within this time of a look are answered by one more look. The log grows by the second, and few of its facts are for anybody. */
const restMs = { queueing: 100, sending: 20 } as const;
const countMs = 10_000;
/** At work at once in one process. Of one endpoint few, of one that fails one, of one owner a quarter; all that fail share half, so that they never take the room of the others. */
export const webhookRoom = { most: 64, failing: 32, perEndpoint: 4, perFailing: 1, perOwner: 16 } as const;
/** What runs is waited for so long at the end, and then called off. */
const stopMs = 4_000;

type Needs = { work: Auth['webhooks']['work']; fanout: Fanout; log: Log };

/** A loop that can be woken, and rests between two looks. `look` is told of its faults, which end nothing. */
const openLoop = (what: keyof typeof restMs, look: () => Promise<void>, log: Log) => {
  let stopped = false;
  let called = false;
  let wake = () => {};
  const pause = (ms: number, wakeable: boolean) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      if (!wakeable) return;
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const run = async (): Promise<void> => {
    for (let failing = false; !stopped; ) {
      called = false;
      try {
        await look();
        failing = false;
      } catch (error) {
        if (!failing) log.warn({ err: error, what }, 'webhooks could not be seen to: trying again');
        failing = true;
      }
      if (stopped) return;
      await (called && !failing ? pause(restMs[what], false) : pause(periodMs, true));
    }
  };
  const running = run();
  return {
    call: () => {
      called = true;
      wake();
    },
    stop: (): Promise<void> => {
      stopped = true;
      wake();
      return running;
    },
  };
};

export const openWebhooks = async ({ work, fanout, log }: Needs) => {
  const stopping = new AbortController();
  const running = new Map<string, number>();
  const owners = new Map<string, number>();
  const atWork = new Set<Promise<void>>();
  let failingNow = 0;
  let any = false;
  let counted = Number.NEGATIVE_INFINITY;

  const start = (claim: Awaited<ReturnType<typeof work.claim>>[number]): void => {
    const { endpointId, failing } = claim;
    const count = (change: 1 | -1) => {
      for (const [counts, key] of [
        [running, endpointId],
        [owners, ownerOf(claim)],
      ] as const) {
        const left = (counts.get(key) ?? 0) + change;
        if (left === 0) counts.delete(key);
        else counts.set(key, left);
      }
      if (failing) failingNow += change;
    };
    count(1);
    const one = work
      .deliver(claim, stopping.signal)
      .then(() => {})
      // Its lease ends, and then somebody tries again.
      .catch((error) => log.warn({ err: error, delivery: claim.id }, 'what came of a webhook could not be kept'))
      .finally(() => {
        count(-1);
        atWork.delete(one);
        sending.call();
      });
    atWork.add(one);
  };
  const fill = async (failing: boolean): Promise<void> => {
    const free = webhookRoom.most - atWork.size;
    const room = failing ? Math.min(free, webhookRoom.failing - failingNow) : free;
    const perEndpoint = failing ? webhookRoom.perFailing : webhookRoom.perEndpoint;
    if (room <= 0) return;
    const limits = {
      perEndpoint,
      running: Object.fromEntries(running),
      perOwner: webhookRoom.perOwner,
      owners: Object.fromEntries(owners),
    };
    for (const claim of await work.claim({ failing, room, ...limits })) start(claim);
  };

  const sending = openLoop(
    'sending',
    async () => {
      if (!any) return;
      await fill(false);
      await fill(true);
      if (performance.now() - counted < countMs) return;
      counted = performance.now();
      await work.count();
    },
    log,
  );
  const queueing = openLoop(
    'queueing',
    async () => {
      any = await work.any();
      if (any && (await work.project()) > 0) sending.call();
    },
    log,
  );
  const unsubscribe = await Promise.all([
    fanout.subscribe(logTopic, () => {
      // Where nobody is there to be told, the log may grow as it likes.
      if (any) queueing.call();
    }),
    fanout.subscribe(webhookTopic, () => {
      queueing.call();
      sending.call();
    }),
  ]);

  return {
    /** Lets what runs finish for a while; what is called off then is due again at once. */
    stop: async (): Promise<void> => {
      for (const end of unsubscribe) end();
      await Promise.all([queueing.stop(), sending.stop()]);
      const late = setTimeout(() => stopping.abort(), stopMs);
      await Promise.all(atWork);
      clearTimeout(late);
    },
  };
};
