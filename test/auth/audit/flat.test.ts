/** A page of the log costs the same at a hundred thousand facts as at a thousand, counted in blocks that PostgreSQL touches. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listFacts, openFacts } from '../../../src/auth/audit/list.ts';
import { readNews } from '../../../src/auth/audit/news.ts';
import { findPosition, readAfter } from '../../../src/auth/audit/store.ts';
import type { FactFilter } from '../../../src/auth/audit/visible.ts';
import type { SignedInCaller } from '../../../src/auth/caller.ts';
import type { PageArgs } from '../../../src/auth/paging.ts';
import type { Sql, Statement } from '../../../src/infra/ports.ts';
import { stranger } from '../../kit/caller.ts';
import { movableClock } from '../../kit/clock.ts';
import { freshDatabase, type TestDatabase } from '../../kit/database.ts';
import { inBatches } from '../../kit/plans.ts';

const people = 50;
const personId = (n: number): string => `018f0000-0000-7000-8000-${String(n).padStart(12, '0')}`;
const identity = { userId: personId(7) } as SignedInCaller['identity'];
const user: SignedInCaller = { ...stranger(), identity };
const admin: SignedInCaller = { ...user, permissions: new Set(['audit.read']) };

let fresh: TestDatabase;
let client: pg.Client;
let total = 0;
beforeAll(async () => {
  fresh = await freshDatabase();
  client = new pg.Client({ connectionString: fresh.url });
  await client.connect();
  await client.query(`SELECT audit_ensure_partitions(now() - interval '23 months', 26)`);
});
afterAll(async () => {
  await client?.end();
  await fresh?.drop();
});

/**
 * `count` facts more, spread evenly over the last 23 months and over everybody; each of them in a transaction with some others. Of every
 * third somebody else is the actor; one in a thousand is of a rare type.
 */
const grow = async (count: number): Promise<void> => {
  await inBatches(total + 1, total + count, (first, last) =>
    client.query(
      `INSERT INTO audit_events (id, tx, type, occurred_at, outcome, actor_id, subject_id, session_id)
     SELECT (left(uuid_floor(at)::text, 14) || '7' || right(md5(n::text), 3) || '-8' || substr(md5(n::text), 1, 3) || '-' || substr(md5(n::text), 4, 12))::uuid,
       ((n / 10) + 3)::text::xid8, CASE WHEN n % 1000 = 7 THEN 'user.locked' ELSE (ARRAY['user.login', 'session.created', 'session.refreshed', 'user.login_failed'])[n % 4 + 1] END, at,
       (ARRAY['SUCCESS', 'FAILURE'])[(n % 4 = 3)::int + 1]::audit_outcome,
       CASE WHEN n % 3 = 0 THEN other ELSE person END, person, person
     FROM (SELECT n, now() - (random() * 23 * 30) * interval '1 day' AS at,
         ('018f0000-0000-7000-8000-' || lpad((n % ${people})::text, 12, '0'))::uuid AS person,
         ('018f0000-0000-7000-8000-' || lpad(((n * 7 + 3) % ${people})::text, 12, '0'))::uuid AS other
       FROM generate_series($1::int, $2::int) AS n) AS facts`,
      [first, last],
    ),
  );
  total += count;
  await client.query('VACUUM ANALYZE audit_events');
};

