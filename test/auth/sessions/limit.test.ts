/** SESSION_MAX_PER_USER: the oldest session makes room for the newest, and its owner is told. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Watch, watchChanges } from '../../kit/changes.ts';
import { movableClock } from '../../kit/clock.ts';
import { judged, refreshWith, sessionRow } from '../../kit/refreshing.ts';
import { openWorld } from '../../kit/world.ts';

type Opened = Awaited<ReturnType<typeof openWorld>>;
let world: Opened;
let watch: Watch;
beforeAll(async () => {
  world = await openWorld({ SESSION_MAX_PER_USER: '3' });
  watch = await watchChanges(world);
});
afterAll(() => world?.close());

const device = { device: { fingerprint: 'laptop' } };

describe('the limit on sessions', () => {
  it('revokes the oldest at the fourth sign-in, with its fact and a letter, and leaves the others', async () => {
    const first = await world.signedIn(undefined, { login: device });
    const second = await world.signIn(first, device);
    const third = await world.signIn(first, device);
    const { answer: fourth, changed } = await watch(() => world.signIn(first, device));
    expect(changed).toEqual({
      facts: ['session.created', 'user.login', 'session.revoked'],
      sessionsOpened: 1,
      sessionsEnded: 1,
      letters: [`session-limit to ${first.email}`],
    });
    expect(await sessionRow(world, first.sessionId)).toMatchObject({ revoked_reason: 'session_limit' });
    expect(await judged(world, first.accessToken)).toBe('UNAUTHENTICATED');
    expect(await refreshWith(world, first.refreshToken)).toMatchObject({ __typename: 'SessionEnded', reason: 'session_limit' });
    for (const session of [second, third, fourth]) expect(await judged(world, session.accessToken)).toBe('accepted');
    expect((await world.mail(first.email)).text).toContain('3');
  });

  it('does not count sessions that have ended, by whatever reason', async () => {
    const first = await world.signedIn(undefined, { login: device });
    const second = await world.signIn(first, device);
    const third = await world.signIn(first, device);
    await second.client.ask('mutation { logout { __typename } }');
    await world.sql(`UPDATE sessions SET expires_at = now() - interval '1 second' WHERE id = $1`, [third.sessionId]);
    const [fourth, fifth] = [await world.signIn(first, device), await world.signIn(first, device)];
    for (const session of [first, fourth, fifth]) expect(await judged(world, session.accessToken)).toBe('accepted');
  });

  it('keeps what a sign-in has just opened, also on a replica whose clock is behind', async () => {
    const clock = movableClock();
    clock.move(-20);
    const behind = await openWorld({ SESSION_MAX_PER_USER: '3' }, { ...world, clock });
    try {
      const first = await world.signedIn(undefined, { login: device });
      for (let n = 0; n < 2; n += 1) await world.signIn(first, device);
      const late = await behind.signIn(first, device);
      expect(await sessionRow(world, late.sessionId)).toMatchObject({ revoked_at: null });
      expect(await sessionRow(world, first.sessionId)).toMatchObject({ revoked_reason: 'session_limit' });
    } finally {
      await behind.close();
    }
  });
});
