/**
 * The job queue: graphile-worker on connections of its own. A job is delivered at least once.
 * What it does not do by itself is done here: a pool of workers that gave up is started again, and the jobs of a process
 * that was killed are taken over after two to three minutes (by itself it waits for four hours).
 */
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger, parseCronItems, type Runner, run, runMigrations, type WorkerEvents } from 'graphile-worker';
import pg from 'pg';
import type { Log } from '../ports.ts';

/** A throw is tried again after e^n seconds (n: the attempt), until the job's `max_attempts`. */
export type Task = (payload: unknown) => Promise<void>;
/** `cron` is in UTC. With `catchUp` a run that fell into the last day while nothing was running is made up for, once. */
export type Schedule = { task: string; cron: string; catchUp?: boolean };
export type Queue = {
  /** Takes no more jobs and waits for those at work, at most ten seconds; what is not done then is tried again later. */
  stop(): Promise<void>;
};

const schema = 'graphile_worker';
const lockName = 'latchkey.queue';
const dayMs = 86_400_000;
const stopMs = 10_000;

const openPool = (url: string, max: number, log: Log): pg.Pool => {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: 5_000,
    query_timeout: 15_000,
    keepAlive: true,
    application_name: 'latchkey-queue',
  });
  // Without listeners a lost connection, idle or at work, would end the process.
  const lost = (error: Error) => log.warn({ error }, 'the job queue lost a database connection');
  pool.on('error', lost);
  pool.on('connect', (client) => client.on('error', lost));
  return pool;
};

// Its messages can hold what a task threw and its meta holds payloads: the first goes to debug by its first line, the second nowhere.
const loggerOver = (log: Log): Logger =>
  new Logger((scope) => (level, message) => {
    const line = message.split('\n', 1)[0] ?? '';
    const quiet = level === 'debug' || level === 'info' || line.startsWith('Failed task');
    log[quiet ? 'debug' : 'warn']({ task: scope.taskIdentifier, job: scope.jobId, said: line }, 'job queue');
  });

/** Makes or updates the queue's tables. Processes that start at once wait for each other. */
export const migrateQueue = async (url: string, log: Log): Promise<void> => {
  const pool = openPool(url, 2, log);
  try {
    const guard = new pg.Client({ connectionString: url, application_name: 'latchkey-queue' });
    guard.on('error', (error) => log.warn({ error }, 'the job queue lost a database connection'));
    await guard.connect();
    try {
      await guard.query('SELECT pg_advisory_lock(hashtext($1), 0)', [lockName]);
      await runMigrations({ pgPool: pool, schema, logger: loggerOver(log) });
    } finally {
      // Ending the session gives the lock back.
      await guard.end();
    }
  } finally {
    await pool.end();
  }
};

/** Failures are logged here once, by our own rules; the row's `last_error` gets no more than the kind of error. */
const guarded = (name: string, task: Task, log: Log) => {
  return async (payload: unknown, { job }: { job: { id: string; attempts: number; max_attempts: number } }): Promise<void> => {
    try {
      await task(payload);
    } catch (error) {
      const last = job.attempts >= job.max_attempts;
      const told = { error, task: name, job: job.id, attempt: job.attempts, attempts: job.max_attempts };
      log[last ? 'error' : 'warn'](told, last ? 'a job failed for the last time' : 'a job failed and will be tried again');
      const { name: kind, code } = (error ?? {}) as { name?: string; code?: string };
      throw new Error([kind ?? 'Error', code].filter(Boolean).join(' '));
    }
  };
};

/**
 * A lease on jobs at work: their workers say every quarter of it that they are alive, and what nobody has spoken for is given to others.
 * A process cut off from PostgreSQL for the whole of it counts as gone, and its jobs may then run twice.
 */
