/** Each process knows the sessions that have ended while tokens of theirs may be around: by its own doing, by the fan-out, by the log. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openRevoked } from '../../../src/auth/sessions/revoked.ts';
import { createLog } from '../../../src/infra/log.ts';
import { createMemoryFanout } from '../../../src/infra/memory/fanout.ts';
import { callerOf } from '../../kit/caller.ts';
import { movableClock } from '../../kit/clock.ts';
import { judged } from '../../kit/refreshing.ts';
import { openWorld, type SignedInPerson } from '../../kit/world.ts';

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

const log = createLog({ LOG_LEVEL: 'silent' });
const open = async (fanout = createMemoryFanout(log)) => {
  const clock = movableClock();
  const { database } = world.house.infra;
  return { clock, fanout, revoked: await openRevoked({ database, fanout, clock, log, config: { ACCESS_TOKEN_TTL_SECONDS: 900 } }) };
};
const logout = async (person: SignedInPerson) => world.house.auth.sessions.logout(await callerOf(world, person.accessToken));

describe('a revocation', () => {
  it('counts here at once, and in another process without Redis within a second', async () => {
    const person = await world.signedIn();
    expect(await judged(second, person.accessToken)).toBe('accepted');
    await logout(person);
    expect(await judged(world, person.accessToken)).toBe('UNAUTHENTICATED');
    await vi.waitFor(async () => expect(await judged(second, person.accessToken)).toBe('UNAUTHENTICATED'), { timeout: 1000, interval: 10 });
  });

  it('is known to a process that starts after it', async () => {
    const person = await world.signedIn();
    await logout(person);
    const third = await openWorld({}, { databaseUrl: world.databaseUrl, keyFile: world.keyFile });
    try {
      expect(await judged(third, person.accessToken)).toBe('UNAUTHENTICATED');
    } finally {
      await third.close();
    }
  });

  it('of a whole user’s sessions ends them all in every process', async () => {
    const person = await world.signedIn();
    const others = [await world.signIn(person), await second.signIn(person), await second.signIn(person)];
    await person.client.ask('mutation { revokeSessions { __typename } }');
    for (const house of [world, second])
      for (const { accessToken } of others)
        await vi.waitFor(async () => expect(await judged(house, accessToken)).toBe('UNAUTHENTICATED'), { timeout: 1000, interval: 10 });
    expect(await judged(second, person.accessToken)).toBe('accepted');
  });
});

describe('the set of ended sessions', () => {
  it('is stale, so that the door asks the database, when the log was not heard for a second, counted from when it was asked', async () => {
    const { clock, revoked } = await open();
    expect(revoked.stale()).toBe(false);
    clock.move(1.2);
    expect(revoked.stale()).toBe(true);
    const askedAt = clock.now();
    clock.move(0.8);
    revoked.caughtUp([], askedAt);
    expect(revoked.stale()).toBe(false);
    clock.move(0.4);
    expect(revoked.stale()).toBe(true);
  });

  it('hears the fan-out of other processes, and nothing that is no list of ids', async () => {
    const fanout = createMemoryFanout(log);
    const [{ revoked: one }, { revoked: other }] = [await open(fanout), await open(fanout)];
    one.end(['a', 'b']);
    for (const nonsense of [null, 'c', { 0: 'c' }, [1, null, ['c']]]) fanout.publish('sessions.ended', nonsense);
    await pause(20);
    for (const revoked of [one, other]) expect(['a', 'b', 'c'].map(revoked.has)).toEqual([true, true, false]);
  });

  it('forgets what no living token can name, and not a moment before', async () => {
    const { clock, revoked } = await open();
    revoked.end(['a']);
    clock.move(950);
    revoked.forget();
    expect(revoked.has('a')).toBe(true);
    clock.move(20);
    revoked.forget();
    expect(revoked.has('a')).toBe(false);
  });

  it('tells those who watch a session once, and not those who have gone', async () => {
    const { revoked } = await open();
    const [stays, leaves, late] = [vi.fn(), vi.fn(), vi.fn()];
    revoked.watch('a', stays);
    revoked.watch('a', leaves)();
    expect(revoked.watched()).toEqual(['a']);
    revoked.end(['a']);
    revoked.end(['a']);
    revoked.watch('a', late);
    expect([stays, leaves, late].map((told) => told.mock.calls.length)).toEqual([1, 0, 1]);
    expect(revoked.watched()).toEqual([]);
  });
});
