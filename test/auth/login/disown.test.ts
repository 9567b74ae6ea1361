/** "This was not me": the link of a new sign-in's letter. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { ask, problem } from '../../kit/mfa.ts';
import { judged } from '../../kit/refreshing.ts';
import { openWorld, type World } from '../../kit/world.ts';

let world: Awaited<ReturnType<typeof openWorld>>;
let watch: Watch;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
});
afterAll(() => world?.close());

const disownMutation = `mutation ($input: DisownSessionInput!) { disownSession(input: $input) { __typename ${problem} ... on LoggedOut { sessionIds } } }`;
const disown = (token: string) => ask(world.anonymous, disownMutation, { token });
const linkOf = async (of: World, email: string) => /https:\S+\/not-me\?token=([\w-]+)/.exec((await of.mail(email)).text)![1] as string;
const devices = async (userId: string) => (await world.sql('SELECT 1 FROM devices WHERE user_id = $1', [userId])).length;

describe('the link of a new sign-in’s letter', () => {
  it('ends that session alone, forgets its device, and mails a link to choose a password, once', async () => {
    const person = await world.person();
    const own = await world.signIn(person, { device: { fingerprint: 'laptop' } });
    const thief = await world.signIn(person, { device: { fingerprint: 'thief' } });
    const token = await linkOf(world, person.email);
    expect(await devices(person.id)).toBe(2);
    const { answer, changed } = await watch(() => disown(token));
    expect(answer).toEqual({ __typename: 'LoggedOut', sessionIds: [thief.sessionId] });
    expect(changed).toEqual({
      ...nothing,
      facts: ['session.revoked', 'session.disowned', 'password.reset_requested'],
      sessionsEnded: 1,
      letters: [`reset-password to ${person.email}`],
    });
    expect([await judged(world, own.accessToken), await judged(world, thief.accessToken)]).toEqual(['accepted', 'UNAUTHENTICATED']);
    expect(await devices(person.id)).toBe(1);
    const again = await watch(() => disown(token));
    expect(again.answer.__typename).toBe('TokenInvalid');
    expect(again.changed).toEqual(nothing);
  });

  it('starts the reset also where the session has ended already', async () => {
    const person = await world.person();
    await world.signIn(person, { device: { fingerprint: 'laptop' } });
    const { client } = await world.signIn(person, { device: { fingerprint: 'thief' } });
    await client.ask('mutation { logout { __typename } }');
    const { answer, changed } = await watch(async () => disown(await linkOf(world, person.email)));
    expect(answer).toEqual({ __typename: 'LoggedOut', sessionIds: [] });
    expect(changed.letters).toEqual([`reset-password to ${person.email}`]);
  });

  it('is over after a week, and a token of another purpose is none', async () => {
    const person = await world.person();
    await world.signIn(person, { device: { fingerprint: 'laptop' } });
    await world.signIn(person, { device: { fingerprint: 'thief' } });
    const token = await linkOf(world, person.email);
    await world.anonymous.ask('mutation ($input: EmailInput!) { requestPasswordReset(input: $input) { __typename } }', {
      input: { email: person.email },
    });
    const reset = /token=([\w-]+)/.exec((await world.mail(person.email, 1)).text)![1] as string;
    expect((await disown(reset)).__typename).toBe('TokenInvalid');
    world.clock.move(7 * 86_400 + 1);
    expect((await disown(token)).__typename).toBe('TokenInvalid');
  });
});
