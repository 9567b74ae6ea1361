/** Live streams of facts: what they show, how they end, and that a slow reader is its own problem. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openFeed } from '../../../src/auth/audit/feed.ts';
import { queueLimit } from '../../../src/auth/audit/follow.ts';
import type { FactFilter } from '../../../src/auth/audit/visible.ts';
import { callerOf } from '../../kit/caller.ts';
import { committed, factsAbout, readAll, settled, write } from '../../kit/following.ts';
import { refreshWith } from '../../kit/refreshing.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world?.close());

const follow = async (person: SignedInPerson, after?: string, filter?: FactFilter) => {
  await settled(world);
  return world.house.auth.audit.follow(await callerOf(world, person.accessToken), { after: after ?? null, filter: filter ?? null });
};

describe('what a stream shows', () => {
  it('is what the pages show, by the same filter, replayed and live', async () => {
    const [ada, admin] = [await world.signedIn(), await world.signedIn(undefined, { roles: ['superadmin'] })];
    const [{ id: anchor }] = (await world.sql<{ id: string }>('SELECT id FROM audit_events ORDER BY tx, seq LIMIT 1')) as [{ id: string }];
    const act = async () => {
      const other = await world.signIn(ada);
      await refreshWith(world, other.refreshToken);
      await admin.client.ask(`mutation { revokeSession(input: { sessionId: "${other.sessionId}" }) { __typename } }`);
      await world.anonymous.ask(`mutation { login(input: { email: "${ada.email}", password: "wrong" }) { __typename } }`);
    };
    await act();
    const filters: FactFilter[] = [
      {},
      { types: ['session.*'] },
      { types: ['user.login'] },
      { outcome: 'FAILURE' },
      { actorId: ada.id },
      { subjectId: ada.id.toUpperCase() },
      { subjectId: ada.id, types: ['session.revoked', 'user.*'] },
      { ipAddress: '127.0.0.1' },
      { from: new Date(world.clock.now().getTime() + 500) },
      { to: world.clock.now() },
    ];
    const readers = await Promise.all(
      [ada, admin].flatMap((person) =>
        filters.map(async (filter) => ({ person, filter, reader: readAll(await follow(person, anchor, filter)) })),
      ),
    );
    await act();
    await settled(world);
    await pause(800);
    for (const { person, filter, reader } of readers) {
      const caller = await callerOf(world, person.accessToken);
      const page = await world.house.auth.audit.list(caller, { filter, first: 100 });
      const listed = page.edges.map((edge) => edge.node.id).filter((id) => id !== anchor);
      expect([...reader.ids].sort(), JSON.stringify(filter)).toEqual(listed.sort());
      await reader.stop();
    }
  });

  it('begins with what comes after it began, where no event is named', async () => {
    const person = await world.signedIn();
    await write(world, factsAbout(world, person.id, 5));
    const reader = readAll(await follow(person));
    const facts = factsAbout(world, person.id, 2);
    await write(world, facts);
    await reader.until(2);
    await pause(300);
    expect(reader.ids).toEqual(facts.map((fact) => fact.id));
    await reader.stop();
  });

  it('takes after from any event, also one its reader may not see, and refuses what is none', async () => {
    const [person, other] = [await world.signedIn(), await world.signedIn()];
    const [theirs] = await committed(world, other.id);
    await write(world, factsAbout(world, person.id, 1));
    const reader = readAll(await follow(person, theirs));
    await reader.until(1);
    expect(reader.ids).toEqual((await committed(world, person.id)).slice(-1));
    await reader.stop();
    for (const after of ['x', '', '018f0000-0000-7000-8000-000000000000'])
      await expect(follow(person, after)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });
});

describe('a reader that stops reading', () => {
  it('is dropped with a word when it is too far behind, may resume without a gap, and holds nobody up', async () => {
    const person = await world.signedIn();
    const stuck = await follow(person);
    const brisk = readAll(await follow(person));
    const first = stuck.next();
    const [one] = [factsAbout(world, person.id, 1)];
    await write(world, one);
    expect((await first).value?.id).toBe(one[0]!.id);
    const many = factsAbout(world, person.id, queueLimit + 1);
    await write(world, many);
    await brisk.until(many.length + 1);
    await expect(stuck.next()).rejects.toThrow('too slow');
    expect((await stuck.next()).done).toBe(true);
    const resumed = readAll(await follow(person, one[0]!.id));
    await resumed.until(many.length);
    expect(resumed.ids).toEqual(many.map((fact) => fact.id));
    expect(brisk.over).toBeNull();
    await Promise.all([resumed.stop(), brisk.stop()]);
  });

  it('is not dropped while it is behind by no more than the limit', async () => {
    const person = await world.signedIn();
    const slow = await follow(person);
    const facts = factsAbout(world, person.id, queueLimit);
    await write(world, facts);
    await pause(1500);
    const reader = readAll(slow);
    await reader.until(facts.length);
    expect(reader.ids).toEqual(facts.map((fact) => fact.id));
    await reader.stop();
  });

  it('of a long replay is not dropped though more comes than it could queue: the log has it', async () => {
    const person = await world.signedIn();
    const [anchor] = await committed(world, person.id);
    await write(world, factsAbout(world, person.id, 300));
    const stream = await follow(person, anchor);
    await stream.next();
    await write(world, factsAbout(world, person.id, queueLimit + 100));
    await write(world, factsAbout(world, person.id, 50));
    await pause(1000);
    const reader = readAll(stream);
    const all = await committed(world, person.id);
    await reader.until(all.length - 2);
    expect(reader.ids).toEqual(all.slice(2));
    await reader.stop();
  });
});

describe('the end of a stream', () => {
  it('comes within a second of its session’s absolute end by the clock, and of nobody else’s', async () => {
    const own = await openWorld();
    try {
      const [short, long] = [await own.signedIn(), await own.signedIn(undefined, { login: { persistent: true } })];
      const streams = await Promise.all(
        [short, long].map(async (person) => readAll(await own.house.auth.audit.follow(await callerOf(own, person.accessToken), {}))),
      );
      own.clock.move(7 * 86_400 + 1);
      await streams[0]!.until(1, 1000);
      expect(streams.map((reader) => reader.over)).toEqual(['ended', null]);
      await streams[1]!.stop();
    } finally {
      await own.close();
    }
  });

  it('comes at once where the session was ended before it began', async () => {
    const person = await world.signedIn();
    const caller = await callerOf(world, person.accessToken);
    await person.client.ask('mutation { logout { __typename } }');
    const reader = readAll(await world.house.auth.audit.follow(caller, {}));
    await reader.until(1, 1000);
    expect(reader).toMatchObject({ over: 'ended', ids: [] });
  });

  it('does not come from idleness while somebody watches: being watched is being used', async () => {
    const own = await openWorld();
    try {
      const person = await own.signedIn(undefined, { login: { persistent: true } });
      const reader = readAll(await own.house.auth.audit.follow(await callerOf(own, person.accessToken), {}));
      for (let n = 0; n < 3; n += 1) {
        own.clock.move(10 * 86_400);
        const seen = async () =>
          (await own.sql('SELECT last_seen_at AS at FROM sessions WHERE id = $1', [person.sessionId]))[0]!['at'] as Date;
        await vi.waitFor(async () => expect(own.clock.now().getTime() - (await seen()).getTime()).toBeLessThan(86_400_000), 5_000);
      }
      expect(reader.over).toBeNull();
      expect((await refreshWith(own, person.refreshToken)).__typename).toBe('SignedIn');
      await reader.stop();
    } finally {
      await own.close();
    }
  });
});

describe('the feed of a process', () => {
  it('forgets its place when nobody listens: whoever comes later hears nothing old, though a look was under way', async () => {
    const { database } = world.house.infra;
    let gate = Promise.resolve();
    const feed = openFeed({
      database: {
        ...database,
        run: async (statement, values) => {
          const rows = await database.run(statement, values);
          await gate;
          return rows as never;
        },
      },
    });
    const leave = await feed.listen(() => {});
    await write(world, factsAbout(world, '018f0000-0000-7000-8000-000000000001', 1));
    await settled(world);
    let open = () => {};
    gate = new Promise((resolve) => {
      open = resolve;
    });
    const look = feed.pump();
    await pause(50);
    leave();
    open();
    await look;
    await write(world, factsAbout(world, '018f0000-0000-7000-8000-000000000001', 3));
    await settled(world);
    const heard: string[] = [];
    const stop = await feed.listen((facts) => heard.push(...facts.map((fact) => fact.id)));
    await feed.pump();
    expect(heard).toEqual([]);
    stop();
  });
});
