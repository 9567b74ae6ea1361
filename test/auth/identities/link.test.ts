/** Linking identities to whoever is signed in, and taking them away. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { admin } from '../../kit/administration.ts';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import type { Client } from '../../kit/client.ts';
import { comeBack, complete, identitiesOf, settingsOf, signInBy, start, unlink } from '../../kit/identities.ts';
import { ask, withTotp } from '../../kit/mfa.ts';
import { type LocalProvider, openProvider } from '../../kit/provider.ts';
import { refreshWith } from '../../kit/refreshing.ts';
import { keyMutation } from '../../kit/services.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

let provider: LocalProvider;
let world: World;
let watch: Watch;
beforeAll(async () => {
  provider = await openProvider();
  world = await openWorld({ ...settingsOf(provider), OAUTH_TEST_NAME: 'Test & Sons' });
  watch = await watchChanges(world);
});
afterAll(async () => {
  await world?.close();
  await provider?.stop();
});

/** Somebody without a password, who came by the provider. */
const newcomer = async (person = provider.person()): Promise<SignedInPerson & { sub: string }> => {
  const { accessToken, refreshToken, user, session } = await signInBy(world.anonymous, provider, person);
  const { id, email } = user;
  return { id, email, accessToken, refreshToken, sessionId: session.id, client: world.anonymous.as(accessToken), sub: person.sub };
};
const linkedTo = async ({ client }: SignedInPerson) => (await identitiesOf(client)).map(({ subject }) => subject);
const ownerOf = async (sub: string) =>
  (await world.sql<{ user_id: string }>('SELECT user_id FROM identities WHERE subject = $1', [sub]))[0]?.user_id;
const refused = (type: string, reason: string) => ({ ...nothing, facts: [`identity.${type} ${reason}`] });

describe('an identity', () => {
  it('is linked to whoever is signed in, in the session that goes on, and the owner is told by mail', async () => {
    const owner = await world.signedIn();
    const person = provider.person({ email: 'elsewhere@example.net', email_verified: false });
    const { answer, changed } = await watch(() => signInBy(owner.client, provider, person));
    expect(answer).toMatchObject({
      __typename: 'SignedIn',
      refreshToken: null,
      user: { id: owner.id, email: owner.email, identities: [{ provider: 'test', subject: person.sub, email: 'elsewhere@example.net' }] },
      session: { id: owner.sessionId, amr: ['pwd'] },
    });
    expect(changed).toEqual({ ...nothing, facts: ['identity.linked'], letters: [`identity-linked to ${owner.email}`] });
    expect((await world.mail(owner.email)).text).toContain('Test & Sons');
    expect((await world.anonymous.as(answer.accessToken).ask('{ me { id } }')).data.me.id).toBe(owner.id);
    expect((await refreshWith(world, owner.refreshToken)).session.id).toBe(owner.sessionId);
    expect((await signInBy(world.anonymous, provider, person)).user.id).toBe(owner.id);
  });

  it('that is linked already stays linked, without another letter', async () => {
    const owner = await newcomer();
    const person = provider.person({ sub: owner.sub, email: owner.email });
    const { answer, changed } = await watch(() => signInBy(owner.client, provider, person));
    expect([answer.__typename, answer.session.id, changed]).toEqual(['SignedIn', owner.sessionId, nothing]);
  });

  it('of somebody else is IdentityTaken, and stays his', async () => {
    const [victim, thief] = [await newcomer(), await world.signedIn()];
    const { answer, changed } = await watch(() => signInBy(thief.client, provider, provider.person({ sub: victim.sub })));
    expect([answer.__typename, changed]).toEqual(['IdentityTaken', refused('link_failed', 'IdentityTaken')]);
    expect([await ownerOf(victim.sub), await linkedTo(thief)]).toEqual([victim.id, []]);
  });

  it('is not linked after a failure of the provider’s, which is on the user’s record', async () => {
    const owner = await world.signedIn();
    const back = await comeBack(owner.client, provider, provider.person());
    const { answer, changed } = await watch(() => complete(owner.client, { ...back, code: 'guess' }));
    expect([answer.__typename, answer.error, changed]).toEqual(['OAuthFailed', 'invalid_grant', refused('link_failed', 'OAuthFailed')]);
    const [fact] = await world.sql(`SELECT subject_id FROM audit_events WHERE type = 'identity.link_failed' ORDER BY seq DESC LIMIT 1`);
    expect(fact).toEqual({ subject_id: owner.id });
  });
});

