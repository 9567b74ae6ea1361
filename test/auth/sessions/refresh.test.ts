/** Refresh never logs out an honest client, and still catches a thief (DESIGN 6), by a clock that is moved. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Changes, nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { judged, refreshWith, sessionRow, useToken } from '../../kit/refreshing.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
let watch: Watch;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
});
afterAll(() => world?.close());

const minutes = 60;
const refreshed: Changes = { ...nothing, facts: ['session.refreshed'] };
const reuse = (email: string): Changes => ({
  facts: ['session.refresh_failed RefreshReused', 'session.revoked'],
  sessionsOpened: 0,
  sessionsEnded: 1,
  letters: [`refresh-reused to ${email}`],
});
const dead = async (person: SignedInPerson, accessTokens: string[], refreshTokens: string[]) => {
  expect(await sessionRow(world, person.sessionId)).toMatchObject({ revoked_reason: 'refresh_reused' });
  for (const token of accessTokens) expect(await judged(world, token)).toBe('UNAUTHENTICATED');
  for (const token of refreshTokens)
    expect(await refreshWith(world, token)).toMatchObject({ __typename: 'SessionEnded', reason: 'refresh_reused' });
};

describe('a refresh with the current token', () => {
  it('gives the next generation of the same session, and one fact', async () => {
    const person = await world.signedIn();
    const { answer, changed } = await watch(() => refreshWith(world, person.refreshToken));
    expect(answer).toMatchObject({ __typename: 'SignedIn', expiresIn: 900, session: { id: person.sessionId } });
    expect(answer.refreshToken).not.toBe(person.refreshToken);
    expect(changed).toEqual(refreshed);
    expect(await sessionRow(world, person.sessionId)).toMatchObject({ generation: 1, revoked_at: null });
    expect(await useToken(world, answer.accessToken)).toBe(person.id);
  });

  it('says in its fact which generation it made, of which session, from where', async () => {
    const person = await world.signedIn();
    await refreshWith(world, person.refreshToken);
    const [fact] = await world.sql(`SELECT * FROM audit_events WHERE type = 'session.refreshed' AND session_id = $1`, [person.sessionId]);
    expect(fact).toMatchObject({ actor_id: person.id, subject_id: person.id, outcome: 'SUCCESS', data: { generation: 1 } });
    expect(fact).toMatchObject({ ip_address: expect.stringMatching(/127\.0\.0\.1|::1/), user_agent: expect.stringContaining('Firefox') });
  });

  it('leaves the access token of the generation before valid until it is over', async () => {
    const person = await world.signedIn();
    await refreshWith(world, person.refreshToken);
    expect(await judged(world, person.accessToken)).toBe('accepted');
    world.clock.move(15 * minutes);
    expect(await judged(world, person.accessToken)).toBe('UNAUTHENTICATED');
  });
});

describe('the previous token', () => {
  it('gets the same successor again within the grace, though that has been used already', async () => {
    const person = await world.signedIn();
    const first = await refreshWith(world, person.refreshToken);
    expect(await useToken(world, first.accessToken)).toBe(person.id);
    world.clock.move(28);
    const { answer, changed } = await watch(() => refreshWith(world, person.refreshToken));
    expect(answer).toMatchObject({ __typename: 'SignedIn', refreshToken: first.refreshToken });
    expect(changed).toEqual(nothing);
    expect(await sessionRow(world, person.sessionId)).toMatchObject({ generation: 1, revoked_at: null });
    expect(await useToken(world, answer.accessToken)).toBe(person.id);
  });

  it('gets the same successor again after ten minutes where no access token of that was seen: the answer was lost', async () => {
    const person = await world.signedIn();
    // Used before the refresh: of the generation before, which proves nothing of the answer.
    await useToken(world, person.accessToken);
    const lost = await refreshWith(world, person.refreshToken);
    world.clock.move(10 * minutes);
    await useToken(world, person.accessToken);
    const { answer, changed } = await watch(() => refreshWith(world, person.refreshToken));
    expect(answer).toMatchObject({ __typename: 'SignedIn', refreshToken: lost.refreshToken });
    expect(changed).toEqual({ ...nothing, facts: ['session.refresh_repeated'] });
    world.clock.move(10 * minutes);
    expect((await refreshWith(world, person.refreshToken)).refreshToken).toBe(lost.refreshToken);
    const next = await refreshWith(world, lost.refreshToken);
    expect(next.__typename).toBe('SignedIn');
    expect(await useToken(world, next.accessToken)).toBe(person.id);
  });

  it('is RefreshReused after the grace once the successor was used: the session is dead, the owner told', async () => {
    const person = await world.signedIn();
    const successor = await refreshWith(world, person.refreshToken);
    await useToken(world, successor.accessToken);
    world.clock.move(31);
    const { answer, changed } = await watch(() => refreshWith(world, person.refreshToken));
    expect(answer).toMatchObject({ __typename: 'RefreshReused' });
    expect(changed).toEqual(reuse(person.email));
    await dead(person, [person.accessToken, successor.accessToken], [person.refreshToken, successor.refreshToken]);
    const mail = await world.mail(person.email);
    expect(mail.text).toContain('Firefox');
    expect(mail.text).not.toContain(person.refreshToken);
  });

  it('is RefreshReused after a lost answer was repeated and its access token used', async () => {
    const person = await world.signedIn();
    await refreshWith(world, person.refreshToken);
    world.clock.move(10 * minutes);
    const again = await refreshWith(world, person.refreshToken);
    await useToken(world, again.accessToken);
    const { answer, changed } = await watch(() => refreshWith(world, person.refreshToken));
    expect(answer.__typename).toBe('RefreshReused');
    expect(changed).toEqual(reuse(person.email));
  });
});

describe('an older token', () => {
  it('is RefreshReused at once, also within the grace', async () => {
    const person = await world.signedIn();
    const first = await refreshWith(world, person.refreshToken);
    const second = await refreshWith(world, first.refreshToken);
    const { answer, changed } = await watch(() => refreshWith(world, person.refreshToken));
    expect(answer.__typename).toBe('RefreshReused');
    expect(changed).toEqual(reuse(person.email));
    await dead(person, [person.accessToken, first.accessToken, second.accessToken], [first.refreshToken, second.refreshToken]);
  });

  it('of a session that is dead already says SessionEnded, is recorded, and sends no second mail', async () => {
    const person = await world.signedIn();
    const first = await refreshWith(world, person.refreshToken);
    await refreshWith(world, first.refreshToken);
    await refreshWith(world, person.refreshToken);
    const { answer, changed } = await watch(() => refreshWith(world, person.refreshToken));
    expect(answer).toMatchObject({ __typename: 'SessionEnded', reason: 'refresh_reused' });
    expect(changed).toEqual({ ...nothing, facts: ['session.refresh_failed SessionEnded'] });
  });

  it('kills its own session only: the others of the same user go on', async () => {
    const person = await world.signedIn();
    const other = await world.signIn(person);
    const first = await refreshWith(world, person.refreshToken);
    await refreshWith(world, first.refreshToken);
    expect((await refreshWith(world, person.refreshToken)).__typename).toBe('RefreshReused');
    expect(await useToken(world, other.accessToken)).toBe(person.id);
    expect((await refreshWith(world, other.refreshToken)).__typename).toBe('SignedIn');
  });
});

describe('REFRESH_GRACE_SECONDS=0', () => {
  it('still repeats a lost answer, and takes the previous token for reuse as soon as the successor was used', async () => {
    const strict = await openWorld({ REFRESH_GRACE_SECONDS: '0' });
    try {
      const person = await strict.signedIn();
      const successor = await refreshWith(strict, person.refreshToken);
      strict.clock.move(1);
      expect((await refreshWith(strict, person.refreshToken)).refreshToken).toBe(successor.refreshToken);
      await useToken(strict, successor.accessToken);
      expect((await refreshWith(strict, person.refreshToken)).__typename).toBe('RefreshReused');
      expect(await judged(strict, successor.accessToken)).toBe('UNAUTHENTICATED');
    } finally {
      await strict.close();
    }
  });
});
