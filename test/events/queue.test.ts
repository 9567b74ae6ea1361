import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openJobs, type Sweep } from '../../src/events/queue.ts';
import { createLog } from '../../src/infra/log.ts';
import { migrateQueue, openQueue, type Queue, type Task } from '../../src/infra/postgres/queue.ts';
import { emptyDatabase, type TestDatabase } from '../kit/database.ts';

let database: TestDatabase;
let admin: pg.Client;
let name: string;
const queues: Queue[] = [];
const logged: string[] = [];
const log = createLog({ LOG_LEVEL: 'debug' }, { write: (line: string) => void logged.push(line) });

const start = async (tasks: Record<string, Task>, leaseMs?: number): Promise<Queue> => {
  const queue = await openQueue({ url: database.url, tasks, log, leaseMs });
  queues.push(queue);
  return queue;
};
const startJobs = async (sweeps: Record<string, Sweep>): Promise<void> => {
  const config = { PUBLIC_URL: undefined, HOST: '::1', PORT: 4000 };
  const no = () => Promise.reject(new Error('none'));
  const none = { post: { open: no, openText: no }, mailer: { send: no }, texter: null, writeExport: no };
  queues.push(await openJobs({ databaseUrl: database.url, ...none, log, config, sweeps }));
};
/** Statements in the database itself; `admin` stays on another one, so that it can shut this one off. */
const inside = async (sql: string, values: unknown[] = []) => {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    return (await client.query(sql, values)).rows;
  } finally {
    await client.end();
  }
};
const add = (task: string, payload: object = {}) =>
  inside('SELECT graphile_worker.add_job($1::text, payload := $2::json)', [task, payload]);
const until = async (what: string, holds: () => boolean | Promise<boolean>, seconds = 20): Promise<void> => {
  for (const end = Date.now() + seconds * 1000; !(await holds()); await sleep(20))
    if (Date.now() > end) throw new Error(`it never came that ${what}:\n${logged.slice(-20).join('')}`);
};
const cut = () => admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
const open = (yes: boolean) => admin.query(`ALTER DATABASE "${name}" ALLOW_CONNECTIONS ${yes}`);

beforeAll(async () => {
  database = await emptyDatabase();
  name = decodeURIComponent(new URL(database.url).pathname.slice(1));
  admin = new pg.Client({ connectionString: Object.assign(new URL(database.url), { pathname: '/postgres' }).href });
  await admin.connect();
  // Twice over and three at once: on an empty database, then on a migrated one.
  for (const _ of [1, 2]) await Promise.all([1, 2, 3].map(() => migrateQueue(database.url, log)));
}, 60_000);
beforeEach(() => {
  logged.length = 0;
});
afterEach(async () => {
  await open(true);
  await Promise.all(queues.splice(0).map((queue) => queue.stop()));
  await inside('DELETE FROM graphile_worker._private_jobs');
}, 30_000);
afterAll(async () => {
  await admin?.end();
  await database?.drop();
});

