/** Which sessions a caller sees, and that a page is a page. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world?.close());

const list = async (by: SignedInPerson, args = '') =>
  by.client.ask(`{ sessions${args} { totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { id current revokedAt revokedReason } } } }`);
type Edge = { cursor: string; node: { id: string; current: boolean; revokedReason: string | null } };
const idsOf = (answer: { data: { sessions: { edges: Edge[] } } }): string[] => answer.data.sessions.edges.map((edge) => edge.node.id);

describe('the list of sessions', () => {
  it('holds the caller’s living sessions, newest first, and marks the current one', async () => {
    const first = await world.signedIn();
    const second = await world.signIn(first);
    const answer = await list(first);
    expect(idsOf(answer)).toEqual([second.sessionId, first.sessionId]);
    expect(answer.data.sessions.totalCount).toBe(2);
    expect(answer.data.sessions.edges.map((edge: Edge) => edge.node.current)).toEqual([false, true]);
  });

  it('holds ended ones only where asked', async () => {
    const first = await world.signedIn();
    const second = await world.signIn(first);
    await second.client.ask('mutation { logout { __typename } }');
    expect(idsOf(await list(first))).toEqual([first.sessionId]);
    const all = await list(first, '(includeEnded: true)');
    expect(idsOf(all)).toEqual([second.sessionId, first.sessionId]);
    expect(all.data.sessions.edges[0].node.revokedReason).toBe('logout');
  });

  it('gives every session once by pages, forward and backward', async () => {
    const person = await world.signedIn();
    for (let n = 0; n < 4; n += 1) await world.signIn(person);
    const all = idsOf(await list(person));
    const forward: string[] = [];
    for (let after: string | null = null, more = true; more; ) {
      const answer: Awaited<ReturnType<typeof list>> = await list(person, `(first: 2${after ? `, after: "${after}"` : ''})`);
      forward.push(...idsOf(answer));
      ({ endCursor: after, hasNextPage: more } = answer.data.sessions.pageInfo);
    }
    expect(forward).toEqual(all);
    const backward: string[] = [];
    for (let before: string | null = null, more = true; more; ) {
      const answer: Awaited<ReturnType<typeof list>> = await list(person, `(last: 2${before ? `, before: "${before}"` : ''})`);
      backward.unshift(...idsOf(answer));
      ({ startCursor: before, hasPreviousPage: more } = answer.data.sessions.pageInfo);
    }
    expect(backward).toEqual(all);
  });

  it('of another user is FORBIDDEN without sessions.read, and seen with it', async () => {
    const [person, other] = [await world.signedIn(), await world.signedIn()];
    expect((await list(person, `(userId: "${other.id}")`)).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    const support = await world.signedIn(undefined, { roles: ['support'] });
    expect(idsOf(await list(support, `(userId: "${other.id}")`))).toEqual([other.sessionId]);
  });

  it.each([
    ['a user that is no id', '(userId: "x")'],
    ['a cursor that is none', '(after: "x")'],
    ['a cursor that is none, from behind', '(last: 1, before: "R1BDOlM6eA==")'],
    ['a page of nothing', '(first: 0)'],
    ['a page of less than nothing', '(first: -1)'],
    ['a page that is too long', '(first: 101)'],
  ])('answers %s with BAD_REQUEST, no fault of ours', async (_title, args) => {
    const person = await world.signedIn();
    expect((await list(person, args)).errors?.[0]?.extensions.code).toBe('BAD_REQUEST');
  });
});