describe('what was begun signed in', () => {
  it('is completed by nobody else: not anonymously, by another user, or in another session of the same one', async () => {
    const [owner, other] = [await world.signedIn(), await world.signedIn()];
    const elsewhere = await world.signIn(owner);
    const person = provider.person();
    const back = await comeBack(owner.client, provider, person);
    const asked = provider.seen.length;
    for (const client of [world.anonymous, other.client, elsewhere.client]) {
      const { answer, changed } = await watch(() => complete(client, back));
      expect([answer.__typename, changed]).toEqual(['TokenInvalid', refused('login_failed', 'TokenInvalid')]);
    }
    expect([provider.seen.length, await ownerOf(person.sub)]).toEqual([asked, undefined]);
    expect((await complete(owner.client, back)).user.id).toBe(owner.id);
  });

  it('links nothing once its session has ended', async () => {
    const owner = await world.signedIn();
    const person = provider.person();
    const back = await comeBack(owner.client, provider, person);
    const hold = provider.hold(1);
    const completing = complete(owner.client, back);
    await hold.arrived();
    await (await world.signIn(owner)).client.ask(`mutation { revokeSession(input: { sessionId: "${owner.sessionId}" }) { __typename } }`);
    hold.release();
    expect((await completing).__typename).toBe('UNAUTHENTICATED');
    expect([await ownerOf(person.sub), world.mailsTo(owner.email)]).toEqual([undefined, []]);
  });

  it('asks for a step-up, and never opens to an API key or to whoever acts as the user', async () => {
    const owner = await world.signedIn();
    const boss = await world.signedIn(undefined, { roles: ['superadmin'] });
    const key = (await owner.client.ask(keyMutation, { input: { name: 'k', permissions: [] } })).data.createApiKey.key;
    const acting = await admin(boss.client, 'impersonate', { userId: owner.id, reason: 'ticket 4711' });
    const back = await comeBack(owner.client, provider, provider.person());
    const { id } = (await newcomer()) satisfies { id: string };
    const barred: [string, Client][] = [
      ['FORBIDDEN', world.anonymous.as(key)],
      ['FORBIDDEN', world.anonymous.as(acting.accessToken)],
    ];
    for (const [code, client] of barred) {
      const { answer, changed } = await watch(() => start(client));
      expect([answer.__typename, changed]).toEqual([code, nothing]);
      expect((await complete(client, back)).__typename).toBe('TokenInvalid');
      expect((await unlink(client, id)).__typename).toBe(code);
    }
    world.clock.move(301);
    const later = await watch(() => start(owner.client));
    expect([later.answer.__typename, later.changed]).toEqual(['STEP_UP_REQUIRED', nothing]);
    expect((await unlink(owner.client, id)).__typename).toBe('STEP_UP_REQUIRED');
    expect(await linkedTo(owner)).toEqual([]);
  });
});

describe('what was begun by nobody', () => {
  it('never links: who is signed in by then is not who comes back', async () => {
    const [owner, victim] = [await newcomer(), await world.signedIn()];
    const back = await comeBack(world.anonymous, provider, provider.person({ sub: owner.sub }));
    const answer = await complete(victim.client, back);
    expect([answer.user.id, answer.session.id === victim.sessionId]).toEqual([owner.id, false]);
    const fresh = provider.person();
    const made = await complete(victim.client, await comeBack(world.anonymous, provider, fresh));
    expect(made.user.id).not.toBe(victim.id);
    expect(await linkedTo(victim)).toEqual([]);
  });
});