describe('the job queue', () => {
  it('has its tables once however many processes make them at the same time', async () => {
    const [row] = await inside('SELECT count(*)::int AS made, count(DISTINCT id)::int AS once FROM graphile_worker.migrations');
    expect(row?.['made']).toBeGreaterThan(15);
    expect(row?.['made']).toBe(row?.['once']);
    expect(logged.join()).not.toContain('"level":"error"');
  });

  it('goes on when PostgreSQL ends its connections', async () => {
    const ran: unknown[] = [];
    await start({ note: async (payload) => void ran.push(payload) });
    await add('note', { n: 1 });
    await until('the first job ran', () => ran.length === 1);
    for (const n of [2, 3]) {
      await cut();
      await add('note', { n });
      await until('the next job ran', () => ran.length === n);
    }
    expect(ran).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  it('starts again by itself when PostgreSQL was away while a job ended, and that job is neither lost nor stuck', async () => {
    const ran: unknown[] = [];
    let finish = () => {};
    const held = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await start(
      {
        note: async (payload) => {
          ran.push(payload);
          if (ran.length === 1) await held;
        },
      },
      2_000,
    );
    await add('note', { n: 1 });
    await until('the job is at work', () => ran.length === 1);
    await open(false);
    await cut();
    finish();
    await until('the queue has noticed', () => logged.join().includes('starting it again'));
    await sleep(500);
    await open(true);
    await add('note', { n: 2 });
    await until('the next job ran', () => ran.length === 2, 30);
    await until('the first job ran again', () => ran.length === 3, 30);
    expect(ran).toEqual([{ n: 1 }, { n: 2 }, { n: 1 }]);
  }, 60_000);

  it('takes over the job of a process that was killed, and lets a slow one of a living process be', async () => {
    const ran: string[] = [];
    let finish = () => {};
    const held = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const slow = async () => {
      ran.push('slow');
      await held;
    };
    await start({ slow }, 2_000);
    await add('slow');
    await until('the slow job is at work', () => ran.length === 1);
    await add('orphan');
    await inside(`UPDATE graphile_worker._private_jobs SET locked_by = 'pool-gone', locked_at = now() WHERE locked_by IS NULL`);
    await start({ slow, orphan: async () => void ran.push('orphan') }, 2_000);
    await until('the orphan ran', () => ran.includes('orphan'));
    // Longer than the lease of the slow one.
    await sleep(3_000);
    expect(ran).toEqual(['slow', 'orphan']);
    finish();
    await until('both are done', async () => (await inside('SELECT FROM graphile_worker._private_jobs')).length === 0);
  });

  it('tries a job that throws again later, and keeps of the error no more than its kind', async () => {
    await start({
      fail: async () => {
        throw Object.assign(new TypeError('opening /?token=abcdefgh'), { code: 'EFAIL' });
      },
    });
    await add('fail');
    const jobs = () =>
      inside('SELECT attempts, last_error, run_at > now() AS later FROM graphile_worker._private_jobs WHERE locked_at IS NULL');
    await until('the job was tried', async () => (await jobs())[0]?.['attempts'] === 1);
    expect(await jobs()).toEqual([{ attempts: 1, last_error: 'TypeError EFAIL', later: true }]);
    expect(logged.join()).not.toContain('abcdefgh');
  });

  it('forgets a job that failed for good after a week, not before', async () => {
    await inside(`SELECT graphile_worker.add_job(x, max_attempts := 1) FROM unnest('{old,new}'::text[]) AS x`);
    await inside(`ALTER TABLE graphile_worker._private_jobs DISABLE TRIGGER USER`);
    await inside(
      `UPDATE graphile_worker._private_jobs SET attempts = 1, updated_at = now() - CASE WHEN task_id = (SELECT id FROM graphile_worker._private_tasks WHERE identifier = 'old')
       THEN interval '8 days' ELSE interval '6 days' END`,
    );
    await start({});
    await until('one is left', async () => (await inside('SELECT FROM graphile_worker.jobs')).length === 1);
    await sleep(300);
    expect(await inside('SELECT task_identifier FROM graphile_worker.jobs')).toEqual([{ task_identifier: 'new' }]);
  });

  it('refuses to start where PostgreSQL is away', async () => {
    await open(false);
    await expect(openQueue({ url: database.url, tasks: {}, log })).rejects.toThrow(/not currently accepting connections/);
  });
});

describe('a sweep', () => {
  it('that was missed is made up for by exactly one of two processes', async () => {
    const ran: number[] = [];
    const hour = (new Date().getUTCHours() + 12) % 24;
    const sweeps = (process: number) => ({ daily: { cron: `30 ${hour} * * *`, catchUp: true, run: async () => void ran.push(process) } });
    // As if a process had run here two days ago and none since.
    await inside(
      `INSERT INTO graphile_worker._private_known_crontabs (identifier, known_since) VALUES ('sweep:daily', now() - interval '2 days')`,
    );
    await Promise.all([startJobs(sweeps(1)), startJobs(sweeps(2))]);
    await until('it ran', () => ran.length > 0);
    await sleep(1_500);
    expect(ran).toHaveLength(1);
  });

  it('that throws is logged and over, and its next run goes on', async () => {
    let ran = 0;
    const run = async () => {
      ran += 1;
      if (ran < 3) throw new RangeError('broken');
    };
    await startJobs({ flaky: { cron: '0 0 1 1 *', run } });
    for (const times of [1, 2, 3]) {
      await add('sweep:flaky');
      await until('it ran and left nothing', async () => ran === times && (await inside('SELECT FROM graphile_worker.jobs')).length === 0);
    }
    expect(logged.filter((line) => line.includes('a sweep failed') && line.includes('"sweep":"flaky"'))).toHaveLength(2);
  });

  it('with a time that is none is refused at the start', async () => {
    await expect(startJobs({ wrong: { cron: 'at noon', run: async () => {} } })).rejects.toThrow(/cron pattern/i);
  });
});
