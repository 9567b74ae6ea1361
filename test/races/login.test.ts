/** Parallel sign-ins of one process: no guess is looked at beyond the limit, and no honest one is turned away. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stranger } from '../kit/caller.ts';
import { openWorld, password, type World } from '../kit/world.ts';

const rounds = 50;
let world: World;
beforeAll(async () => {
  world = await openWorld({ DATABASE_POOL_SIZE: '20' });
});
afterAll(() => world?.close());

const times = <T>(count: number, work: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => work(n)));
const attempt = async (email: string, given: string, network?: string, of = world) =>
  (await of.house.auth.login.withPassword(stranger(network), { email, password: given })).kind;
const tally = (kinds: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const kind of kinds) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
};
const reasons = async (userId: string) =>
  Object.fromEntries(
    (
      await world.sql<{ reason: string; n: number }>(
        `SELECT coalesce(data->>'reason', type) AS reason, count(*)::int AS n FROM audit_events WHERE subject_id = $1 GROUP BY 1`,
        [userId],
      )
    ).map((row) => [row.reason, row.n]),
  );

describe('parallel wrong passwords', () => {
  it('of two hundred at once exactly five are judged, the others find the account locked, and so does the right one', async () => {
    const person = await world.person();
    const kinds = await times(200, () => attempt(person.email, 'a wrong password'));
    expect(tally(kinds)).toEqual({ InvalidCredentials: 5, AccountLocked: 195 });
    expect(await attempt(person.email, password)).toBe('AccountLocked');
    expect(await reasons(person.id)).toEqual({ InvalidCredentials: 5, AccountLocked: 196, 'user.locked': 1 });
    expect(await world.sql('SELECT 1 FROM sessions WHERE user_id = $1', [person.id])).toEqual([]);
  });

  it('of twelve at once exactly five are judged, in fifty rounds, for known and unknown addresses', async () => {
    const people = await times(rounds, async (n) => (n % 2 ? (await world.person()).email : `nobody${n}@example.com`));
    for (const email of people) {
      const kinds = await times(12, () => attempt(email, 'a wrong password'));
      expect(tally(kinds)).toEqual({ InvalidCredentials: 5, AccountLocked: 7 });
    }
    const left = await world.sql('SELECT failures, pending FROM lockouts WHERE pending <> 0');
    expect(left).toEqual([]);
  });

  it('from many networks lock the account at fifty, and not one fact of the lock is missing or told twice', async () => {
    const person = await world.person();
    const kinds = await times(60, (n) => attempt(person.email, 'a wrong password', `198.51.100.${n}`));
    const { InvalidCredentials = 0, AccountLocked = 0 } = tally(kinds);
    expect(InvalidCredentials + AccountLocked).toBe(60);
    expect(InvalidCredentials).toBeGreaterThanOrEqual(50);
    expect(await attempt(person.email, password, '192.0.2.1')).toBe('AccountLocked');
    expect((await reasons(person.id))['user.locked']).toBe(1);
  });
});

describe('parallel right passwords', () => {
  it('all sign in: ten at once, in fifty rounds, each with a session of its own', async () => {
    const people = await times(rounds, () => world.person());
    for (const person of people) {
      expect(tally(await times(10, () => attempt(person.email, password)))).toEqual({ SignedIn: 10 });
      expect(await world.sql('SELECT 1 FROM sessions WHERE user_id = $1 AND revoked_at IS NULL', [person.id])).toHaveLength(10);
    }
  });

  it('all sign in beside four wrong ones, which do not lock', async () => {
    const people = await times(10, () => world.person());
    for (const person of people) {
      const kinds = await times(12, (n) => attempt(person.email, n % 3 === 0 ? 'a wrong password' : password));
      expect(tally(kinds)).toEqual({ SignedIn: 8, InvalidCredentials: 4 });
    }
  });
});

describe('parallel sign-ins beyond SESSION_MAX_PER_USER', () => {
  it('never leave more sessions alive than the limit, and each ended one has its fact and was told', async () => {
    const limited = await openWorld({ SESSION_MAX_PER_USER: '3' });
    try {
      for (let round = 0; round < rounds; round += 1) {
        const person = await limited.person();
        let most = 0;
        let done = false;
        const watching = (async () => {
          while (!done) {
            const [row] = await limited.sql<{ n: number }>(
              'SELECT count(*)::int AS n FROM sessions WHERE user_id = $1 AND revoked_at IS NULL',
              [person.id],
            );
            most = Math.max(most, row!.n);
          }
        })();
        const kinds = await times(8, () => attempt(person.email, password, undefined, limited));
        done = true;
        await watching;
        expect(tally(kinds)).toEqual({ SignedIn: 8 });
        expect(most).toBeLessThanOrEqual(3);
        const alive = await limited.sql('SELECT id FROM sessions WHERE user_id = $1 AND revoked_at IS NULL', [person.id]);
        expect(alive).toHaveLength(3);
        const revoked = await limited.sql(`SELECT 1 FROM audit_events WHERE subject_id = $1 AND type = 'session.revoked'`, [person.id]);
        expect(revoked).toHaveLength(5);
      }
    } finally {
      await limited.close();
    }
  });
});
