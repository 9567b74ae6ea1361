/**
 * The back door's watch on the log: looks when somebody says that it has grown (this process or, by the fan-out, another), and by
 * itself four times a second, so that a lost word costs a quarter of a second and nothing else.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { logTopic } from '../auth/audit/record.ts';
import type { Auth } from '../auth/index.ts';
import type { Fanout, Log } from '../infra/ports.ts';

const periodMs = 250;
/** Words that come within this time of a look are answered by one more look. */
const restMs = 5;

type Needs = {
  housekeeping: Auth['housekeeping'];
  sessions: Pick<Auth['sessions'], 'tendWatched' | 'flushSeen'>;
  fanout: Fanout;
  log: Log;
};

export const openTail = async ({ housekeeping, sessions, fanout, log }: Needs) => {
  let stopped = false;
  let grown = false;
  let wake = () => {};
  const unsubscribe = await fanout.subscribe(logTopic, () => {
    grown = true;
    wake();
  });

  let failing = false;
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
      failing = false;
    } catch (error) {
      if (!failing) log.warn({ err: error, what }, 'the log could not be read: trying again');
      failing = true;
    }
  };

  const watchFeed = async (): Promise<void> => {
    while (!stopped) {
      grown = false;
      await attempt('feed', housekeeping.pumpFeed);
      if (grown) await pause(restMs);
      else
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, periodMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
    }
  };
  const watchNews = async (): Promise<void> => {
    for (let round = 0; !stopped; round++) {
      await attempt('news', housekeeping.hearNews);
      if (round % 2 === 0) await attempt('watched sessions', sessions.tendWatched);
      if (round % 4 === 0) await sessions.flushSeen();
      if (round % 240 === 0) housekeeping.forgetEnded();
      await pause(periodMs);
    }
  };
  const running = Promise.all([watchFeed(), watchNews()]);

  return {
    stop: async (): Promise<void> => {
      stopped = true;
      unsubscribe();
      wake();
      await running;
      await sessions.flushSeen();
    },
  };
};
