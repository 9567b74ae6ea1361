/** A session's life as a stream: who may follow whose, and what it tells. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { callerOf } from '../../kit/caller.ts';
import { readAll, settled } from '../../kit/following.ts';
import { refreshWith } from '../../kit/refreshing.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world?.close());

type Input = { userId?: string | null; orgId?: string | null; after?: string | null };
const follow = async (by: SignedInPerson, input: Input = {}) => {
  await settled(world);
  return world.house.auth.sessions.follow(await callerOf(world, by.accessToken), input);
};
const read = async (by: SignedInPerson, input?: Input) => readAll(await follow(by, input));

describe('the stream of sessions', () => {
  it('tells the viewer’s own in their order, also what time ended, and no failed attempt', async () => {
    const person = await world.signedIn();
    const reader = await read(person);
    const other = await world.signIn(person, { persistent: false });
    const refreshed = await refreshWith(world, other.refreshToken);
    await refreshWith(world, `${refreshed.refreshToken.slice(0, -1)}_`);
    await world.anonymous.ask(`mutation { login(input: { email: "${person.email}", password: "wrong" }) { __typename } }`);
    await world.sql(`UPDATE sessions SET expires_at = now() - interval '1 second' WHERE id = $1`, [other.sessionId]);
    await world.house.auth.sessions.expire();
    await reader.until(3);
    expect(reader.types).toEqual(['CREATED', 'REFRESHED', 'EXPIRED']);
    await reader.stop();
  });

  it('names the session and the reason', async () => {
    const person = await world.signedIn();
    const stream = await follow(person);
    const other = await world.signIn(person);
    await other.client.ask('mutation { logout { __typename } }');
    expect((await stream.next()).value).toMatchObject({ type: 'CREATED', sessionId: other.sessionId, reason: null });
    expect((await stream.next()).value).toMatchObject({ type: 'REVOKED', sessionId: other.sessionId, reason: 'logout' });
    await stream.return();
  });

  it('of another user is FORBIDDEN without sessions.read, as is an organization’s', async () => {
    const [person, other] = [await world.signedIn(), await world.signedIn()];
    for (const input of [{ userId: other.id }, { orgId: other.id }, { userId: person.id, orgId: other.id }])
      await expect(follow(person, input)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('of another user is told to a holder of sessions.read, that user’s alone', async () => {
    const [person, support] = [await world.signedIn(), await world.signedIn(undefined, { roles: ['support'] })];
    const reader = await read(support, { userId: person.id });
    await world.signIn(support);
    await refreshWith(world, person.refreshToken);
    await reader.until(1);
    expect(reader.types).toEqual(['REFRESHED']);
    await reader.stop();
  });

  it('takes an id in capitals for the same id, and refuses what is none', async () => {
    const person = await world.signedIn();
    const reader = await read(person, { userId: person.id.toUpperCase() });
    await refreshWith(world, person.refreshToken);
    await reader.until(1);
    await reader.stop();
    const support = await world.signedIn(undefined, { roles: ['support'] });
    for (const input of [{ userId: 'x' }, { orgId: 'x' }])
      await expect(follow(support, input)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });

  it('tells its own end before it ends, or ends at once: never silence', async () => {
    const person = await world.signedIn();
    const reader = await read(person);
    await person.client.ask('mutation { logout { __typename } }');
    await vi.waitFor(() => expect(reader.over).toBe('ended'), { timeout: 1000 });
  });
});

describe('the sweep of sessions', () => {
  it('marks what age and idleness have ended, once each, with its fact, in any number', async () => {
    const own = await openWorld();
    try {
      const [old, idle, alive] = [
        await own.signedIn(),
        await own.signedIn(undefined, { login: { persistent: true } }),
        await own.signedIn(),
      ];
      await own.sql(`UPDATE sessions SET expires_at = now() - interval '1 second' WHERE id = $1`, [old.sessionId]);
      await own.sql(`UPDATE sessions SET last_seen_at = now() - interval '15 days' WHERE id = $1`, [idle.sessionId]);
      await own.sql(
        `INSERT INTO sessions SELECT (r).* FROM (SELECT jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid(), 'user_id', s.user_id)) AS r
         FROM sessions s, generate_series(1, 700) WHERE s.id = $1) AS copies`,
        [old.sessionId],
      );
      expect(await own.house.auth.sessions.expire()).toBe(702);
      expect(await own.house.auth.sessions.expire()).toBe(0);
      const reasons = await own.sql('SELECT revoked_reason, count(*)::int AS n FROM sessions GROUP BY 1 ORDER BY 1');
      expect(reasons).toEqual([
        { revoked_reason: 'expired', n: 701 },
        { revoked_reason: 'idle', n: 1 },
        { revoked_reason: null, n: 1 },
      ]);
      const facts = await own.sql(
        `SELECT data->>'reason' AS reason, count(*)::int AS n FROM audit_events WHERE type = 'session.expired' GROUP BY 1 ORDER BY 1`,
      );
      expect(facts).toEqual([
        { reason: 'expired', n: 701 },
        { reason: 'idle', n: 1 },
      ]);
      expect((await refreshWith(own, alive.refreshToken)).__typename).toBe('SignedIn');
    } finally {
      await own.close();
    }
  });

  it('removes sessions that ended more than ninety days ago, and keeps their facts', async () => {
    const own = await openWorld();
    try {
      const [old, recent] = [await own.signedIn(), await own.signedIn()];
      await own.sql(`UPDATE sessions SET revoked_at = now() - interval '91 days', revoked_reason = 'logout' WHERE id = $1`, [
        old.sessionId,
      ]);
      await own.sql(`UPDATE sessions SET revoked_at = now() - interval '89 days', revoked_reason = 'logout' WHERE id = $1`, [
        recent.sessionId,
      ]);
      expect(await own.house.auth.sessions.removeOld()).toBe(1);
      expect(await own.sql('SELECT id FROM sessions')).toEqual([{ id: recent.sessionId }]);
      expect(await own.sql('SELECT 1 FROM audit_events WHERE session_id = $1', [old.sessionId])).toHaveLength(2);
      // Its tokens are nobody's now.
      expect((await refreshWith(own, old.refreshToken)).__typename).toBe('TokenInvalid');
    } finally {
      await own.close();
    }
  });
});
