/** Refreshes of many sessions at once are written together (src/auth/sessions/rotations.ts): each still stands or falls by itself. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stranger } from '../kit/caller.ts';
import { factsOfSession, sessionRow } from '../kit/refreshing.ts';
import { openWorld, type SignedInPerson, type World } from '../kit/world.ts';

const rounds = 50;
const sessions = 24;
let world: Awaited<ReturnType<typeof openWorld>>;
let other: World;
let people: SignedInPerson[];
beforeAll(async () => {
  world = await openWorld();
  other = await openWorld({}, { databaseUrl: world.databaseUrl, keyFile: world.keyFile });
  people = await Promise.all(Array.from({ length: sessions }, () => world.signedIn()));
});
afterAll(async () => {
  await other?.close();
  await world?.close();
});

const refresh = (of: World, refreshToken: string, userAgent: string | null = null) =>
  of.house.auth.sessions.refresh(stranger(undefined, { userAgent }), { refreshToken });
const shuffled = <T>(items: readonly T[]): T[] =>
  items
    .map((item) => [Math.random(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);

describe('refreshes of many sessions at once, of two processes', () => {
  it('each move their session by one, with one fact, in any order and without a deadlock, in fifty rounds', async () => {
    const tokens = new Map(people.map((person) => [person.sessionId, person.refreshToken]));
    for (let round = 1; round <= rounds; round += 1) {
      const all = [...tokens].flatMap(([sessionId, token]) => [world, other].map((of) => ({ sessionId, token, of })));
      const answers = await Promise.all(
        shuffled(all).map(async ({ sessionId, token, of }) => ({ sessionId, answer: await refresh(of, token) })),
      );
      for (const { sessionId, answer } of answers) {
        expect(answer).toMatchObject({ kind: 'SignedIn', sessionId });
        if (answer.kind === 'SignedIn') tokens.set(sessionId, answer.refreshToken);
      }
      expect(new Set(answers.map(({ answer }) => (answer.kind === 'SignedIn' ? answer.refreshToken : ''))).size).toBe(sessions);
    }
    for (const { sessionId } of people) {
      expect(await sessionRow(world, sessionId)).toMatchObject({ generation: rounds, revoked_at: null });
      expect(await factsOfSession(world, sessionId, 'session.refreshed')).toBe(rounds);
    }
    for (const person of people) person.refreshToken = tokens.get(person.sessionId) as string;
  });

  it('that may not move move nothing, beside others that do', async () => {
    const [ended, deactivated, replaced, ...good] = people as [SignedInPerson, SignedInPerson, SignedInPerson, ...SignedInPerson[]];
    await world.sql(`UPDATE sessions SET revoked_at = now(), revoked_reason = 'revoked' WHERE id = $1`, [ended.sessionId]);
    await world.sql(`UPDATE users SET status = 'DEACTIVATED' WHERE id = $1`, [deactivated.id]);
    const before = replaced.refreshToken;
    expect((await refresh(world, before)).kind).toBe('SignedIn');
    const kinds = await Promise.all(people.map(async (person) => (await refresh(world, person.refreshToken)).kind));
    expect(kinds).toEqual(['SessionEnded', 'AccountDeactivated', 'SignedIn', ...good.map(() => 'SignedIn')]);
    for (const { sessionId } of [ended, deactivated]) expect((await sessionRow(world, sessionId)).generation).toBe(rounds);
    for (const { sessionId } of [replaced, ...good]) expect((await sessionRow(world, sessionId)).generation).toBe(rounds + 1);
  });

  it('of which one cannot be written fail alone', async () => {
    const fresh = await Promise.all(Array.from({ length: 8 }, () => world.signedIn()));
    const outcomes = await Promise.allSettled(
      fresh.map((person, n) => refresh(world, person.refreshToken, n === 3 ? 'Firefox\u0000' : 'Firefox')),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(fresh.map((_, n) => (n === 3 ? 'rejected' : 'fulfilled')));
    for (const [n, { sessionId }] of fresh.entries())
      expect(await sessionRow(world, sessionId)).toMatchObject({ generation: n === 3 ? 0 : 1 });
  });
});
