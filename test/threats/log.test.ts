/** Who can write the database, owns its tables and so is held by no trigger, changes the log: a verification notices, and names the first fact that is not as it was sealed. */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sealKey } from '../../src/auth/audit/seal.ts';
import { sealLog } from '../../src/auth/audit/seal-log.ts';
import { type AuditRange, verifyTrail } from '../../src/auth/audit/verify-trail.ts';
import { houseSecret } from '../../src/auth/tokens/secrets.ts';
import type { Database } from '../../src/infra/ports.ts';
import { factsAbout, settled, write } from '../kit/following.ts';
import { openWorld, type World } from '../kit/world.ts';

let world: World & { databaseUrl: string };
let client: pg.Client;
let ids: string[];
const database = {
  run: async ({ text }: { text: string }, values: unknown[] = []) => (await client.query(text, values)).rows,
} as unknown as Database;
const verify = async (range: AuditRange = {}, seed?: Buffer) => {
  const key = sealKey(seed ?? (await houseSecret(world.house.infra, 'audit_seal')));
  return verifyTrail({ database, clock: world.clock, sealKey: key })(range);
};
const hours = 3_600_000;

beforeAll(async () => {
  world = await openWorld();
  client = new pg.Client({ connectionString: world.databaseUrl });
  await client.connect();
  const { id } = await world.person();
  // Three batches of different days.
  for (let batch = 0; batch < 3; batch += 1) {
    await write(world, factsAbout(world, id, 20));
    await settled(world);
    await world.house.auth.audit.seal();
    world.clock.move((24 * hours) / 1000);
  }
  ids = (await world.sql<{ id: string }>('SELECT id FROM audit_events ORDER BY tx, seq')).map((fact) => fact.id);
});
afterAll(async () => {
  await client?.end();
  await world?.close();
});
beforeEach(() => client.query("BEGIN; SET LOCAL session_replication_role = 'replica'"));
afterEach(() => client.query('ROLLBACK'));

const fact = (at: number) => ids[at] as string;
/** A copy of the fact at `at` under another id, in place `place` of the order. */
const plant = (id: string, at: number, place: string) =>
  client.query(
    `INSERT INTO audit_events SELECT $1, tx, ${place}, type, occurred_at, outcome, actor_id, actor_client, impersonator_id, subject_id, org_id, session_id,
     resource, ip_address, user_agent, request_id, data FROM audit_events WHERE id = $2`,
    [id, fact(at)],
  );
const planted = '01890a5d-ac96-774b-bcce-b302099a8057';

