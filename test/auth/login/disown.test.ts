/** "This was not me": the link of a new sign-in's letter. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { ask, mfaLoginMutation, problem, withTotp } from '../../kit/mfa.ts';
import { judged } from '../../kit/refreshing.ts';
import { openWorld, password, type World } from '../../kit/world.ts';
import { challenged, verify } from '../mfa/asking.ts';

let world: Awaited<ReturnType<typeof openWorld>>;
let watch: Watch;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
});
afterAll(() => world?.close());

const disownMutation = `mutation ($input: DisownSessionInput!) { disownSession(input: $input) { __typename ${problem} ... on LoggedOut { sessionIds } } }`;
const disown = (token: string) => ask(world.anonymous, disownMutation, { token });
const linkOf = async (of: World, email: string): Promise<string> => {
  for (let waited = 0; waited < 8000; waited += 20) {
    const found = of.mailsTo(email).flatMap(({ text }) => /https:\S+\/not-me\?token=([\w-]+)/.exec(text)?.[1] ?? [])[0];
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`no letter with a link came to ${email}`);
};
const devices = async (userId: string) => (await world.sql('SELECT 1 FROM devices WHERE user_id = $1', [userId])).length;

describe('the link of a new sign-in’s letter', () => {
  it('ends that session, forgets its device, and mails a link to choose a password, once', async () => {
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

  it('ends the other sign-ins of that device since then, of which no letter told', async () => {
    const person = await world.person();
    const own = await world.signIn(person, { device: { fingerprint: 'laptop' } });
    const first = await world.signIn(person, { device: { fingerprint: 'thief' } });
    const second = await world.signIn(person, { device: { fingerprint: 'thief' } });
    const { sessionIds } = (await disown(await linkOf(world, person.email))) as unknown as { sessionIds: string[] };
    expect([...sessionIds].sort()).toEqual([first.sessionId, second.sessionId].sort());
    expect(await judged(world, second.accessToken)).toBe('UNAUTHENTICATED');
    expect(await judged(world, own.accessToken)).toBe('accepted');
  });

  it('takes away the factor that a thief added, with its backup codes, and leaves the owner’s', async () => {
    const person = await world.person();
    await world.signIn(person, { device: { fingerprint: 'laptop' } });
    const thief = await withTotp(world, await world.signIn(person, { device: { fingerprint: 'thief' } }));
    await thief.client.ask('mutation { logout { __typename } }');
    const token = await linkOf(world, person.email);
    const { changed } = await watch(() => disown(token));
    expect(changed.facts).toContain('mfa.disabled');
    expect(await world.sql('SELECT 1 FROM mfa_methods WHERE user_id = $1', [person.id])).toEqual([]);
    expect(await world.sql('SELECT 1 FROM mfa_backup_codes WHERE user_id = $1', [person.id])).toEqual([]);
    expect((await ask(world.anonymous, mfaLoginMutation, { email: person.email, password })).__typename).toBe('SignedIn');

    const owner = await withTotp(world);
    const before = await world.sql('SELECT id FROM mfa_backup_codes WHERE user_id = $1', [owner.id]);
    const challengeToken = await challenged(world, owner, { device: { fingerprint: 'thief' } });
    await verify(world.anonymous, { challengeToken, type: 'BACKUP_CODE', code: owner.backupCodes[0] });
    expect((await disown(await linkOf(world, owner.email))).__typename).toBe('LoggedOut');
    expect(await world.sql('SELECT 1 FROM mfa_methods WHERE user_id = $1', [owner.id])).toHaveLength(1);
    expect(await world.sql('SELECT 1 FROM mfa_backup_codes WHERE user_id = $1', [owner.id])).toHaveLength(before.length);
  });

  it('ends the trust in the thief’s device also where he has signed out', async () => {
    const owner = await withTotp(world);
    const challengeToken = await challenged(world, owner, { device: { fingerprint: 'thief' } });
    const thief = await verify(world.anonymous, { challengeToken, type: 'BACKUP_CODE', code: owner.backupCodes[0], trustDevice: true });
    expect(thief.deviceToken).toEqual(expect.any(String));
    await world.anonymous.as(thief.accessToken).ask('mutation { logout { __typename } }');
    await disown(await linkOf(world, owner.email));
    const device = { fingerprint: 'thief', token: thief.deviceToken };
    expect((await ask(world.anonymous, mfaLoginMutation, { email: owner.email, password, device })).__typename).toBe('MfaRequired');
  });
});
