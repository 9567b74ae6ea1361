/** Redis may be lost at any moment: sign-ins and refreshes go on, limits hold, nobody is let in who was not before. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLoad } from '../kit/load.ts';
import { redisKillable, startRedis, type TestRedis } from '../kit/redis.ts';
import { loginMutation, openWorld, password, refreshMutation, type SignedInPerson, type World } from '../kit/world.ts';

describe.skipIf(!redisKillable)('Redis killed in mid-load', () => {
  let redis: TestRedis;
  let world: World;
  beforeAll(async () => {
    redis = await startRedis();
    world = await openWorld({ REDIS_URL: redis.url, RATE_LIMIT_REFRESH: '1000/60s', RATE_LIMIT_REGISTER: '3/3600s' });
  });
  afterAll(async () => {
    await world?.close();
    await redis?.stop();
  });

  it('costs no answer: sign-ins, reads and refreshes go on while it is away and after it is back', { timeout: 40_000 }, async () => {
    const people: SignedInPerson[] = [];
    for (let i = 0; i < 6; i++) people.push(await world.signedIn());
    const tokens = people.map((person) => person.refreshToken);
    const load = openLoad(6, async (lane) => {
      const person = people[lane]!;
      if (lane < 2) return world.anonymous.ask(loginMutation, { input: { email: person.email, password } });
      if (lane < 4) return person.client.ask('{ me { id } }');
      const answer = await world.anonymous.ask(refreshMutation, { input: { refreshToken: tokens[lane] } });
      if (answer.data?.refresh.__typename === 'SignedIn') tokens[lane] = answer.data.refresh.refreshToken;
      return answer;
    });
    await pause(700);
    await redis.kill();
    await pause(1500);
    await redis.restart();
    await pause(1500);
    const endings = await load.stop();
    expect(endings.filter((ending) => ending.kind !== 'answered')).toEqual([]);
    const kinds = endings.map(({ data }) => Object.values(data as Record<string, { __typename?: string; id?: string }>)[0]!);
    expect(new Set(kinds.flatMap((kind) => kind.__typename ?? []))).toEqual(new Set(['SignedIn']));
    expect(kinds.every((kind) => kind.__typename === 'SignedIn' || typeof kind.id === 'string')).toBe(true);
    expect(endings.length).toBeGreaterThan(200);
  });

  it('revokes for good while it is away: the session is dead at once and stays so after it is back', async () => {
    const person = await world.signedIn();
    await redis.kill();
    try {
      const { data } = await person.client.ask(
        'mutation { revokeSessions(input: { exceptCurrent: false }) { ... on LoggedOut { sessionIds } } }',
      );
      expect(data.revokeSessions.sessionIds).toEqual([person.sessionId]);
      expect((await person.client.ask('{ me { id } }')).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
      const refreshed = await world.anonymous.ask(refreshMutation, { input: { refreshToken: person.refreshToken } });
      expect(refreshed.data.refresh.__typename).toBe('SessionEnded');
    } finally {
      await redis.restart();
    }
    expect((await person.client.ask('{ me { id } }')).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
  });

  it('does not lift a limit that was reached before it went away', async () => {
    const register = () =>
      world.anonymous.ask('mutation { register(input: { email: "limited@example.com", password: "an unusual phrase" }) { __typename } }');
    const kinds: string[] = [];
    for (let i = 0; i < 4; i++) kinds.push((await register()).data.register.__typename);
    expect(kinds).toEqual(['Registration', 'Registration', 'Registration', 'TooManyAttempts']);
    await redis.kill();
    try {
      expect((await register()).data.register.__typename).toBe('TooManyAttempts');
    } finally {
      await redis.restart();
    }
  });
});
