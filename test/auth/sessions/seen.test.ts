/** Uses of a session are noted without a write per request, and none is lost for want of the database. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openSeen } from '../../../src/auth/sessions/seen.ts';
import { createLog } from '../../../src/infra/log.ts';
import { Unavailable } from '../../../src/infra/ports.ts';
import { movableClock } from '../../kit/clock.ts';
import { refreshWith, sessionRow, useToken } from '../../kit/refreshing.ts';
import { openWorld, type World } from '../../kit/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world?.close());

/** The house's own, with its writes counted. */
const counted = () => {
  const { database } = world.house.infra;
  const run = vi.fn(database.run);
  const clock = movableClock();
  return { run, clock, seen: openSeen({ clock, database: { ...database, run: run as never }, log: createLog({ LOG_LEVEL: 'silent' }) }) };
};

describe('the use of a session', () => {
  it('is written once a minute however often it is used, and at once for a new generation', async () => {
    const { run, clock, seen } = counted();
    const { sessionId } = await world.signedIn();
    const use = async (generation: number) => {
      for (let n = 0; n < 1000; n += 1) seen.mark({ sessionId, generation });
      await seen.flush();
      return run.mock.calls.length;
    };
    expect(await use(0)).toBe(1);
    expect(await use(0)).toBe(1);
    expect(await use(1)).toBe(2);
    // A token of the generation before is still a use, and no news.
    expect(await use(0)).toBe(2);
    clock.move(61);
    expect(await use(0)).toBe(3);
    expect(await sessionRow(world, sessionId)).toMatchObject({ seen_generation: 1 });
  });

  it('of many sessions is one write', async () => {
    const { run, seen } = counted();
    const people = await Promise.all(Array.from({ length: 20 }, () => world.signedIn()));
    for (const { sessionId } of people) seen.mark({ sessionId, generation: 0 });
    await seen.flush();
    expect(run).toHaveBeenCalledTimes(1);
    for (const { sessionId } of people) expect(await sessionRow(world, sessionId)).toMatchObject({ seen_generation: 0 });
  });

  it('is kept where the database is away, and written when it is back', async () => {
    const { run, clock, seen } = counted();
    const { sessionId } = await world.signedIn();
    clock.move(3600);
    run.mockRejectedValueOnce(new Unavailable('the database is away'));
    seen.mark({ sessionId, generation: 3 });
    await seen.flush();
    expect(await sessionRow(world, sessionId)).toMatchObject({ seen_generation: -1 });
    await seen.flush();
    const row = await sessionRow(world, sessionId);
    expect(row.seen_generation).toBe(3);
    expect(Math.abs(row.last_seen_at.getTime() - clock.now().getTime())).toBeLessThan(5000);
  });

  it('never takes back what another process has written', async () => {
    const { clock, seen } = counted();
    const { sessionId } = await world.signedIn();
    const later = new Date(clock.now().getTime() + 100_000);
    await world.sql('UPDATE sessions SET seen_generation = 7, last_seen_at = $2 WHERE id = $1', [sessionId, later]);
    seen.mark({ sessionId, generation: 2 });
    await seen.flush();
    expect(await sessionRow(world, sessionId)).toMatchObject({ seen_generation: 7, last_seen_at: later });
  });

  it('by an API request is in the database within two seconds, without waiting for it', async () => {
    const person = await world.signedIn();
    const { accessToken } = await refreshWith(world, person.refreshToken);
    await useToken(world, accessToken);
    await vi.waitFor(async () => expect(await sessionRow(world, person.sessionId)).toMatchObject({ seen_generation: 1 }), {
      timeout: 2000,
    });
  });

  it('does not wake a session that has ended', async () => {
    const { clock, seen } = counted();
    const person = await world.signedIn();
    await person.client.ask('mutation { logout { __typename } }');
    const before = await sessionRow(world, person.sessionId);
    clock.move(600);
    seen.mark({ sessionId: person.sessionId, generation: 5 });
    await seen.flush();
    expect(await sessionRow(world, person.sessionId)).toEqual(before);
  });
});
