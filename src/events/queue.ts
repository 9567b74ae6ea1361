/** What the house does behind its requests: letters as they are queued, sweeps by the clock. */
import { exportTask } from '../auth/exports/store.ts';
import { letterTask, type Post, textTask } from '../auth/letters/post.ts';
import type { Config } from '../config.ts';
import type { Log, Mailer, Texter } from '../infra/ports.ts';
import { openQueue, type Queue, type Schedule, type Task } from '../infra/postgres/queue.ts';
import { deliverLetter } from './letters.ts';
import { deliverText } from './texts.ts';

/** `cron` is in UTC; `catchUp` makes up for a run missed within the last day (for sweeps that come once a day). */
export type Sweep = { cron: string; catchUp?: boolean; run: () => Promise<void> };

type Site = Pick<Config, 'PUBLIC_URL' | 'HOST' | 'PORT'>;
const hostOf = ({ PUBLIC_URL, HOST, PORT }: Site): string =>
  new URL(PUBLIC_URL ?? `http://${HOST.includes(':') ? `[${HOST}]` : HOST}:${PORT}`).hostname;

/** Starts the queue. Of all processes on the database exactly one runs a sweep when it is due; one that throws is logged and comes again at its next time. */
export const openJobs = (needs: {
  databaseUrl: string;
  post: Pick<Post, 'open' | 'openText'>;
  writeExport(id: string): Promise<void>;
  mailer: Pick<Mailer, 'send'>;
  texter: Texter | null;
  log: Log;
  config: Site;
  sweeps: Record<string, Sweep>;
}): Promise<Queue> => {
  const tasks: Record<string, Task> = {
    [letterTask]: deliverLetter({ ...needs, host: hostOf(needs.config) }),
    [textTask]: deliverText(needs),
    [exportTask]: (payload) => needs.writeExport((payload as { id: string }).id),
  };
  const crontab: Schedule[] = [];
  for (const [name, { cron, catchUp, run }] of Object.entries(needs.sweeps)) {
    const task = `sweep:${name}`;
    // Not the queue's to try again: the next time comes anyway.
    tasks[task] = () =>
      run().catch((error) => needs.log.error({ error, sweep: name }, 'a sweep failed and runs again when it is next due'));
    crontab.push({ task, cron, catchUp });
  }
  return openQueue({ url: needs.databaseUrl, tasks, crontab, log: needs.log });
};
