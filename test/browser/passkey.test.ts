/** Sign-in by a passkey alone: whom it asks, what it takes, how long and how often. */
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Authenticator, addAuthenticator, browserAvailable, openBrowser, openPage } from '../kit/browser.ts';
import { nothing, type Watch, watchChanges } from '../kit/changes.ts';
import type { Client } from '../kit/client.ts';
import { ask } from '../kit/mfa.ts';
import { openWorld, type SignedInPerson, someEmail, type World } from '../kit/world.ts';
import { type Answer, getIn, openSite, passkeyMutation, passkeyOptionsOf, registerIn, type Site } from './site.ts';

type There = { page: Page; authenticator: Authenticator; person: SignedInPerson };
let [site, browser, world, watch] = [] as unknown as [Site, Browser, World & { databaseUrl: string; keyFile: string }, Watch];
let ada: There;
const settings = () => ({ WEBAUTHN_RP_ID: 'localhost', WEBAUTHN_ORIGINS: site.origin });

const somebody = async (): Promise<There> => {
  const [person, page] = [await world.signedIn(), await openPage(browser)];
  const authenticator = await addAuthenticator(page);
  await page.goto(site.origin);
  await registerIn(page, person.client);
  return { page, authenticator, person };
};
beforeAll(async () => {
  if (!browserAvailable) return;
  site = await openSite();
  browser = await openBrowser();
  world = await openWorld(settings());
  watch = await watchChanges(world);
  ada = await somebody();
});
afterAll(async () => {
  await browser?.close();
  await world?.close();
  await site?.close();
});

const signIn = (challengeToken: string, credential: unknown, client: Client = world.anonymous) =>
  ask(client, passkeyMutation, { challengeToken, credential });
const signedIn = { ...nothing, facts: ['session.created', 'user.login'], sessionsOpened: 1 };
const failed = { ...nothing, facts: ['user.passkey_failed InvalidCredentials'] };
/** A challenge, and Ada's genuine answer to it. */
const answered = async ({ page }: There = ada): Promise<{ challengeToken: string; credential: Answer }> => {
  const { challengeToken, options } = await passkeyOptionsOf(world.anonymous);
  return { challengeToken, credential: await getIn(page, options) };
};

describe.skipIf(!browserAvailable)('passkeyOptions', () => {
  it('says the same for a known, an unknown and no address, names no credential, and leaves no trace', async () => {
    const told: object[] = [];
    for (const input of [{ email: ada.person.email }, { email: someEmail() }, {}, undefined]) {
      const { answer, changed } = await watch(() => passkeyOptionsOf(world.anonymous, input));
      expect(changed).toEqual(nothing);
      const { challenge, ...options } = answer.options;
      expect(Buffer.from(challenge, 'base64url')).toHaveLength(32);
      expect(Buffer.from(answer.challengeToken, 'base64url')).toHaveLength(32);
      told.push(options);
    }
    expect(new Set(told.map((options) => JSON.stringify(options))).size).toBe(1);
    expect(told[0]).toEqual({ rpId: 'localhost', timeout: 300_000, userVerification: 'required' });
  });

  it('gives sixty to a network within a minute, and no more', async () => {
    const limited = await openWorld(settings(), world);
    try {
      const codes: unknown[] = [];
      for (let n = 0; n < 61; n += 1) {
        const { errors } = await limited.anonymous.ask('mutation { passkeyOptions { challengeToken } }');
        codes.push(errors?.[0]?.extensions.code);
      }
      expect(codes).toEqual([...Array(60).fill(undefined), 'RATE_LIMITED']);
    } finally {
      await limited.close();
    }
  });
});