describe('a log that was changed', () => {
  it('is whole as it was sealed', async () => {
    expect(ids).toHaveLength(60);
    expect(await verify()).toMatchObject({ valid: true, events: 60, seals: 3, firstBroken: null });
  });

  it.each([
    ['type', `'user.verified'`],
    ['occurred_at', `occurred_at + interval '1 ms'`],
    ['outcome', `'FAILURE'`],
    ['actor_id', 'gen_random_uuid()'],
    ['actor_client', `'somebody'`],
    ['impersonator_id', 'gen_random_uuid()'],
    ['subject_id', 'NULL'],
    ['org_id', 'gen_random_uuid()'],
    ['session_id', 'gen_random_uuid()'],
    ['resource', `'other'`],
    ['ip_address', `'192.0.2.9'`],
    ['user_agent', `'other'`],
    ['request_id', `'other'`],
    ['data', `'{"fields": ["email"]}'`],
  ])('in %s of one fact is noticed, and the fact named', async (column, value) => {
    await client.query(`UPDATE audit_events SET ${column} = ${value} WHERE id = $1`, [fact(27)]);
    expect(await verify()).toMatchObject({ valid: false, events: 20, seals: 1, firstBroken: fact(27) });
  });

  it('by taking a fact away is noticed, at the beginning, in the middle and at the end of a batch', async () => {
    for (const at of [59, 45, 20, 7, 0]) {
      await client.query('DELETE FROM audit_events WHERE id = $1', [fact(at)]);
      expect(await verify()).toMatchObject({ valid: false, firstBroken: fact(at) });
    }
  });

  it.each([
    ['before all others', 0, 'seq - 1'],
    ['between two others', 30, 'seq'],
    ['behind the last', 59, 'seq'],
  ])('by putting one in %s is noticed, and that one named', async (_where, at, place) => {
    // Of two at one place either may come first: it is named in both cases.
    await plant(planted, at, place);
    expect(await verify()).toMatchObject({ valid: false, firstBroken: planted });
  });

  it('by taking a fact away and putting another in its place is noticed', async () => {
    await plant(planted, 30, 'seq');
    await client.query('DELETE FROM audit_events WHERE id = $1', [fact(30)]);
    expect(await verify()).toMatchObject({ valid: false, firstBroken: planted });
  });

  it('in its order is noticed', async () => {
    const [a, b] = [fact(30), fact(33)];
    await client.query(
      'UPDATE audit_events e SET seq = o.seq FROM audit_events o WHERE (e.id, o.id) IN (($1::uuid, $2::uuid), ($2::uuid, $1::uuid))',
      [a, b],
    );
    expect(await verify()).toMatchObject({ valid: false, firstBroken: a });
  });

  it('from where its seals are taken away is noticed: one of them, all, or the first', async () => {
    for (const [which, id] of [
      ['number = 2', fact(20)],
      ['number = 1', fact(0)],
      ['true', fact(0)],
    ] as const) {
      await client.query(`DELETE FROM audit_seals WHERE ${which}`);
      expect(await verify()).toMatchObject({ valid: false, firstBroken: id });
    }
  });

  it('with facts that no seal covers an hour later is noticed, and not before', async () => {
    await client.query(`DELETE FROM audit_seals WHERE number = 3`);
    const at = async (time: Date) =>
      verifyTrail({ database, clock: { now: () => time }, sealKey: sealKey(await houseSecret(world.house.infra, 'audit_seal')) })({});
    const [{ occurred_at: last }] = (await client.query('SELECT occurred_at FROM audit_events WHERE id = $1', [fact(40)])).rows;
    expect(await at(new Date(last.getTime() + hours))).toMatchObject({ valid: true, events: 40 });
    expect(await at(new Date(last.getTime() + hours + 1))).toMatchObject({ valid: false, events: 40, firstBroken: fact(40) });
  });
});

describe('a seal that was changed', () => {
  it.each([
    ['entries', `overlay(entries PLACING '\\x00' FROM 30)`],
    ['entries', `substring(entries FROM 1 FOR 19 * 48)`],
    ['root', `sha256('other')`],
    ['previous', `sha256('other')`],
    ['previous', 'NULL'],
    ['signature', `overlay(signature PLACING '\\x00000000' FROM 1)`],
    ['total', 'total + 1'],
    ['events', 'events - 1'],
    ['first_at', `first_at - interval '1 ms'`],
    ['last_at', `last_at + interval '1 ms'`],
    ['sealed_at', `sealed_at + interval '1 ms'`],
    ['until_seq', 'until_seq - 1'],
    ['until_tx', `'9223372036854775807'`],
    ['until_seq', '0'],
  ])('in its %s to %s is noticed', async (column, value) => {
    await client.query(`UPDATE audit_seals SET ${column} = ${value} WHERE number = 2`);
    const { valid, seals } = await verify();
    expect({ valid, seals: seals < 3 }).toEqual({ valid: false, seals: true });
  });

  it('is noticed when the facts and all seals are made anew by another key', async () => {
    const { rows } = await client.query('SELECT number, signature FROM audit_seals ORDER BY number');
    await client.query(`UPDATE audit_events SET actor_client = 'nobody' WHERE id = $1`, [fact(3)]);
    await client.query('DELETE FROM audit_seals');
    const seed = Buffer.alloc(32, 7);
    await sealLog({ database, clock: world.clock, log: world.house.infra.log, sealKey: sealKey(seed) })();
    expect(await verify({}, seed)).toMatchObject({ valid: true, events: 60 });
    expect(await verify()).toMatchObject({ valid: false, events: 0, firstBroken: fact(0) });
    // Nor do the old signatures fit.
    await client.query('UPDATE audit_seals SET signature = $1', [rows[0].signature]);
    expect(await verify()).toMatchObject({ valid: false });
  });
});

