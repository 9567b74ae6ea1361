/** Live streams over both transports: resumed without a gap or a repeat, ended with the session, seen by nobody else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSocketStream } from '../kit/socket.ts';
import { openStream } from '../kit/stream.ts';
import { openWorld, refreshMutation, type SignedInPerson, type World } from '../kit/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world?.close());

const sessionEvents =
  'subscription ($after: String, $userId: ID) { sessionEvents(after: $after, userId: $userId) { id type reason occurredAt session { id user { id } } } }';
const auditEvents =
  'subscription ($after: String, $filter: AuditEventFilter) { auditEvents(after: $after, filter: $filter) { id type actor { id email } data } }';

/** The two transports behind one word. */
const transports = {
  SSE: (person: SignedInPerson, query: string, variables: Record<string, unknown> = {}) => openStream(person.client, query, variables),
  WebSocket: (person: SignedInPerson, query: string, variables: Record<string, unknown> = {}) =>
    openSocketStream(world.url, person.accessToken, query, variables),
};
const names = Object.keys(transports) as (keyof typeof transports)[];
const refresh = async (person: SignedInPerson) => {
  const { data } = await world.anonymous.ask(refreshMutation, { input: { refreshToken: person.refreshToken } });
  person.refreshToken = data.refresh.refreshToken;
};

describe.each(names)('a stream over %s', (transport) => {
  const open = transports[transport];

  it('tells a session’s life: created, refreshed, revoked, with who, when and why', async () => {
    const watcher = await world.signedIn();
    const stream = await open(watcher, sessionEvents);
    const second = await world.signIn(watcher);
    await refresh(second);
    await watcher.client.ask('mutation ($id: ID!) { revokeSession(input: { sessionId: $id }) { __typename } }', { id: second.sessionId });
    const events = [];
    // What was committed just before may still be told: commit order waits for every transaction of the server.
    while (events.length < 3) {
      const { sessionEvents: event } = await stream.next();
      if (event.session.id === second.sessionId) events.push(event);
    }
    expect(events.map(({ type, reason, session }) => [type, reason, session.id, session.user.id])).toEqual([
      ['CREATED', null, second.sessionId, watcher.id],
      ['REFRESHED', null, second.sessionId, watcher.id],
      ['REVOKED', 'revoked', second.sessionId, watcher.id],
    ]);
    await stream.close();
  });

  it('resumes after an event with what came meanwhile, in order, without a gap or a repeat, while more is coming', async () => {
    const watcher = await world.signedIn();
    const device = await world.signIn(watcher);
    const first = await open(watcher, sessionEvents);
    await refresh(device);
    let event = (await first.next()).sessionEvents;
    while (event.type !== 'REFRESHED') event = (await first.next()).sessionEvents;
    const last = event.id;
    await first.close();
    for (let i = 0; i < 7; i++) await refresh(device);
    const [resumed] = await Promise.all([
      open(watcher, sessionEvents, { after: last }),
      (async () => {
        for (let i = 0; i < 8; i++) await refresh(device);
      })(),
    ]);
    const ids: string[] = [];
    for (let i = 0; i < 15; i++) ids.push((await resumed.next()).sessionEvents.id);
    const recorded = await world.sql<{ id: string }>(
      `SELECT id FROM audit_events WHERE type = 'session.refreshed' AND session_id = $1 AND id > $2 ORDER BY tx, seq`,
      [device.sessionId, last],
    );
    expect(ids).toEqual(recorded.map((row) => row.id));
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(resumed.received.length).toBe(15);
    await resumed.close();
  });

  it('ends within a second of the revocation of the subscriber’s session', async () => {
    const watcher = await world.signedIn();
    const other = await world.signIn(watcher);
    const stream = await open(watcher, auditEvents);
    const began = performance.now();
    await other.client.ask('mutation ($id: ID!) { revokeSession(input: { sessionId: $id }) { __typename } }', { id: watcher.sessionId });
    await ('ended' in stream ? stream.ended : stream.closed);
    expect(performance.now() - began).toBeLessThan(1000);
    await stream.close();
  });

  it('tells nothing of anybody else, and everything to a holder of audit.read', async () => {
    const [one, two] = [await world.signedIn(), await world.signedIn()];
    const admin = await world.signedIn(undefined, { roles: ['superadmin'] });
    const [ofOne, ofAll] = [
      await open(one, auditEvents),
      await open(admin, auditEvents, { filter: { types: ['session.*'], subjectId: two.id } }),
    ];
    await refresh(two);
    let told = (await ofAll.next()).auditEvents;
    // What was committed just before may still be told.
    while (told.type === 'session.created') told = (await ofAll.next()).auditEvents;
    expect(told).toMatchObject({ type: 'session.refreshed', actor: { id: two.id, email: two.email } });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(ofOne.received.filter(({ auditEvents: { actor } }) => actor?.id !== one.id)).toEqual([]);
    await Promise.all([ofOne.close(), ofAll.close()]);
  });

  it('refuses an after that names no event', async () => {
    const watcher = await world.signedIn();
    const stream = await open(watcher, sessionEvents, { after: watcher.id });
    const code = 'refused' in stream ? stream.refused : stream.errors[0]?.extensions.code;
    expect(code).toBe('BAD_REQUEST');
    await stream.close();
  });
});

describe('a stream', () => {
  it('ends within a second of its session’s absolute end, and refresh says so too', async () => {
    const own = await openWorld();
    try {
      const watcher = await own.signedIn();
      const stream = await openStream(watcher.client, sessionEvents);
      own.clock.move(7 * 86_400 + 1);
      const began = performance.now();
      await stream.ended;
      expect(performance.now() - began).toBeLessThan(1000);
      const { data } = await own.anonymous.ask(refreshMutation, { input: { refreshToken: watcher.refreshToken } });
      expect(data.refresh).toMatchObject({ __typename: 'SessionEnded', reason: 'expired' });
    } finally {
      await own.close();
    }
  });
});
