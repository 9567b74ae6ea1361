/** What comes often is compiled: on the real graph, with its plugins that read `info`, the answers stay the same. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, password, type SignedInPerson, type World } from '../kit/world.ts';

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
    [
      'with an input object, a list and a time among its variables',
      'query ($filter: AuditEventFilter) { auditEvents(first: 2, filter: $filter) { edges { node { type outcome data session { id } } } } }',
      { filter: { types: ['session.*'], outcome: 'SUCCESS', from: '2020-01-01T00:00:00+02:00' } },
    ],
    [
      'without the variable it names',
      'query ($filter: AuditEventFilter) { auditEvents(last: 1, filter: $filter) { edges { node { type } } } }',
    ],
    [
      'without a variable that is named like a member of every object',
      'query ($toString: ID) { sessions(userId: $toString) { totalCount } me { permissions(orgId: $toString) } }',
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

describe('the character U+0000', () => {
  it.each(['\\u0000', '\\u{0}', '\\u{0000}'])('is refused where it is written as %s', async (written) => {
    const { errors } = await ada.client.ask(`mutation { updateProfile(input: { name: "a${written}b" }) { __typename } }`);
    expect(errors?.[0]).toMatchObject({ message: 'The character U+0000 is not accepted.', extensions: { code: 'BAD_REQUEST' } });
  });
});

describe('a mutation that comes twenty times', () => {
  it.each<[string, string, object, unknown]>([
    [
      'with any JSON in its input',
      'mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { __typename ... on User { name preferences } ... on Problem { code } } }',
      { input: { name: 'Ada', preferences: { theme: ['dark', null, { at: 1.5 }] } } },
      { updateProfile: { __typename: 'User', name: 'Ada', preferences: { theme: ['dark', null, { at: 1.5 }] } } },
    ],
    [
      'and is refused',
      'mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { __typename ... on InvalidInput { code field } ... on Problem { message } } }',
      { input: { phone: 'none' } },
      { updateProfile: { __typename: 'InvalidInput', code: 'INVALID_INPUT', field: 'input.phone', message: expect.any(String) } },
    ],
  ])('%s ends the same every time', async (_title, query, variables, data) => {
    for (let i = 0; i < 20; i += 1) expect(await ada.client.ask(query, variables)).toMatchObject({ status: 200, data });
  });

  it('and signs in gives a session of its own each time, with the rows it asks for', async () => {
    const mutation = `mutation ($input: LoginInput!) { login(input: $input) { __typename ... on SignedIn {
      accessToken user { id email sessions(first: 1) { totalCount } } session { id current deviceName createdAt user { email } } } } }`;
    const seen = new Set<string>();
    for (let i = 0; i < 20; i += 1) {
      const { data } = await ada.client.ask(mutation, { input: { email: ada.email, password, device: { name: `number ${i}` } } });
      expect(data.login).toMatchObject({
        __typename: 'SignedIn',
        user: { id: ada.id, email: ada.email },
        session: { current: true, deviceName: `number ${i}`, user: { email: ada.email } },
      });
      seen.add(data.login.session.id);
    }
    expect(seen.size).toBe(20);
  });

  it('one after the other in a document still runs in order', async () => {
    const mutation = `mutation ($a: UpdateProfileInput!, $b: UpdateProfileInput!) {
      first: updateProfile(input: $a) { ... on User { name } } second: updateProfile(input: $b) { ... on User { name } } }`;
    for (let i = 0; i < 12; i += 1)
      expect((await ada.client.ask(mutation, { a: { name: 'A' }, b: { name: 'B' } })).data).toEqual({
        first: { name: 'A' },
        second: { name: 'B' },
      });
  });
});
