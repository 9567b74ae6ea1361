/** Queries that come often are compiled: on the real graph, with its plugins that read `info`, their answers stay the same. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, type SignedInPerson, type World } from '../kit/world.ts';

let world: World;
let ada: SignedInPerson;
beforeAll(async () => {
  world = await openWorld();
  ada = await world.signedIn();
  await world.signIn(ada);
  await world.signIn(ada);
});
afterAll(() => world.close());

describe('a query that comes twenty times', () => {
  it.each<[string, string, object?]>([
    ['of five fields', '{ me { id email username status createdAt } }'],
    [
      'of a connection',
      '{ sessions(first: 2) { totalCount edges { cursor node { id current createdAt deviceName os }  } pageInfo { hasNextPage endCursor } } }',
    ],
    [
      'of a connection by variables',
      'query ($n: Int!, $after: String) { sessions(first: $n, after: $after) { edges { node { id } } pageInfo { hasNextPage } } }',
      { n: 1 },
    ],
    ['of edges within', '{ me { id sessions(first: 1) { edges { node { id user { email } } } } } }'],
    [
      'through fragments and aliases',
      'query ($yes: Boolean!) { a: me { ...F @include(if: $yes) } b: me { ...F email } } fragment F on User { id name @skip(if: $yes) }',
      { yes: true },
    ],
    ['that is denied', '{ sessions(userId: "018f0000-0000-7000-8000-000000000000") { totalCount } }'],
  ])('%s has the same answer every time', async (_title, query, variables) => {
    const first = await ada.client.ask(query, variables);
    for (let i = 0; i < 20; i += 1) {
      const { status, data, errors } = await ada.client.ask(query, variables);
      expect({ status, data, errors }).toEqual({ status: first.status, data: first.data, errors: first.errors });
    }
    expect(first.errors?.[0]?.extensions.code).not.toBe('BAD_REQUEST');
    expect(first.errors?.[0]?.extensions.code).not.toBe('INTERNAL');
  });
});