const tidy = async (pool: pg.Pool, poolId: string | undefined, leaseMs: number, log: Log): Promise<void> => {
  await pool.query(`UPDATE ${schema}._private_jobs SET locked_at = now() WHERE locked_by = $1`, [poolId]);
  const { rows } = await pool.query<{ locked_by: string }>(
    `SELECT DISTINCT locked_by FROM ${schema}.jobs WHERE locked_at < now() - make_interval(secs => $1)`,
    [leaseMs / 1000],
  );
  const gone = rows.map((row) => row.locked_by);
  if (gone.length > 0) {
    await pool.query(`SELECT ${schema}.force_unlock_workers($1)`, [gone]);
    log.warn({ pools: gone }, 'jobs of a process that is gone were taken over');
  }
  // Kept for a week for whoever looks into it.
  await pool.query(
    `SELECT ${schema}.complete_jobs(array(SELECT id FROM ${schema}.jobs
       WHERE attempts >= max_attempts AND locked_at IS NULL AND updated_at < now() - interval '7 days' LIMIT 1000))`,
  );
};

/**
 * Starts working on the jobs of `tasks`, two at a time, and on the schedule of `crontab`; of several processes exactly one runs each.
 * `leaseMs` (two minutes) is how long nothing is heard of a process until its jobs are given to others. Throws where PostgreSQL is away.
 */
export const openQueue = async (needs: {
  url: string;
  tasks: Record<string, Task>;
  crontab?: readonly Schedule[];
  log: Log;
  leaseMs?: number;
}): Promise<Queue> => {
  const { url, log, leaseMs = 120_000 } = needs;
  const pool = openPool(url, 3, log);
  const ending = new AbortController();
  const taskList = Object.fromEntries(Object.entries(needs.tasks).map(([name, task]) => [name, guarded(name, task, log)]));
  // One run of a task at a time, and never more than one waiting.
  const items = (needs.crontab ?? []).map(({ task, cron, catchUp }) => ({
    task,
    match: cron,
    options: { backfillPeriod: catchUp ? dayMs : 0, maxAttempts: 3, queueName: task, jobKey: task },
  }));

  let poolId: string | undefined;
  const start = (): Promise<Runner> => {
    const events: WorkerEvents = new EventEmitter();
    events.on('pool:create', ({ workerPool }) => {
      poolId = workerPool.id;
    });
    return run({
      pgPool: pool,
      schema,
      events,
      taskList,
      parsedCronItems: parseCronItems(items),
      concurrency: 2,
      pollInterval: 1_000,
      noHandleSignals: true,
      logger: loggerOver(log),
      // Without batching, a job that cannot be marked as done for want of a connection is an unhandled rejection (graphile-worker 0.17.3, worker.js).
      preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
    });
  };

  let runner: Runner;
  try {
    runner = await start();
  } catch (error) {
    await pool.end();
    throw error;
  }
  const keepRunning = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      await runner.promise.catch((error) => log.warn({ error }, 'the job queue failed'));
      for (let wait = 500, started = false; !started && !ending.signal.aborted; wait = Math.min(wait * 2, 10_000)) {
        log.warn({ afterMs: wait }, 'the job queue stopped by itself: starting it again');
        await sleep(wait, undefined, { signal: ending.signal }).catch(() => {});
        if (ending.signal.aborted) return;
        try {
          runner = await start();
          started = true;
        } catch (error) {
          log.warn({ error }, 'the job queue does not start yet');
        }
      }
    }
    // `stop` may have come while `start` was under way.
    await runner.stop().catch(() => {});
  };
  const kept = keepRunning();
  const tidyUp = () => tidy(pool, poolId, leaseMs, log).catch((error) => log.warn({ error }, 'the job queue could not be tidied up'));
  const tidying = setInterval(tidyUp, leaseMs / 4).unref();
  void tidyUp();

  return {
    stop: async () => {
      clearInterval(tidying);
      ending.abort();
      const atMost = (ms: number, work: Promise<unknown>) =>
        Promise.race([
          work.then(
            () => true,
            () => true,
          ),
          sleep(ms, false, { ref: false }),
        ]);
      if (!(await atMost(stopMs, Promise.all([runner.stop().catch(() => {}), kept])))) {
        log.warn({}, 'jobs were still at work when the job queue had to stop: they are tried again');
        await atMost(stopMs, runner.kill());
      }
      await atMost(2_000, pool.end());
    },
  };
};