describe('unlinkIdentity', () => {
  const idOf = async (person: SignedInPerson) => (await identitiesOf(person.client))[0].id as string;

  it('takes the identity away beside a password, and the owner is told by mail', async () => {
    const owner = await world.signedIn();
    const person = provider.person();
    await signInBy(owner.client, provider, person);
    const { answer, changed } = await watch(async () => unlink(owner.client, await idOf(owner)));
    expect(answer).toEqual({ __typename: 'User', id: owner.id, identities: [] });
    expect(changed).toEqual({ ...nothing, facts: ['identity.unlinked'], letters: [`identity-unlinked to ${owner.email}`] });
    const next = await signInBy(world.anonymous, provider, person);
    expect([next.__typename, next.user.id === owner.id]).toEqual(['SignedIn', false]);
  });

  it('never takes the last way in, be there a second factor or an identity whose provider is gone', async () => {
    const owner = await newcomer();
    const { client } = await withTotp(world, owner);
    await world.sql(
      `INSERT INTO identities (id, user_id, provider, issuer, subject, linked_at) VALUES ($1, $2, 'gone', 'https://gone.example', 's', now())`,
      [world.house.infra.random.uuid(world.clock.now()), owner.id],
    );
    const { answer, changed } = await watch(async () => unlink(client, await idOf(owner)));
    expect(answer).toMatchObject({ __typename: 'Conflict', message: expect.stringContaining('only way in') });
    expect(changed).toEqual(nothing);
    expect(await linkedTo(owner)).toContain(owner.sub);
  });

  it('takes one of two away, and then no more', async () => {
    const owner = await newcomer();
    await signInBy(owner.client, provider, provider.person());
    expect((await unlink(owner.client, await idOf(owner))).__typename).toBe('User');
    expect((await unlink(owner.client, await idOf(owner))).__typename).toBe('Conflict');
  });

  it('knows nothing of somebody else’s, nor of what is none', async () => {
    const [owner, other] = [await newcomer(), await world.signedIn()];
    for (const id of [await idOf(owner), 'sample']) {
      const { answer, changed } = await watch(() => unlink(other.client, id));
      expect([answer.__typename, changed]).toEqual(['NotFound', nothing]);
    }
  });

  it('ends sign-ins by it that wait for their second factor', async () => {
    const owner = await world.signedIn();
    const person = provider.person();
    await signInBy(owner.client, provider, person);
    const { backupCodes } = await withTotp(world, owner);
    const due = await signInBy(world.anonymous, provider, person);
    expect(due.__typename).toBe('MfaRequired');
    expect((await unlink(owner.client, await idOf(owner))).__typename).toBe('User');
    const verify = 'mutation ($input: VerifyMfaInput!) { verifyMfa(input: $input) { __typename } }';
    const input = { challengeToken: due.challengeToken, type: 'BACKUP_CODE', code: backupCodes[0] };
    expect((await ask(world.anonymous, verify, input)).__typename).toBe('TokenInvalid');
  });
});

describe('disowning a sign-in', () => {
  it('takes away the identity that a thief linked, and leaves the owner’s', async () => {
    const owner = await world.person();
    const own = await world.signIn(owner, { device: { fingerprint: 'laptop' } });
    const mine = provider.person();
    await signInBy(own.client, provider, mine);
    const thief = await world.signIn(owner, { device: { fingerprint: 'thief' } });
    const his = provider.person();
    await signInBy(thief.client, provider, his);
    const token = await vi.waitFor(() => {
      const [found] = world.mailsTo(owner.email).flatMap(({ text }) => /not-me\?token=([\w-]+)/.exec(text)?.[1] ?? []);
      if (!found) throw new Error('no letter has come');
      return found;
    });
    const disown = 'mutation ($input: DisownSessionInput!) { disownSession(input: $input) { __typename } }';
    const { answer, changed } = await watch(() => ask(world.anonymous, disown, { token }));
    expect(answer.__typename).toBe('LoggedOut');
    expect(changed.facts).toContain('identity.unlinked');
    expect(await linkedTo(own)).toEqual([mine.sub]);
    expect((await signInBy(world.anonymous, provider, his)).user.id).not.toBe(owner.id);
  });
});
