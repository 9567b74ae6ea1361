/** Ending sessions on demand, and who may see and end whose. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callerOf, stranger } from '../../kit/caller.ts';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { judged, refreshWith, sessionRow, useToken } from '../../kit/refreshing.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
let watch: Watch;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
});
afterAll(() => world?.close());

const result = '{ __typename ... on LoggedOut { sessionIds } ... on Problem { code } }';
const revoke = (by: SignedInPerson, sessionId: string) =>
  by.client.ask(`mutation ($input: RevokeSessionInput!) { revokeSession(input: $input) ${result} }`, { input: { sessionId } });
const revokeAll = (by: SignedInPerson, input?: object) =>
  by.client.ask(`mutation ($input: RevokeSessionsInput) { revokeSessions(input: $input) ${result} }`, { input });
const logout = (by: SignedInPerson) => by.client.ask(`mutation { logout ${result} }`);

const isDead = async (person: SignedInPerson, reason: string): Promise<void> => {
  expect(await sessionRow(world, person.sessionId)).toMatchObject({ revoked_reason: reason });
  expect(await judged(world, person.accessToken)).toBe('UNAUTHENTICATED');
  expect(await useToken(world, person.accessToken)).toBe('UNAUTHENTICATED');
  expect(await refreshWith(world, person.refreshToken)).toMatchObject({ __typename: 'SessionEnded', reason });
};
const lives = async (person: SignedInPerson): Promise<void> => {
  expect(await useToken(world, person.accessToken)).toBe(person.id);
  expect(await sessionRow(world, person.sessionId)).toMatchObject({ revoked_at: null });
};
const ended = (facts: string[], sessionsEnded = 1) => ({ ...nothing, facts, sessionsEnded });

describe('logout', () => {
  it('ends the session of the access token and no other', async () => {
    const person = await world.signedIn();
    const other = await world.signIn(person);
    const { answer, changed } = await watch(() => logout(person));
    expect(answer.data.logout).toEqual({ __typename: 'LoggedOut', sessionIds: [person.sessionId] });
    expect(changed).toEqual(ended(['session.revoked', 'user.logout']));
    await isDead(person, 'logout');
    await lives(other);
  });

  it('ends the session of the cookie where the access token is over, also with a generation that was replaced', async () => {
    const person = await world.signedIn();
    await refreshWith(world, person.refreshToken);
    const { answer, changed } = await watch(() =>
      world.house.auth.sessions.logout(stranger(undefined, { csrfHeader: true, refreshCookie: person.refreshToken })),
    );
    expect(answer).toEqual({ kind: 'LoggedOut', sessionIds: [person.sessionId] });
    expect(changed).toEqual(ended(['session.revoked', 'user.logout']));
    await isDead(person, 'logout');
  });

  it('without a token, or with a forged cookie, is UNAUTHENTICATED and ends nothing', async () => {
    const person = await world.signedIn();
    const forged = `${person.refreshToken.slice(0, -1)}${person.refreshToken.endsWith('A') ? 'B' : 'A'}`;
    const { changed } = await watch(async () => {
      for (const refreshCookie of [null, forged, 'nonsense'])
        await expect(world.house.auth.sessions.logout(stranger(undefined, { refreshCookie }))).rejects.toMatchObject({
          code: 'UNAUTHENTICATED',
        });
    });
    expect(changed).toEqual(nothing);
    await lives(person);
  });
});

describe('revokeSession', () => {
  it('ends one of the caller’s own sessions, the current one as well as another', async () => {
    const person = await world.signedIn();
    const other = await world.signIn(person);
    const { answer, changed } = await watch(() => revoke(person, other.sessionId));
    expect(answer.data.revokeSession).toEqual({ __typename: 'LoggedOut', sessionIds: [other.sessionId] });
    expect(changed).toEqual(ended(['session.revoked']));
    await isDead(other, 'revoked');
    await lives(person);
    await revoke(person, person.sessionId);
    await isDead(person, 'revoked');
  });

  it.each([
    ['another user’s', async () => (await world.signedIn()).sessionId],
    ['one that is not there', async () => '018f0000-0000-7000-8000-000000000000'],
    ['something that is no id', async () => "x' OR true --"],
    ['an id with a digit too many', async () => '018f0000-0000-7000-8000-0000000000000'],
  ])('of %s is NotFound and ends nothing', async (_title, find) => {
    const person = await world.signedIn();
    const sessionId = await find();
    const { answer, changed } = await watch(() => revoke(person, sessionId));
    expect(answer.errors).toBeUndefined();
    expect(answer.data.revokeSession).toEqual({ __typename: 'NotFound', code: 'NOT_FOUND' });
    expect(changed).toEqual(nothing);
    await lives(person);
  });

  it('a second time is NotFound: a session ends once', async () => {
    const person = await world.signedIn();
    const other = await world.signIn(person);
    await revoke(person, other.sessionId);
    const { answer, changed } = await watch(() => revoke(person, other.sessionId));
    expect(answer.data.revokeSession.__typename).toBe('NotFound');
    expect(changed).toEqual(nothing);
  });

  it('ends anybody’s session for a holder of sessions.revoke, who is named in the fact', async () => {
    const [person, support] = [await world.signedIn(), await world.signedIn(undefined, { roles: ['support'] })];
    const { answer, changed } = await watch(() => revoke(support, person.sessionId));
    expect(answer.data.revokeSession).toEqual({ __typename: 'LoggedOut', sessionIds: [person.sessionId] });
    expect(changed).toEqual(ended(['session.revoked']));
    await isDead(person, 'revoked_by_admin');
    const [fact] = await world.sql(`SELECT * FROM audit_events WHERE type = 'session.revoked' AND session_id = $1`, [person.sessionId]);
    expect(fact).toMatchObject({ actor_id: support.id, subject_id: person.id, data: { reason: 'revoked_by_admin' } });
  });
});

describe('revokeSessions', () => {
  it('ends the caller’s other sessions and leaves the current one; with exceptCurrent false that as well', async () => {
    const person = await world.signedIn();
    const [second, third] = [await world.signIn(person), await world.signIn(person)];
    const { answer, changed } = await watch(() => revokeAll(person));
    expect(new Set(answer.data.revokeSessions.sessionIds)).toEqual(new Set([second.sessionId, third.sessionId]));
    expect(changed).toEqual(ended(['session.revoked', 'session.revoked'], 2));
    await isDead(second, 'revoked');
    await lives(person);
    const all = await revokeAll(person, { exceptCurrent: false });
    expect(all.data.revokeSessions.sessionIds).toEqual([person.sessionId]);
    await isDead(person, 'revoked');
  });

  it('of another user is FORBIDDEN without sessions.revoke and ends nothing', async () => {
    const [person, other] = [await world.signedIn(), await world.signedIn()];
    const { answer, changed } = await watch(() => revokeAll(person, { userId: other.id }));
    expect(answer.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    expect(changed).toEqual(nothing);
    await lives(other);
  });

  it('of another user ends them all for a holder of sessions.revoke, whose own go on', async () => {
    const [person, support] = [await world.signedIn(), await world.signedIn(undefined, { roles: ['support'] })];
    const second = await world.signIn(person);
    await revokeAll(support, { userId: person.id });
    for (const session of [person, second]) await isDead(session, 'revoked_by_admin');
    await lives(support);
  });

  it('of a user who may more is FORBIDDEN to a holder of sessions.revoke, one by one too, and ends nothing', async () => {
    const [boss, support] = [
      await world.signedIn(undefined, { roles: ['superadmin'] }),
      await world.signedIn(undefined, { roles: ['support'] }),
    ];
    for (const call of [() => revokeAll(support, { userId: boss.id }), () => revoke(support, boss.sessionId)]) {
      const { answer, changed } = await watch(call);
      expect(answer.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
      expect(changed).toEqual(nothing);
    }
    await lives(boss);
    await revokeAll(boss, { userId: support.id });
    await isDead(support, 'revoked_by_admin');
  });

  it('of something that is no id is BAD_REQUEST, no fault of ours', async () => {
    const support = await world.signedIn(undefined, { roles: ['support'] });
    const { answer, changed } = await watch(() => revokeAll(support, { userId: 'nobody' }));
    expect(answer.errors?.[0]?.extensions.code).toBe('BAD_REQUEST');
    expect(changed).toEqual(nothing);
  });

  it('takes one’s own id in capitals for one’s own', async () => {
    const person = await world.signedIn();
    const second = await world.signIn(person);
    const { data } = await revokeAll(person, { userId: person.id.toUpperCase() });
    expect(data.revokeSessions.sessionIds).toEqual([second.sessionId]);
    await isDead(second, 'revoked');
  });
});

describe('the door', () => {
  it('refuses a session that the database alone knows to be ended once the log has not been heard for a second', async () => {
    const person = await world.signedIn();
    await world.sql(`UPDATE sessions SET revoked_at = now(), revoked_reason = 'revoked' WHERE id = $1`, [person.sessionId]);
    world.clock.move(5);
    expect(await judged(world, person.accessToken)).toBe('UNAUTHENTICATED');
  });

  it('knows the caller’s permissions and scopes by role, and a plain user has none', async () => {
    const [plain, support] = [await world.signedIn(), await world.signedIn(undefined, { roles: ['support'] })];
    expect((await callerOf(world, plain.accessToken)).permissions).toEqual(new Set());
    const caller = await callerOf(world, support.accessToken);
    expect(caller.permissions).toEqual(new Set(['permissions.check', 'users.read', 'users.unlock', 'sessions.read', 'sessions.revoke']));
    expect(new Set(caller.identity.scopes)).toEqual(caller.permissions);
  });
});
