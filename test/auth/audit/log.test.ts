/** The log: facts are in the transaction of what they tell of, and stay as they were written, wherever their time puts them. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readNews } from '../../../src/auth/audit/news.ts';
import { openTrail } from '../../../src/auth/audit/record.ts';
import { callerOf, stranger } from '../../kit/caller.ts';
import { movableClock } from '../../kit/clock.ts';
import { openWorld, password, type World } from '../../kit/world.ts';

let world: World & { databaseUrl: string };
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world?.close());

const count = async (where: string, values: unknown[] = []): Promise<number> =>
  Number((await world.sql<{ n: string }>(`SELECT count(*) AS n FROM audit_events WHERE ${where}`, values))[0]!.n);
const trailOf = (clock = world.clock) => openTrail({ ...world.house.infra, clock });

describe('a fact', () => {
  it('is not there where its operation was rolled back', async () => {
    const trail = trailOf();
    const requestId = 'rolled-back';
    await expect(
      world.house.infra.database.transaction(async (sql) => {
        await trail.write(sql, [trail.fact(stranger(undefined, { requestId }), { type: 'user.updated', data: { fields: [] } })]);
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(await count('request_id = $1', [requestId])).toBe(0);
  });

  it('of a refresh is not there where the refresh did not happen, and the refresh not where its fact cannot be written', async () => {
    const person = await world.signedIn();
    await world.sql(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the log is full'; END $$`);
    await world.sql('CREATE TRIGGER refuse BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION refuse()');
    try {
      const { refreshToken, sessionId } = person;
      await expect(world.house.auth.sessions.refresh(stranger(), { refreshToken })).rejects.toThrow('the log is full');
      await expect(world.house.auth.login.withPassword(stranger(), { email: person.email, password })).rejects.toThrow('the log is full');
      const caller = await callerOf(world, person.accessToken);
      await expect(world.house.auth.sessions.revoke(caller, { sessionId })).rejects.toThrow('the log is full');
      await expect(world.house.auth.tokens.rotate(caller)).rejects.toThrow('the log is full');
      const [row] = await world.sql('SELECT generation, revoked_at FROM sessions WHERE user_id = $1', [person.id]);
      expect(row).toEqual({ generation: 0, revoked_at: null });
      expect(await world.sql('SELECT 1 FROM signing_keys')).toHaveLength(2);
    } finally {
      await world.sql('DROP TRIGGER refuse ON audit_events');
    }
    expect((await world.house.auth.sessions.refresh(stranger(), { refreshToken: person.refreshToken })).kind).toBe('SignedIn');
  });

  it.each([
    ['changed', `UPDATE audit_events SET data = '{}'`],
    ['changed in its partition', `UPDATE audit_events_default SET type = 'x'`],
    ['deleted', 'DELETE FROM audit_events'],
    ['truncated', 'TRUNCATE audit_events'],
    ['truncated with what refers to it', 'TRUNCATE audit_events CASCADE'],
  ])('cannot be %s', async (_title, statement) => {
    await world.signedIn();
    const far = movableClock();
    far.move(50 * 365 * 86_400);
    const trail = trailOf(far);
    await trail.write(world.house.infra.database, [trail.fact(stranger(), { type: 'user.updated', data: { fields: [] } })]);
    const before = await world.sql('SELECT id, type, data FROM audit_events ORDER BY id');
    await expect(world.sql(statement)).rejects.toThrow('append-only');
    expect(await world.sql('SELECT id, type, data FROM audit_events ORDER BY id')).toEqual(before);
  });

  it('cannot be changed or emptied in any partition by its own name', async () => {
    await world.signedIn();
    const partitions = await world.sql<{ name: string }>(
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'audit_events'::regclass`,
    );
    expect(partitions.length).toBeGreaterThanOrEqual(4);
    const [full] = await world.sql<{ name: string }>('SELECT tableoid::regclass::text AS name FROM audit_events ORDER BY id LIMIT 1');
    await expect(world.sql(`DELETE FROM ${full!.name}`)).rejects.toThrow('append-only');
    for (const { name } of partitions) await expect(world.sql(`TRUNCATE ${name}`), name).rejects.toThrow('append-only');
  });
});

describe('the partitions', () => {
  it('are there for this month and the next two, and facts go there', async () => {
    const names = (
      await world.sql<{ name: string }>(`SELECT relname AS name FROM pg_class WHERE relname LIKE 'audit_events_2%' AND relkind = 'r'`)
    ).map((row) => row.name);
    const now = world.clock.now();
    for (const ahead of [0, 1, 2]) {
      const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1)).toISOString().slice(0, 7).replace('-', '_');
      expect(names).toContain(`audit_events_${month}`);
    }
    const person = await world.signedIn();
    const [fact] = await world.sql<{ home: string }>('SELECT tableoid::regclass::text AS home FROM audit_events WHERE actor_id = $1', [
      person.id,
    ]);
    expect(fact!.home).toBe(`audit_events_${now.toISOString().slice(0, 7).replace('-', '_')}`);
  });

  it('are made by the daily sweep as the months go by', async () => {
    world.clock.move(75 * 86_400);
    await world.house.auth.housekeeping.ensurePartitions();
    const person = await world.signedIn();
    const [fact] = await world.sql<{ home: string }>('SELECT tableoid::regclass::text AS home FROM audit_events WHERE actor_id = $1', [
      person.id,
    ]);
    expect(fact!.home).toBe(`audit_events_${world.clock.now().toISOString().slice(0, 7).replace('-', '_')}`);
  });

  it('take a fact of a clock that is far off too, and it is found in its place', async () => {
    const person = await world.signedIn();
    const caller = await callerOf(world, person.accessToken);
    for (const years of [-40, 40]) {
      const clock = movableClock();
      clock.move(years * 365 * 86_400);
      const trail = trailOf(clock);
      await trail.write(world.house.infra.database, [trail.fact(caller, { type: 'user.updated', data: { fields: [`${years}`] } })]);
    }
    const { edges } = await world.house.auth.audit.list(caller, {});
    expect(edges.map(({ node }) => node.type)).toEqual(['user.updated', 'user.login', 'session.created', 'user.updated']);
    expect(edges.map(({ node }) => node.data['fields'])).toEqual([['40'], undefined, undefined, ['-40']]);
    await world.house.auth.housekeeping.ensurePartitions();
  });

  it('of a month whose rows are in the default one are left there, and nothing fails', async () => {
    const clock = movableClock();
    clock.move(400 * 86_400);
    const trail = trailOf(clock);
    await trail.write(world.house.infra.database, [trail.fact(stranger(), { type: 'user.updated', data: { fields: [] } })]);
    world.clock.move(390 * 86_400);
    await world.house.auth.housekeeping.ensurePartitions();
    await expect(world.signedIn()).resolves.toBeDefined();
  });
});

describe('the news for caches', () => {
  it('give what came while this process could not look, however long that was', async () => {
    const clock = movableClock();
    const look = readNews({ database: world.house.infra.database, clock });
    await look();
    const trail = trailOf(clock);
    const fact = trail.fact(stranger(), {
      type: 'session.revoked',
      data: { reason: 'revoked' },
      sessionId: '018f0000-0000-7000-8000-000000000001',
    });
    await trail.write(world.house.infra.database, [fact]);
    clock.move(600);
    expect((await look()).map((news) => news.id)).toContain(fact.id);
  });

  it('are not held back by a transaction that stays open', async () => {
    const open = new pg.Client({ connectionString: world.databaseUrl });
    await open.connect();
    try {
      await open.query('BEGIN');
      await open.query('SELECT pg_current_xact_id()');
      const look = readNews({ database: world.house.infra.database, clock: world.clock });
      const person = await world.signedIn();
      await person.client.ask('mutation { logout { __typename } }');
      expect((await look()).map((news) => news.session_id)).toContain(person.sessionId);
    } finally {
      await open.end();
    }
  });
});
