/** What a user may is what the database says now: cached in each process, forgotten everywhere within a second of a change. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openPermissions } from '../../../src/auth/access/permissions.ts';
import { openTrail } from '../../../src/auth/audit/record.ts';
import { Unavailable } from '../../../src/infra/ports.ts';
import { callerOf, stranger } from '../../kit/caller.ts';
import { openWorld } from '../../kit/world.ts';

type Opened = Awaited<ReturnType<typeof openWorld>>;
let world: Opened;
let second: Opened;
beforeAll(async () => {
  world = await openWorld();
  second = await openWorld({}, { databaseUrl: world.databaseUrl, keyFile: world.keyFile });
});
afterAll(async () => {
  await second?.close();
  await world?.close();
});

/** As an operation would: the change and its fact in one transaction. */
const change = (userId: string, type: 'role.assigned' | 'role.unassigned', text: string) =>
  world.house.infra.database.transaction(async (sql) => {
    await sql.run({ name: '', text }, [userId]);
    const trail = openTrail(world.house.infra);
    await trail.write(sql, [trail.fact(stranger(), { type, data: { role: 'support' }, subjectId: userId })]);
  });
const assign = (userId: string) =>
  change(
    userId,
    'role.assigned',
    `INSERT INTO role_assignments (id, user_id, role_id, granted_at) SELECT gen_random_uuid(), $1, id, now() FROM roles WHERE name = 'support'`,
  );
const unassign = (userId: string) => change(userId, 'role.unassigned', 'DELETE FROM role_assignments WHERE user_id = $1');

describe('permissions', () => {
  it('reach and leave a user within a second of the change, in every process, whatever the token says', async () => {
    const [person, other] = [await world.signedIn(), await world.signedIn()];
    const sessionsOf = async (house: Opened) => {
      const { errors } = await house.anonymous.as(person.accessToken).ask(`{ sessions(userId: "${other.id}") { totalCount } }`);
      return errors?.[0]?.extensions.code ?? 'seen';
    };
    const both = async () => [await sessionsOf(world), await sessionsOf(second)];
    expect(await both()).toEqual(['FORBIDDEN', 'FORBIDDEN']);
    await assign(person.id);
    await vi.waitFor(async () => expect(await both()).toEqual(['seen', 'seen']), { timeout: 1000, interval: 30 });
    const signedIn = await world.signIn(person);
    expect((await callerOf(world, signedIn.accessToken)).identity.scopes).toContain('sessions.read');
    await unassign(person.id);
    await vi.waitFor(async () => expect(await both()).toEqual(['FORBIDDEN', 'FORBIDDEN']), { timeout: 1000, interval: 30 });
    const { errors } = await signedIn.client.ask(`{ sessions(userId: "${other.id}") { totalCount } }`);
    expect(errors?.[0]?.extensions.code).toBe('FORBIDDEN');
  });

  it('are none for a user who is not active, and none for a role of an organization', async () => {
    const person = await world.person(undefined, { roles: ['superadmin'], status: 'DEACTIVATED' });
    const permissions = openPermissions(world.house.infra);
    expect(await permissions.of(person.id)).toEqual(new Set());
    const member = await world.person();
    await world.sql(
      `WITH org AS (INSERT INTO organizations (id, name, slug, created_at, updated_at) VALUES (gen_random_uuid(), 'A', $1, now(), now()) RETURNING id)
       INSERT INTO org_members (org_id, user_id, role_id, joined_at) SELECT org.id, $2, r.id, now() FROM org, roles r WHERE r.name = 'owner'`,
      [`a-${member.id}`.slice(0, 40), member.id],
    );
    expect(await permissions.of(member.id)).toEqual(new Set());
    expect(await permissions.of('018f0000-0000-7000-8000-000000000000')).toEqual(new Set());
  });

  it('are read once for any number who ask at once, and again after they could not be read', async () => {
    const person = await world.person(undefined, { roles: ['support'] });
    const { database } = world.house.infra;
    const run = vi.fn(database.run);
    const permissions = openPermissions({ database: { ...database, run: run as never }, clock: world.clock });
    run.mockRejectedValueOnce(new Unavailable('the database is away'));
    await expect(permissions.of(person.id)).rejects.toThrow('away');
    const all = await Promise.all(Array.from({ length: 20 }, () => permissions.of(person.id)));
    expect(new Set(all).size).toBe(1);
    expect([...all[0]!].sort()).toEqual(['permissions.check', 'sessions.read', 'sessions.revoke', 'users.read', 'users.unlock']);
    expect(run).toHaveBeenCalledTimes(2);
  });

  it('are kept while the log is read, however long, and asked of the database again once it has not been read for five seconds', async () => {
    const person = await world.person();
    const { database } = world.house.infra;
    const run = vi.fn(database.run);
    const permissions = openPermissions({ database: { ...database, run: run as never }, clock: world.clock });
    const reads = async (seconds: number, { heard }: { heard: boolean }) => {
      run.mockClear();
      world.clock.move(seconds);
      if (heard) permissions.caughtUp(world.clock.now());
      for (let n = 0; n < 3; n += 1) await permissions.of(person.id);
      return run.mock.calls.length;
    };
    expect(await reads(0, { heard: true })).toBe(1);
    expect(await reads(300, { heard: true })).toBe(0);
    expect(await reads(4, { heard: false })).toBe(0);
    expect(await reads(2, { heard: false })).toBe(1);
    expect(await reads(6, { heard: false })).toBe(1);
    expect(await reads(300, { heard: true })).toBe(0);
  });

  it('are read anew after ten minutes, whatever was heard, and of 20,001 users those are forgotten that were read first', async () => {
    const run = vi.fn(async () => [{ active: true, policy: {}, held: [], grants: [] }]);
    const permissions = openPermissions({ database: { ...world.house.infra.database, run: run as never }, clock: world.clock });
    const reads = async (who: string) => {
      run.mockClear();
      await permissions.of(who);
      return run.mock.calls.length;
    };
    expect([await reads('a'), await reads('a')]).toEqual([1, 0]);
    world.clock.move(601);
    permissions.caughtUp(world.clock.now());
    expect([await reads('a'), await reads('b')]).toEqual([1, 1]);
    for (let n = 0; n < 19_999; n += 1) await permissions.of(`${n}`);
    expect([await reads('b'), await reads('19998'), await reads('a')]).toEqual([0, 0, 1]);
  });

  it('that are being read while they change are not kept', async () => {
    const person = await world.person();
    const { database } = world.house.infra;
    let gate: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      gate = resolve;
    });
    const run = vi.fn(async (...given: Parameters<typeof database.run>) => {
      const rows = await database.run(...given);
      if (run.mock.calls.length === 1) await held;
      return rows;
    });
    const permissions = openPermissions({ database: { ...database, run: run as never }, clock: world.clock });
    const early = permissions.of(person.id);
    await assign(person.id);
    permissions.forget(person.id);
    const late = await permissions.of(person.id);
    gate();
    expect(await early).toEqual(new Set());
    expect(late).toContain('sessions.read');
    expect(await permissions.of(person.id)).toBe(late);
  });
});