describe('a part of the log', () => {
  const day = (n: number) => new Date(world.clock.now().getTime() - (3 - n) * 24 * hours - hours);
  it('is verified by itself: what was changed elsewhere is not looked at, and is noticed where it is', async () => {
    await client.query(`UPDATE audit_events SET resource = 'x' WHERE id = $1`, [fact(5)]);
    expect(await verify({ from: day(1) })).toMatchObject({ valid: true, events: 40, seals: 2 });
    expect(await verify({ from: day(1), to: day(2) })).toMatchObject({ valid: true, events: 20, seals: 1 });
    expect(await verify({ from: day(3) })).toMatchObject({ valid: true, events: 0, seals: 0, from: null, to: null });
    expect(await verify({ to: day(1) })).toMatchObject({ valid: false, firstBroken: fact(5) });
  });

  it.each([
    ['a fact is changed', `UPDATE audit_events SET resource = 'x' WHERE id = '$fact'`],
    ['a fact is taken away', `DELETE FROM audit_events WHERE id = '$fact'`],
  ])('is not left out by moving the times of the seal in which %s', async (_what, change) => {
    await client.query(change.replace('$fact', fact(27)));
    for (const times of [
      `first_at = '1970-01-01', last_at = '1970-01-01'`,
      `first_at = '2970-01-01', last_at = '2970-01-01'`,
      `last_at = '1970-01-01'`,
    ]) {
      await client.query('SAVEPOINT before');
      await client.query(`UPDATE audit_seals SET ${times} WHERE number = 2`);
      for (const range of [{ from: day(1), to: day(2) }, { from: day(1) }, { to: day(2) }, {}])
        expect((await verify(range)).valid).toBe(false);
      await client.query('ROLLBACK TO before');
    }
  });

  it('leaves out nothing where a seal of a slow clock comes behind those of the range', async () => {
    await plant(planted, 59, 'seq + 1');
    await client.query(`UPDATE audit_events SET occurred_at = occurred_at - interval '2 days' WHERE id = $1`, [planted]);
    const log = { ...world.house.infra.log, info: () => {} } as never;
    await sealLog({ database, clock: world.clock, log, sealKey: sealKey(await houseSecret(world.house.infra, 'audit_seal')) })();
    expect(await verify({ from: day(1) })).toMatchObject({ valid: true, events: 41, seals: 3 });
    expect(await verify({ from: day(1), to: day(2) })).toMatchObject({ valid: true });
    await client.query(`UPDATE audit_events SET resource = 'x' WHERE id = $1`, [fact(27)]);
    for (const range of [{ from: day(1) }, { from: day(1), to: day(2) }])
      expect(await verify(range)).toMatchObject({ valid: false, firstBroken: fact(27) });
  });

  it('that is taken away whole, with its seal, is missed by itself and by what follows', async () => {
    await client.query('DELETE FROM audit_events WHERE id = ANY($1)', [ids.slice(20, 40)]);
    await client.query('DELETE FROM audit_seals WHERE number = 2');
    for (const range of [{ from: day(1), to: day(2) }, { from: day(1) }, { from: day(2) }, {}])
      expect((await verify(range)).valid).toBe(false);
  });
});

describe('the sealer', () => {
  it('seals nothing on top of a seal that is not as it was signed, and says so', async () => {
    const said: unknown[] = [];
    const log = { ...world.house.infra.log, error: (what: unknown) => said.push(what), info: () => {} } as never;
    await plant(planted, 59, 'seq + 1');
    await client.query('UPDATE audit_seals SET total = total + 1 WHERE number = 3');
    const needs = { database, clock: world.clock, log, sealKey: sealKey(await houseSecret(world.house.infra, 'audit_seal')) };
    expect(await sealLog(needs)()).toBe(0);
    expect(said).toEqual([{ number: 3 }]);
    await client.query('UPDATE audit_seals SET total = total - 1 WHERE number = 3');
    expect(await sealLog(needs)()).toBe(1);
  });
});
