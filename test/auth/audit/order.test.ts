/** Readers of the log follow the order of commits: never past a transaction that is still open, never twice. */
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startScratch } from '../../../scripts/scratch.ts';
import { findPosition, readAfter, readEnd } from '../../../src/auth/audit/store.ts';
import type { SignedInCaller } from '../../../src/auth/caller.ts';
import type { Sql } from '../../../src/infra/ports.ts';
import { callerOf } from '../../kit/caller.ts';
import { committed, factsAbout, readAll, write } from '../../kit/following.ts';
import { openWorld, type SignedInPerson } from '../../kit/world.ts';

type Opened = Awaited<ReturnType<typeof openWorld>>;
let world: Opened;
let second: Opened;
let person: SignedInPerson;
let caller: SignedInCaller;
// A server of its own: a transaction that is held open holds back the readers of every database on the server.
let server: Awaited<ReturnType<typeof startScratch>>;
beforeAll(async () => {
  server = await startScratch();
  world = await openWorld({}, { databaseUrl: server.url });
  second = await openWorld({}, { databaseUrl: world.databaseUrl, keyFile: world.keyFile });
});
afterAll(async () => {
  await second?.close();
  await world?.close();
  await server?.stop();
});
const opened: pg.Client[] = [];
beforeEach(async () => {
  person = await world.signedIn();
  caller = await callerOf(world, person.accessToken);
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((client) => client.end()));
});

/** A transaction by hand that has its number from the start. */
const begin = async (): Promise<{ sql: Sql; commit(): Promise<void>; rollback(): Promise<void> }> => {
  const client = new pg.Client({ connectionString: world.databaseUrl });
  opened.push(client);
  await client.connect();
  await client.query('BEGIN');
  await client.query('SELECT pg_current_xact_id()');
  return {
    sql: {
      run: async <R>({ text }: { text: string }, values: readonly unknown[] = []) => (await client.query(text, [...values])).rows as R[],
    },
    commit: async () => void (await client.query('COMMIT')),
    rollback: async () => void (await client.query('ROLLBACK')),
  };
};
const follow = async (after?: string, house = world) => readAll(await house.house.auth.audit.follow(caller, { after: after ?? null }));
const one = (): ReturnType<typeof factsAbout> => factsAbout(world, person.id, 1);

describe('a transaction that began early and commits late', () => {
  it('is not skipped by a reader, who waits for it and then has all in commit order, once', async () => {
    const reader = await follow();
    const late = await begin();
    const [early] = [one()];
    await write(world, early, late.sql);
    const [second, third] = [one(), one()];
    await write(world, second);
    await write(world, third);
    await pause(600);
    expect(reader.ids).toEqual([]);
    await late.commit();
    await reader.until(3);
    expect(reader.ids).toEqual([early, second, third].flat().map((fact) => fact.id));
    await pause(400);
    expect(reader.ids).toEqual(await committed(world, person.id).then((ids) => ids.slice(-3)));
    await reader.stop();
  });

  it('is found by whoever resumes after a fact that was committed before it', async () => {
    const anchor = one();
    await write(world, anchor);
    const late = await begin();
    const early = one();
    await write(world, early, late.sql);
    const meanwhile = one();
    await write(world, meanwhile);
    const waiting = await follow(anchor[0]!.id);
    await pause(400);
    expect(waiting.ids).toEqual([]);
    await late.commit();
    await waiting.until(2);
    const resumed = await follow(anchor[0]!.id);
    await resumed.until(2);
    for (const reader of [waiting, resumed]) {
      expect(reader.ids).toEqual([early[0]!.id, meanwhile[0]!.id]);
      await reader.stop();
    }
  });

  it('that is rolled back leaves no gap and no trace', async () => {
    const reader = await follow();
    const late = await begin();
    await write(world, one(), late.sql);
    const after = one();
    await write(world, after);
    await late.rollback();
    await reader.until(1);
    await pause(300);
    expect(reader.ids).toEqual([after[0]!.id]);
    await reader.stop();
  });

  it('is never before the end that a new reader starts from', async () => {
    const late = await begin();
    const early = one();
    await write(world, early, late.sql);
    const end = await readEnd(world.house.infra.database);
    await write(world, one());
    await late.commit();
    const ids = (await readAfter(world.house.infra.database, end, 100)).map((fact) => fact.id);
    expect(ids).toContain(early[0]!.id);
  });
});