describe.skipIf(!browserAvailable)('loginWithPasskey', () => {
  it('signs in whom the passkey is of, with both factors, and asks for nothing more', async () => {
    const { challengeToken, credential } = await answered();
    const { answer, changed } = await watch(() => signIn(challengeToken, credential));
    expect(answer).toMatchObject({ __typename: 'SignedIn', user: { id: ada.person.id }, session: { amr: ['hwk', 'mfa'], current: true } });
    expect(changed).toEqual(signedIn);
    const [kept] = await ada.authenticator.credentials();
    const [row] = await world.sql('SELECT counter::int, last_used_at FROM mfa_methods WHERE user_id = $1', [ada.person.id]);
    expect(row).toMatchObject({ counter: kept?.signCount, last_used_at: expect.any(Date) });
    const { data } = await world.anonymous.as(answer['accessToken']!).ask('{ me { id email } }');
    expect(data.me).toEqual({ id: ada.person.id, email: ada.person.email });
  });

  it('takes an answer once: again it is refused, and against another challenge too', async () => {
    const { challengeToken, credential } = await answered();
    expect((await signIn(challengeToken, credential)).__typename).toBe('SignedIn');
    const again = await watch(() => signIn(challengeToken, credential));
    expect(again.answer).toMatchObject({ __typename: 'TokenInvalid', code: 'TOKEN_INVALID' });
    expect(again.changed).toEqual(nothing);
    const fresh = await passkeyOptionsOf(world.anonymous);
    const against = await watch(() => signIn(fresh.challengeToken, credential));
    expect(against.answer).toMatchObject({ __typename: 'InvalidCredentials', code: 'INVALID_CREDENTIALS' });
    expect(against.changed).toEqual(failed);
  });

  it('takes an answer for its own challenge alone, though neither was ever used', async () => {
    const [other, { challengeToken, credential }] = [await passkeyOptionsOf(world.anonymous), await answered()];
    expect((await signIn(other.challengeToken, credential)).__typename).toBe('InvalidCredentials');
    expect((await signIn(challengeToken, credential)).__typename).toBe('SignedIn');
  });

  it('opens one session for any number of the same answer at once', async () => {
    const { challengeToken, credential } = await answered();
    const { answer, changed } = await watch(() => Promise.all(Array.from({ length: 8 }, () => signIn(challengeToken, credential))));
    const kinds = answer.map(({ __typename }) => __typename);
    expect(kinds.filter((kind) => kind === 'SignedIn')).toHaveLength(1);
    expect(kinds.filter((kind) => kind !== 'SignedIn' && kind !== 'TokenInvalid' && kind !== 'InvalidCredentials')).toEqual([]);
    expect(changed.sessionsOpened).toBe(1);
  });

  it('is bound to the browser that asked for the challenge', async () => {
    const { challengeToken, credential } = await answered();
    const elsewhere = world.anonymous.with({ 'user-agent': 'Mozilla/5.0 (Macintosh) Safari/605.1.15' });
    const { answer, changed } = await watch(() => signIn(challengeToken, credential, elsewhere));
    expect(answer.__typename).toBe('TokenInvalid');
    expect(changed).toEqual(nothing);
    expect((await signIn(challengeToken, credential)).__typename).toBe('SignedIn');
  });

  it.each([
    [295, 'SignedIn'],
    [301, 'TokenInvalid'],
  ] as const)('answers an answer that comes after %i seconds with %s', async (seconds, kind) => {
    const { challengeToken, credential } = await answered();
    world.clock.move(seconds);
    expect((await signIn(challengeToken, credential)).__typename).toBe(kind);
  });

  it('takes no challenge of another kind, and none that was never given', async () => {
    const { credential } = await answered();
    const asked = await world.anonymous.ask(
      'mutation ($input: LoginInput!) { login(input: $input) { ... on MfaRequired { challengeToken } } }',
      { input: { email: ada.person.email, password: 'correct horse battery' } },
    );
    for (const token of [asked.data.login.challengeToken, Buffer.alloc(32).toString('base64url'), ''])
      expect((await signIn(token, credential)).__typename).toBe('TokenInvalid');
  });

  it('gives a challenge five wrong answers; the right one comes too late then', async () => {
    const { challengeToken, credential } = await answered();
    const wrong = { ...credential, response: { ...credential.response, signature: 'AAAA' } };
    for (let n = 0; n < 5; n += 1) expect((await signIn(challengeToken, wrong)).__typename).toBe('InvalidCredentials');
    expect((await signIn(challengeToken, credential)).__typename).toBe('TokenInvalid');
  });

  it('refuses an answer without user verification, whatever the page was made to ask for', async () => {
    await ada.authenticator.recognise(false);
    try {
      const { challengeToken, options } = await passkeyOptionsOf(world.anonymous);
      await expect(getIn(ada.page, options)).rejects.toThrow(/NotAllowedError/);
      const credential = await getIn(ada.page, { ...options, userVerification: 'discouraged' });
      const { answer, changed } = await watch(() => signIn(challengeToken, credential));
      expect(answer.__typename).toBe('InvalidCredentials');
      expect(changed).toEqual(failed);
    } finally {
      await ada.authenticator.recognise(true);
    }
  });

  it('refuses an answer that says it is of another user, or of nobody, or by another credential', async () => {
    const bob = await somebody();
    const bobs = (await answered(bob)).credential;
    const handle = (who: There) => Buffer.from(who.person.id.replaceAll('-', ''), 'hex').toString('base64url');
    const { challengeToken, credential } = await answered();
    expect(credential.response['userHandle']).toBe(handle(ada));
    const { userHandle, ...without } = credential.response;
    for (const forged of [
      { ...credential, response: { ...credential.response, userHandle: handle(bob) } },
      { ...credential, response: without },
      { ...credential, id: bobs.id, rawId: bobs.id },
      { ...credential, id: bobs.id, rawId: bobs.id, response: { ...credential.response, userHandle: handle(bob) } },
    ]) {
      const { answer, changed } = await watch(() => signIn(challengeToken, forged));
      expect(answer.__typename).toBe('InvalidCredentials');
      expect(changed).toEqual(failed);
    }
    expect(await signIn(challengeToken, credential)).toMatchObject({ __typename: 'SignedIn', user: { id: ada.person.id } });
  });

  it.each([
    ['a word', 'open sesame'],
    ['a list', [1, 2]],
    ['an empty object', {}],
    ['an id alone', { id: 'AAAA' }],
    ['an id that is no text', { id: 7, response: {} }],
    ['an id beyond all measure', { id: 'A'.repeat(3000), response: {} }],
    ['a user that is a number', { id: 'AAAA', response: { userHandle: 5 } }],
    ['a user that is a list', { id: 'AAAA', response: { userHandle: ['a', 'b'] } }],
    ['a user that claims a length', { id: 'AAAA', response: { userHandle: { length: 100_000_000 } } }],
  ])('refuses %s for a credential at once, as any wrong one', async (_what, credential) => {
    const { challengeToken } = await passkeyOptionsOf(world.anonymous);
    const started = performance.now();
    expect((await signIn(challengeToken, credential)).__typename).toBe('InvalidCredentials');
    expect(performance.now() - started).toBeLessThan(2500);
  });

  it('tells whom it knows that the account is closed, and opens no session', async () => {
    const carol = await somebody();
    await world.sql(`UPDATE users SET status = 'DEACTIVATED' WHERE id = $1`, [carol.person.id]);
    const { challengeToken, credential } = await answered(carol);
    const { answer, changed } = await watch(() => signIn(challengeToken, credential));
    expect(answer).toMatchObject({ __typename: 'AccountDeactivated', code: 'ACCOUNT_DEACTIVATED' });
    expect(changed).toMatchObject({ sessionsOpened: 0, letters: [] });
  });

  it('is over for everybody where the operator offers no passkeys, and they cannot be set up', async () => {
    const dora = await somebody();
    const without = await openWorld({ ...settings(), MFA_TYPES: 'TOTP' }, world);
    try {
      const { challengeToken, options } = await passkeyOptionsOf(without.anonymous);
      const credential = await getIn(dora.page, options);
      const refused = await watch(() => signIn(challengeToken, credential, without.anonymous));
      expect(refused.answer.__typename).toBe('InvalidCredentials');
      expect(refused.changed).toEqual(failed);
      const { client } = await without.signedIn();
      const setup = 'mutation { setupMfa(input: { type: WEBAUTHN }) { __typename ... on InvalidInput { field } } }';
      expect((await client.ask(setup)).data.setupMfa).toEqual({ __typename: 'InvalidInput', field: 'input.type' });
      expect((await signIn(challengeToken, await getIn(dora.page, options))).__typename).toBe('SignedIn');
    } finally {
      await without.close();
    }
  });
});
