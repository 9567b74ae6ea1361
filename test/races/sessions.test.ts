/** Parallel callers of one process on one session: whoever wins, the rules hold. Fifty rounds each, on one house. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callerOf, stranger } from '../kit/caller.ts';
import { factsOfSession, judged, refreshWith, sessionRow } from '../kit/refreshing.ts';
import { openWorld, password, type SignedInPerson, type World } from '../kit/world.ts';

const rounds = 50;
let world: World;
let people: SignedInPerson[];
beforeAll(async () => {
  world = await openWorld();
  const person = await world.person();
  people = await Promise.all(Array.from({ length: 12 }, () => world.signIn(person)));
});
afterAll(() => world?.close());

const times = <T>(count: number, work: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => work(n)));
const refresh = (refreshToken: string) => world.house.auth.sessions.refresh(stranger(), { refreshToken });
const login = async (email: string) => {
  const answer = await world.house.auth.login.withPassword(stranger(), { email, password });
  if (answer.kind !== 'SignedIn') throw new Error(answer.kind);
  return answer;
};

describe('one refresh token presented by many at once', () => {
  it('gets everybody the same successor, moves the session by one, and leaves one fact', async () => {
    const person = people[0]!;
    let { refreshToken } = person;
    for (let round = 1; round <= rounds; round += 1) {
      const answers = await times(8, () => refresh(refreshToken));
      const successors = new Set(answers.map((answer) => (answer.kind === 'SignedIn' ? answer.refreshToken : answer.kind)));
      expect(successors.size).toBe(1);
      const [successor] = [...successors];
      expect(successor).toMatch(/^lkr_/);
      expect(await sessionRow(world, person.sessionId)).toMatchObject({ generation: round, revoked_at: null });
      refreshToken = successor!;
    }
    expect(await factsOfSession(world, person.sessionId, 'session.refreshed')).toBe(rounds);
    expect(await factsOfSession(world, person.sessionId, 'session.refresh_failed')).toBe(0);
  });

  it('over HTTP as well, each answer with a token that is good', async () => {
    for (const person of people.slice(1, 6)) {
      const answers = await times(10, () => refreshWith(world, person.refreshToken));
      expect(new Set(answers.map((answer) => answer.refreshToken)).size).toBe(1);
      for (const { accessToken } of answers) expect(await judged(world, accessToken)).toBe('accepted');
      expect(await sessionRow(world, person.sessionId)).toMatchObject({ generation: 1 });
      expect(await factsOfSession(world, person.sessionId, 'session.refreshed')).toBe(1);
    }
  });
});

describe('a refresh against a revocation', () => {
  it('ends with the session dead for good, whatever the refresh was told', async () => {
    const { email } = people[0]!;
    const told = new Map<string, number>();
    for (let round = 0; round < rounds; round += 1) {
      const session = await login(email);
      const caller = await callerOf(world, session.accessToken);
      const { sessionId } = session;
      const [answers, revoked] = await Promise.all([
        times(4, () => refresh(session.refreshToken)),
        world.house.auth.sessions.revoke(caller, { sessionId }),
      ]);
      expect(revoked).toEqual({ kind: 'LoggedOut', sessionIds: [sessionId] });
      const given = answers.filter((answer) => answer.kind === 'SignedIn');
      for (const answer of answers) {
        told.set(answer.kind, (told.get(answer.kind) ?? 0) + 1);
        if (answer.kind !== 'SignedIn') expect(answer).toMatchObject({ kind: 'SessionEnded', reason: 'revoked' });
      }
      for (const answer of [session, ...given]) {
        expect(await judged(world, answer.accessToken)).toBe('UNAUTHENTICATED');
        expect(await refresh(answer.refreshToken)).toMatchObject({ kind: 'SessionEnded', reason: 'revoked' });
      }
      expect(await factsOfSession(world, sessionId, 'session.revoked')).toBe(1);
      expect(await factsOfSession(world, sessionId, 'session.refreshed')).toBe(given.length > 0 ? 1 : 0);
    }
    expect([...told.values()].reduce((sum, n) => sum + n, 0)).toBe(4 * rounds);
  });

  it('by many at once revokes once and says so to one of them', async () => {
    const { email } = people[0]!;
    for (let round = 0; round < rounds; round += 1) {
      const [session, other] = [await login(email), people[1]!];
      const caller = await callerOf(world, other.accessToken);
      const answers = await times(5, () => world.house.auth.sessions.revoke(caller, { sessionId: session.sessionId }));
      expect(answers.map((answer) => answer.kind).sort()).toEqual(['LoggedOut', 'NotFound', 'NotFound', 'NotFound', 'NotFound']);
      expect(await factsOfSession(world, session.sessionId, 'session.revoked')).toBe(1);
    }
  });
});

describe('a token used again by many at once', () => {
  it('is RefreshReused, ends the session once, and tells the owner once', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const person = await world.person();
      const session = await login(person.email);
      const first = await refresh(session.refreshToken);
      if (first.kind !== 'SignedIn') throw new Error(first.kind);
      await refresh(first.refreshToken);
      const answers = await times(4, () => refresh(session.refreshToken));
      for (const { kind } of answers) expect(['RefreshReused', 'SessionEnded']).toContain(kind);
      expect(answers.map((answer) => answer.kind)).toContain('RefreshReused');
      expect(await factsOfSession(world, session.sessionId, 'session.revoked')).toBe(1);
      if (round > 2) continue;
      await world.mail(person.email);
      expect(world.mailsTo(person.email)).toHaveLength(1);
    }
  });
});

describe('two rotations of the signing key at once', () => {
  it('come one after the other: always one key that signs and one that waits, and no token is lost', async () => {
    const admin = await world.signedIn(undefined, { roles: ['superadmin'] });
    const caller = await callerOf(world, admin.accessToken);
    for (let round = 0; round < rounds; round += 1) {
      const kids = await times(2, () => world.house.auth.tokens.rotate(caller));
      expect(new Set(kids).size).toBe(2);
      const states = await world.sql(`SELECT state, count(*)::int AS n FROM signing_keys WHERE state <> 'retired' GROUP BY 1 ORDER BY 1`);
      expect(states).toEqual([
        { state: 'next', n: 1 },
        { state: 'active', n: 1 },
      ]);
    }
    expect(await judged(world, admin.accessToken)).toBe('accepted');
    expect(await judged(world, (await login(admin.email)).accessToken)).toBe('accepted');
    const [facts] = await world.sql(`SELECT count(*)::int AS n FROM audit_events WHERE type = 'key.rotated'`);
    expect(facts).toEqual({ n: 2 * rounds });
  });
});