describe('the order', () => {
  it('is that of the numbers, not of their digits, where they grow by one', async () => {
    const anchor = one();
    await write(world, anchor);
    const [{ tx }] = (await world.sql<{ tx: string }>('SELECT pg_current_xact_id()::text AS tx')) as [{ tx: string }];
    const burn = 10 ** tx.length - 10 - Number(tx);
    // Each subtransaction that writes takes a number.
    await world.sql(`DO $$ BEGIN CREATE TEMP TABLE burnt (n int) ON COMMIT DROP; FOR n IN 1..${Math.max(burn, 1)} LOOP
      BEGIN INSERT INTO burnt VALUES (n); EXCEPTION WHEN division_by_zero THEN END; END LOOP; END $$`);
    await world.sql('ALTER SEQUENCE audit_events_seq RESTART WITH 99990');
    const facts = Array.from({ length: 15 }, () => factsAbout(world, person.id, 3));
    for (const three of facts) await write(world, three);
    const numbers = await world.sql<{ tx: string }>('SELECT tx::text FROM audit_events WHERE subject_id = $1', [person.id]);
    expect(new Set(numbers.map((row) => row.tx.length)).size).toBe(2);
    const reader = await follow(anchor[0]!.id);
    await reader.until(45);
    expect(reader.ids).toEqual(facts.flat().map((fact) => fact.id));
    const pages: string[] = [];
    const { database } = world.house.infra;
    for (let at = await findPosition(database, anchor[0]!.id); at; ) {
      const page = await readAfter(database, at, 2);
      pages.push(...page.map((fact) => fact.id));
      at = page.at(-1) ?? null;
    }
    expect(pages).toEqual(reader.ids);
    await reader.stop();
  });
});

describe('many writers at once', () => {
  it('are read by everybody in the same order, each fact once, also by readers who leave and come back', async () => {
    const anchor = one();
    await write(world, anchor);
    const [steady, elsewhere] = [await follow(anchor[0]!.id), await follow(anchor[0]!.id, second)];
    const total = 120;
    let writing = true;
    const writers = Promise.all(
      Array.from({ length: 8 }, async (_, n) => {
        for (let round = 0; round < total / 8; round += 1) {
          // Some hold their transaction open for a while after they have written, some roll it back first.
          const { database } = world.house.infra;
          const facts = one();
          if (n % 3 === 0)
            await database.transaction(async (sql) => write(world, one(), sql).then(() => Promise.reject(new Error('no')))).catch(() => {});
          await database.transaction(async (sql) => {
            await write(world, facts, sql);
            await pause((n * 7 + round * 3) % 25);
          });
        }
      }),
    ).then(() => {
      writing = false;
    });
    const restless: string[] = [];
    for (let stay = 0; writing || restless.length < total; stay += 1) {
      const reader = await follow(restless.at(-1) ?? anchor[0]!.id, stay % 2 ? second : world);
      await reader.until(1 + (stay % 7), 2000).catch(() => {});
      await reader.stop();
      restless.push(...reader.ids);
      if (stay > 400) break;
    }
    await writers;
    const all = (await committed(world, person.id)).slice(-total);
    await Promise.all([steady.until(total), elsewhere.until(total)]);
    expect(steady.ids).toEqual(all);
    expect(elsewhere.ids).toEqual(all);
    expect(restless).toEqual(all);
    await Promise.all([steady.stop(), elsewhere.stop()]);
  });
});