type Plan = { 'Shared Hit Blocks': number; 'Shared Read Blocks': number };
const literal = (value: unknown): string => {
  if (value instanceof Date) return pg.escapeLiteral(value.toISOString());
  if (Array.isArray(value)) return pg.escapeLiteral(`{${value.join(',')}}`);
  return pg.escapeLiteral(String(value));
};
let names = 0;
/** Blocks that the statements of `work` touch, as they are planned for these values and, where they are kept prepared, for any (a generic plan). */
const blocks = async (work: (sql: Sql) => Promise<unknown>): Promise<number> => {
  let most = 0;
  const measure = async ({ name: kept, text }: Statement, values: readonly unknown[]) => {
    const name = `p${++names}`;
    await client.query(`PREPARE ${name} AS ${text}`);
    for (const mode of kept ? ['force_custom_plan', 'force_generic_plan'] : ['force_custom_plan']) {
      await client.query(`SET plan_cache_mode = ${mode}`);
      const given = values.length > 0 ? `(${values.map(literal).join(', ')})` : '';
      const { rows } = await client.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE ${name}${given}`);
      const plan = rows[0]['QUERY PLAN'][0].Plan as Plan;
      most = Math.max(most, plan['Shared Hit Blocks'] + plan['Shared Read Blocks']);
    }
    await client.query('RESET plan_cache_mode');
  };
  await work({
    run: async <R>(statement: Statement, values: readonly unknown[] = []) => {
      await measure(statement, values);
      return (await client.query(statement.text, [...values])).rows as R[];
    },
  });
  return most;
};
const page = (caller: SignedInCaller, args: PageArgs & { filter?: FactFilter }) => (sql: Sql) =>
  listFacts({ facts: openFacts({ database: sql as never, clock: { now: () => new Date() } }), mayIn: async () => false })(caller, args);
const middle = async (where: string): Promise<string> => {
  const { rows } = await client.query(
    `SELECT id FROM audit_events WHERE ${where} ORDER BY id OFFSET (SELECT count(*) / 2 FROM audit_events WHERE ${where}) LIMIT 1`,
  );
  return rows[0].id;
};

const reads: [string, (sql: Sql) => Promise<unknown>][] = [
  ['an administrator’s first page', page(admin, { first: 25 })],
  ['an administrator’s last page', page(admin, { last: 25 })],
  ['an administrator’s page in the middle', async (sql) => page(admin, { first: 100, after: await middle('true') })(sql)],
  ['an administrator’s page in the middle, backward', async (sql) => page(admin, { last: 100, before: await middle('true') })(sql)],
  ['a user’s first page', page(user, { first: 25 })],
  ['a user’s last page', page(user, { last: 25 })],
  ['a user’s page in the middle', async (sql) => page(user, { first: 100, after: await middle(`actor_id = '${identity.userId}'`) })(sql)],
  ['an administrator’s page of what one person did', page(admin, { first: 25, filter: { actorId: identity.userId } })],
  ['an administrator’s page of what befell one person', page(admin, { first: 25, filter: { subjectId: identity.userId } })],
  ['an administrator’s page of a rare type', page(admin, { first: 25, filter: { types: ['user.locked'] } })],
  ['an administrator’s page of an hour', page(admin, { first: 25, filter: { from: new Date(Date.now() - 3_600_000) } })],
  ['the place of an event', async (sql) => findPosition(sql, await middle('true'))],
  [
    'what a reader reads on from the middle',
    async (sql) =>
      readAfter(
        sql,
        (await findPosition({ run: async (s, v) => (await client.query(s.text, [...(v ?? [])])).rows }, await middle('true')))!,
        200,
      ),
  ],
  ['what a reader reads at the end', (sql) => readAfter(sql, { tx: String(Math.floor(total / 10) + 3), seq: '0' }, 500)],
  ['a look for news', (sql) => readNews({ database: sql as never, clock: movableClock() })()],
];

describe('the blocks touched by', () => {
  const small = new Map<string, number>();
  beforeAll(async () => {
    await grow(1000);
    for (const [title, read] of reads) small.set(title, await blocks(read));
    await grow(119_000);
  }, 60_000);

  it.each(reads)('%s stay few', async (title, read) => {
    const large = await blocks(read);
    // Every month's partition may be asked where an index begins: three blocks each; and each row may be on a block of its own.
    expect(large, `${small.get(title)} at 1,000`).toBeLessThan(900);
    expect(large).toBeLessThan(4 * small.get(title)! + 300);
  });

  it('a read of the whole log are many: the measure measures', async () => {
    const whole = await blocks((sql) => sql.run({ name: '', text: 'SELECT count(data) FROM audit_events' }));
    expect(whole).toBeGreaterThan(1500);
  });
});
