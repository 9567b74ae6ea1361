/** Bad input is a clear BAD_REQUEST (or the operation's own refusal) and changes nothing: never a fault. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, password, type SignedInPerson, type World } from '../kit/world.ts';

let world: World;
let person: SignedInPerson;
beforeAll(async () => {
  world = await openWorld();
  person = await world.signedIn(undefined, { roles: ['superadmin'] });
});
afterAll(() => world?.close());

const nul = '\u0000';
const ids = ['', 'nobody', "' OR 1=1 --", '00000000-0000-0000-0000-00000000000g', nul, '🜁', 'x'.repeat(5000)];
const strings = [
  nul,
  `a${nul}b`,
  '\ud800',
  '\u202e',
  '<script>',
  `${'a'.repeat(100_000)}`,
  '$' + '{jndi:ldap://x}',
  '%00',
  '\r\nBcc: x@example.com',
];

/** Operations that take an id or a string from the caller; each is tried with every odd value. */
const withId = [
  'query ($v: ID!) { user(id: $v) { id } }',
  'query ($v: ID!) { sessions(userId: $v) { totalCount edges { node { id } } } }',
  'mutation ($v: ID!) { revokeSession(input: { sessionId: $v }) { __typename } }',
  'mutation ($v: ID!) { revokeSessions(input: { userId: $v }) { __typename } }',
  'query ($v: ID!) { auditEvents(filter: { actorId: $v }) { edges { cursor } } }',
  'query ($v: ID!) { auditEvents(filter: { subjectId: $v, orgId: $v }) { edges { cursor } } }',
  'mutation ($v: ID!) { refresh(input: { refreshToken: "lkr_x", orgId: $v }) { __typename } }',
  'query ($v: ID!) { me { permissions(orgId: $v) } }',
];
const withString = [
  'query ($v: String!) { auditEvents(after: $v) { edges { cursor } } }',
  'query ($v: String!) { auditEvents(filter: { types: [$v] }) { edges { cursor } } }',
  'query ($v: String!) { auditEvents(filter: { resource: $v, ipAddress: $v }) { edges { cursor } } }',
  'query ($v: String!) { sessions(after: $v) { edges { cursor } } }',
  'query ($v: String!) { sessions(before: $v) { edges { cursor } } }',
  'mutation ($v: String!) { refresh(input: { refreshToken: $v }) { __typename } }',
  'mutation ($v: String!) { verifyEmail(input: { token: $v }) { __typename } }',
  'mutation ($v: String!) { verifyEmail(input: { email: "someone@example.com", code: $v }) { __typename } }',
  'mutation ($v: String!) { resetPassword(input: { token: $v, newPassword: $v }) { __typename } }',
  'mutation ($v: String!) { changePassword(input: { currentPassword: $v, newPassword: $v }) { __typename } }',
  'mutation ($v: String!) { updateProfile(input: { username: $v }) { __typename } }',
  'mutation ($v: String!) { updateProfile(input: { name: $v }) { __typename } }',
  'mutation ($v: String!) { updateProfile(input: { phone: $v, timezone: $v, locale: $v }) { __typename } }',
  'mutation ($v: JSON!) { updateProfile(input: { preferences: $v }) { __typename } }',
  'mutation ($v: String!) { register(input: { email: "new@example.com", password: $v, username: $v, name: $v }) { __typename } }',
  `mutation ($v: String!) { login(input: { email: "${'nobody@example.com'}", password: $v, device: { fingerprint: $v, name: $v } }) { __typename } }`,
];
const cases = [
  ...withId.flatMap((query) => ids.map((v) => ({ query, v }))),
  ...withString.flatMap((query) => strings.map((v) => ({ query, v }))),
];

describe('odd input', () => {
  it(`of ${cases.length} kinds leads to no fault`, async () => {
    expect(cases.length).toBeGreaterThan(180);
    const faults: unknown[] = [];
    for (const { query, v } of cases) {
      const { status, errors } = await person.client.ask(query, { v });
      const bad = errors?.filter(({ extensions }) => !['BAD_REQUEST', 'FORBIDDEN'].includes(extensions.code)) ?? [];
      if (bad.length > 0 || status >= 500) faults.push({ query, v: v.slice(0, 20), bad });
    }
    expect(faults).toEqual([]);
    expect((await person.client.ask('{ me { id } }')).data.me.id).toBe(person.id);
  });

  it('as a device’s name does not keep anybody from signing in', async () => {
    for (const name of ['\u202e', 'x'.repeat(10_000), '<b>', '\r\n'])
      expect((await world.signIn(person, { device: { fingerprint: name, name } })).id).toBe(person.id);
  });

  it.each([
    ['sessions', 'first: 101'],
    ['sessions', 'first: 0'],
    ['sessions', 'first: -1'],
    ['sessions', 'last: 1000000'],
    ['sessions', 'first: 1, last: 1'],
    ['auditEvents', 'first: 101'],
    ['auditEvents', 'first: -1'],
    ['auditEvents', 'first: 1, last: 1'],
  ])('in a page of %s(%s) is BAD_REQUEST', async (field, args) => {
    const { errors } = await person.client.ask(`{ ${field}(${args}) { edges { cursor } } }`);
    expect(errors?.[0]?.extensions.code).toBe('BAD_REQUEST');
  });

  it('never comes back in an answer with what the caller wrote', async () => {
    const secret = `${password} hidden`;
    const bodies = [
      {
        query: 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }',
        variables: { input: { email: secret, password: secret } },
      },
      {
        query: 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }',
        variables: { input: { email: 'a@example.com', password: { secret } } },
      },
      { query: `mutation { login(input: { email: "${secret}", password: "${secret}" }) { __typename } }` },
      { query: `mutation { login(input: { emial: "${secret}" }) { __typename } }` },
    ];
    for (const body of bodies) {
      const text = await (await world.anonymous.raw(body)).text();
      expect(text).toContain('BAD_REQUEST');
      expect(text).not.toContain('hidden');
      expect(text).not.toMatch(/did you mean/i);
    }
  });
});
