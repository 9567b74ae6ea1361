/** Pages of the log: who sees what, what filters take, and that no page loses or repeats a fact. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callerOf } from '../../kit/caller.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
let ada: SignedInPerson;
let bob: SignedInPerson;
let admin: SignedInPerson;
beforeAll(async () => {
  world = await openWorld();
  ada = await world.signedIn('ada@example.com');
  bob = await world.signedIn('bob@example.com');
  admin = await world.signedIn('root@example.com', { roles: ['superadmin'] });
});
afterAll(() => world?.close());

type Node = { id: string; type: string; actor: { id: string } | null; subject: { id: string } | null };
const events = async (by: SignedInPerson, filter: object = {}, page: object = {}) => {
  const answer = await by.client.ask(
    `query ($filter: AuditEventFilter, $first: Int, $after: String, $last: Int, $before: String) {
      auditEvents(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
        edges { cursor node { id type outcome occurredAt actor { id } subject { id } } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`,
    { filter, ...page },
  );
  const nodes = (answer.data?.auditEvents.edges ?? []).map((edge: { node: Node }) => edge.node) as Node[];
  return {
    nodes,
    page: answer.data?.auditEvents.pageInfo,
    code: answer.errors?.[0]?.extensions.code,
    types: nodes.map((node) => node.type),
  };
};

describe('who sees which facts', () => {
  it('a user sees those whose actor or subject it is, newest first, and no other', async () => {
    await admin.client.ask('mutation ($id: ID!) { revokeSession(input: { sessionId: $id }) { __typename } }', {
      id: (await world.signIn(ada)).sessionId,
    });
    const { nodes, types } = await events(ada);
    expect(types).toEqual(['session.revoked', 'user.login', 'session.created', 'user.login', 'session.created']);
    expect(nodes[0]).toMatchObject({ subject: { id: ada.id } });
    for (const node of nodes) expect([node.actor?.id, node.subject?.id]).toContain(ada.id);
  });

  it('a user who asks for another’s gets nothing, and is not told whether there are any', async () => {
    expect((await events(bob, { actorId: ada.id })).nodes).toEqual([]);
    expect((await events(bob, { subjectId: ada.id })).nodes).toEqual([]);
  });

  it('a holder of audit.read sees everybody’s; support, who has it not, does not', async () => {
    const { nodes } = await events(admin, {}, { first: 100 });
    expect(nodes.length).toBe(Number((await world.sql<{ n: string }>('SELECT count(*) AS n FROM audit_events'))[0]!.n));
    const support = await world.signedIn(undefined, { roles: ['support'] });
    expect(new Set((await events(support)).nodes.map((node) => node.subject?.id))).toEqual(new Set([support.id]));
  });

  it('an organization’s facts are FORBIDDEN without audit.read', async () => {
    expect((await events(ada, { orgId: ada.id })).code).toBe('FORBIDDEN');
    expect(await events(admin, { orgId: ada.id })).toMatchObject({ code: undefined, nodes: [] });
  });

  it('a person’s activity is for that person and a holder of audit.read', async () => {
    const activity = async (by: SignedInPerson, of: SignedInPerson) => {
      const { data } = await by.client.ask('query ($id: ID!) { user(id: $id) { activity { edges { node { subject { id } } } } } }', {
        id: of.id,
      });
      return data.user.activity?.edges.map((edge: { node: Node }) => edge.node.subject?.id) ?? null;
    };
    expect(new Set(await activity(ada, ada))).toEqual(new Set([ada.id]));
    expect(await activity(bob, ada)).toBeNull();
    expect(new Set(await activity(admin, ada))).toEqual(new Set([ada.id]));
  });
});

describe('a filter', () => {
  it('takes whole names, prefixes, both, or everything', async () => {
    const all = (await events(ada)).types;
    expect((await events(ada, { types: ['session.*'] })).types).toEqual(all.filter((type) => type.startsWith('session.')));
    expect((await events(ada, { types: ['user.login'] })).types).toEqual(all.filter((type) => type === 'user.login'));
    expect((await events(ada, { types: ['user.login', 'session.*'] })).types).toEqual(all);
    for (const types of [['*'], [], null]) expect((await events(ada, { types })).types).toEqual(all);
    // A whole name is no prefix, and the dot of a prefix is part of it.
    expect((await events(ada, { types: ['session'] })).types).toEqual([]);
    expect((await events(ada, { types: ['user.log.*'] })).types).toEqual([]);
  });

  it('takes an outcome, an address, a resource, an actor and a subject', async () => {
    await world.anonymous.ask('mutation { login(input: { email: "ada@example.com", password: "a wrong password" }) { __typename } }');
    expect((await events(ada, { outcome: 'FAILURE' })).types).toEqual(['user.login_failed']);
    expect((await events(ada, { ipAddress: '192.0.2.99' })).types).toEqual([]);
    expect((await events(ada, { resource: 'user:1' })).types).toEqual([]);
    expect((await events(ada, { actorId: admin.id })).types).toEqual(['session.revoked']);
    expect((await events(admin, { subjectId: ada.id, actorId: admin.id })).types).toEqual(['session.revoked']);
    expect((await events(admin, { actorId: ada.id.toUpperCase(), types: ['user.login'] })).types).toHaveLength(2);
  });

  it('takes a span of time, its beginning in it and its end not', async () => {
    const facts = await world.sql<{ id: string; occurred_at: Date }>('SELECT id, occurred_at FROM audit_events WHERE actor_id = $1', [
      bob.id,
    ]);
    const at = facts[0]!.occurred_at;
    const span = async (from: Date | null, to: Date | null) => (await events(bob, { from, to })).nodes.length;
    const later = new Date(at.getTime() + 1);
    expect(await span(at, null)).toBe(facts.length);
    expect(await span(later, null)).toBe(0);
    expect(await span(null, at)).toBe(0);
    expect(await span(null, later)).toBe(facts.length);
    expect(await span(new Date('1950-01-01T00:00:00Z'), new Date('9999-12-31T00:00:00Z'))).toBe(facts.length);
    expect(await span(null, new Date('1950-01-01T00:00:00Z'))).toBe(0);
  });

  it.each([
    ['a type out of form', { types: ['session.%'] }],
    ['a type with a star in its middle', { types: ['session.*.x'] }],
    ['too many types', { types: Array(51).fill('user.login') }],
    ['an actor that is no id', { actorId: "' OR 1=1" }],
    ['a subject that is no id', { subjectId: 'x' }],
    ['an organization that is no id', { orgId: 'x' }],
    ['an address with a NUL', { ipAddress: '\u0000' }],
    ['a resource with a NUL', { resource: 'user:\u0000' }],
  ])('with %s is BAD_REQUEST', async (_title, filter) => {
    expect((await events(admin, filter)).code).toBe('BAD_REQUEST');
  });
});

describe('a page', () => {
  it.each([
    ['first and last', { first: 1, last: 1 }],
    ['none', { first: 0 }],
    ['too many', { first: 101 }],
    ['too many from behind', { last: 101 }],
    ['a cursor that is none', { after: 'x' }],
    ['a cursor that is none, from behind', { last: 1, before: 'x' }],
  ])('of %s is BAD_REQUEST', async (_title, page) => {
    expect((await events(ada, {}, page)).code).toBe('BAD_REQUEST');
  });

  it('after page, forward and backward, gives every fact once while more are written', async () => {
    const known = (await events(admin, {}, { first: 100 })).nodes.map((node) => node.id);
    const forward: string[] = [];
    for (let after: string | null = null, more = true; more; ) {
      const answer: Awaited<ReturnType<typeof events>> = await events(admin, {}, { first: 3, after });
      forward.push(...answer.nodes.map((node) => node.id));
      ({ endCursor: after, hasNextPage: more } = answer.page);
      await world.signIn(bob);
    }
    // What came later is newer than the first page: it neither pushes a fact out of a page nor repeats one.
    expect(forward).toEqual(known);
    const before = forward.at(-1)!;
    const backward: string[] = [];
    for (let cursor = before, more = true; more; ) {
      const answer: Awaited<ReturnType<typeof events>> = await events(admin, {}, { last: 3, before: cursor });
      backward.unshift(...answer.nodes.map((node) => node.id));
      ({ startCursor: cursor, hasPreviousPage: more } = answer.page);
    }
    expect(backward.slice(-known.length + 1)).toEqual(known.slice(0, -1));
    expect(new Set(backward).size).toBe(backward.length);
  });

  it('says whether there is more in the direction it went, to the fact', async () => {
    const caller = await callerOf(world, ada.accessToken);
    const { list } = world.house.auth.audit;
    const all = await list(caller, { first: 100 });
    const total = all.edges.length;
    expect(all.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: false });
    expect((await list(caller, { first: total })).pageInfo.hasNextPage).toBe(false);
    expect((await list(caller, { first: total - 1 })).pageInfo.hasNextPage).toBe(true);
    expect((await list(caller, { last: total })).pageInfo.hasPreviousPage).toBe(false);
    expect((await list(caller, { last: total - 1 })).pageInfo.hasPreviousPage).toBe(true);
    const none = await list(caller, { first: 5, after: all.edges.at(-1)!.cursor });
    expect(none).toEqual({ edges: [], pageInfo: { hasNextPage: false, hasPreviousPage: true, startCursor: null, endCursor: null } });
  });
});
