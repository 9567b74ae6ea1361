/** Security keys and passkeys as a browser uses them: registered, as the second factor, and as both at once. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addAuthenticator, browserAvailable, openBrowser, openPage, saysIn, securityKey } from '../kit/browser.ts';
import { nothing, type Watch, watchChanges } from '../kit/changes.ts';
import { freshDatabase } from '../kit/database.ts';
import { ask, challengeMutation, confirmMutation, mfaLoginMutation, setupMutation, stepUpMutation, verifyMutation } from '../kit/mfa.ts';
import { startServer } from '../kit/process.ts';
import { openWorld, password, type ReceivedMail, type World } from '../kit/world.ts';
import { createIn, dueFor, getIn, openSite, passkeyMutation, passkeyOptionsOf, registerIn, type Site } from './site.ts';

let [site, browser, world, watch] = [] as unknown as [Site, Browser, World, Watch];
beforeAll(async () => {
  if (!browserAvailable) return;
  site = await openSite();
  browser = await openBrowser();
  world = await openWorld({ WEBAUTHN_RP_ID: 'localhost', WEBAUTHN_ORIGINS: site.origin, CORS_ORIGINS: site.origin });
  watch = await watchChanges(world);
});
afterAll(async () => {
  await browser?.close();
  await world?.close();
  await site?.close();
});

const visit = async (options?: Parameters<typeof addAuthenticator>[1]) => {
  const page = await openPage(browser);
  const authenticator = await addAuthenticator(page, options);
  await page.goto(site.origin);
  return { page, authenticator };
};
/** One button of the page, and what it says then. */
const press = async (page: Page, id: string) => {
  await page.click(`#${id}`);
  return JSON.parse(await saysIn(page, /^\{/));
};

describe.skipIf(!browserAvailable)('the page of a site on another origin', () => {
  const signInOn = async (page: Page, api: string, email: string, given: string) => {
    await page.goto(`${site.origin}/?api=${encodeURIComponent(api.replace('127.0.0.1', 'localhost'))}`);
    await page.type('input[type=email]', email);
    await page.type('input[type=password]', given);
    return press(page, 'login');
  };
  /** The whole of it, as a person does it with one device. */
  const journey = async (page: Page, api: string, email: string, given: string) => {
    const first = await signInOn(page, api, email, given);
    expect(first).toMatchObject({ __typename: 'SignedIn', refreshToken: null, session: { amr: ['pwd'] } });
    const added = await press(page, 'add');
    expect(added).toMatchObject({ __typename: 'MfaEnabled', method: { type: 'WEBAUTHN', confirmed: true } });
    expect(added.backupCodes).toHaveLength(8);
    const second = await signInOn(page, api, email, given);
    expect(second).toMatchObject({ __typename: 'SignedIn', methods: ['WEBAUTHN', 'BACKUP_CODE'], session: { amr: ['pwd', 'hwk', 'mfa'] } });
    await page.reload();
    const third = await press(page, 'passkey');
    expect(third).toMatchObject({ __typename: 'SignedIn', refreshToken: null, session: { amr: ['hwk', 'mfa'] }, user: first.user });
    expect(new Set([first, second, third].map(({ session }) => session.id)).size).toBe(3);
    await page.reload();
    expect(await press(page, 'refresh')).toMatchObject({ __typename: 'SignedIn', session: { id: third.session.id, amr: ['hwk', 'mfa'] } });
  };

  it('adds a passkey, is asked for it at the next sign-in, signs in by it alone, and stays signed in by its cookie', async () => {
    const person = await world.person();
    const { page } = await visit();
    const { changed } = await watch(() => journey(page, world.url, person.email, password));
    const signIn = ['session.created', 'user.login'];
    expect(changed.facts).toEqual([
      ...[...signIn, 'mfa.setup_started', 'mfa.enabled', 'mfa.challenged', ...signIn, ...signIn],
      'session.refreshed',
    ]);
    expect(changed).toMatchObject({ sessionsOpened: 3, letters: [`mfa-enabled to ${person.email}`] });
  });

  it('does the same with a server of its own process, from the registration on', async () => {
    const [directory, database] = [mkdtempSync(join(tmpdir(), 'latchkey-passkeys-')), await freshDatabase()];
    const server = await startServer({
      ...{ NODE_ENV: 'development', DATABASE_URL: database.url, DATA_DIR: directory },
      ...{ WEBAUTHN_RP_ID: 'localhost', WEBAUTHN_ORIGINS: site.origin, CORS_ORIGINS: site.origin },
    });
    try {
      const email = 'grace@example.com';
      await ask(server.client, 'mutation ($input: RegisterInput!) { register(input: $input) { __typename } }', { email, password });
      const inbox = async () =>
        (await (await fetch(`${server.url}/inbox`, { headers: { accept: 'application/json' } })).json()) as ReceivedMail[];
      for (let waited = 0; waited < 8000 && (await inbox()).length === 0; waited += 50)
        await new Promise((resolve) => setTimeout(resolve, 50));
      const code = /^\d{6}$/m.exec((await inbox())[0]!.text)![0];
      const verified = 'mutation ($input: VerifyEmailInput!) { verifyEmail(input: $input) { __typename } }';
      expect((await ask(server.client, verified, { email, code })).__typename).toBe('User');
      const { page } = await visit();
      await journey(page, server.url, email, password);
    } finally {
      await server.stop();
      await database.drop();
      rmSync(directory, { recursive: true, force: true });
    }
  }, 60_000);

  it('gets no answer from a page whose origin may not call', async () => {
    const person = await world.person();
    const stranger = await openSite();
    try {
      const { page } = await visit();
      await page.goto(`${stranger.origin}/?api=${encodeURIComponent(world.url)}`);
      await page.type('input[type=email]', person.email);
      await page.type('input[type=password]', password);
      const { answer, changed } = await watch(async () => {
        await page.click('#login');
        return saysIn(page, /./);
      });
      expect(answer).toContain('Failed to fetch');
      expect(changed).toEqual(nothing);
    } finally {
      await stranger.close();
    }
  });
});

describe.skipIf(!browserAvailable)('registration', () => {
  it('names the site and the person, asks for no attestation, and leaves out what is registered already', async () => {
    const ada = await world.signedIn();
    const { page, authenticator } = await visit();
    const { credentialId } = await registerIn(page, ada.client);
    const again = await ask(ada.client, setupMutation, { type: 'WEBAUTHN' });
    expect(again['webauthnOptions']).toMatchObject({
      rp: { id: 'localhost', name: 'Latchkey' },
      user: { name: ada.email, id: Buffer.from(ada.id.replaceAll('-', ''), 'hex').toString('base64url') },
      attestation: 'none',
      authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
      excludeCredentials: [{ id: credentialId, type: 'public-key', transports: ['internal'] }],
    });
    await expect(createIn(page, again['webauthnOptions']!)).rejects.toThrow(/InvalidStateError/);
    const [kept] = await authenticator.credentials();
    expect(kept).toMatchObject({ rpId: 'localhost', isResidentCredential: true, userName: ada.email });
  });

  it('takes an authenticator that vouches for itself though nobody asked', async () => {
    const ada = await world.signedIn();
    const { page } = await visit({ transport: 'usb' });
    const setup = await ask(ada.client, setupMutation, { type: 'WEBAUTHN', label: 'Loud key' });
    const { id: methodId } = setup['method']! as { id: string };
    const webauthn = await createIn(page, { ...(setup['webauthnOptions']! as object), attestation: 'direct' });
    expect(Buffer.from(webauthn.response['attestationObject']!, 'base64url').includes('x5c')).toBe(true);
    expect(await ask(ada.client, confirmMutation, { methodId, webauthn })).toMatchObject({ __typename: 'MfaEnabled' });
  });

  it('is refused for a challenge that is not the setup’s, five times, and then the setup is over', async () => {
    const ada = await world.signedIn();
    const { page } = await visit();
    const setup = await ask(ada.client, setupMutation, { type: 'WEBAUTHN' });
    const { id: methodId } = setup['method']! as { id: string };
    const options = setup['webauthnOptions']! as object;
    const other = await createIn(page, { ...options, challenge: Buffer.alloc(32, 7).toString('base64url') });
    const { answer, changed } = await watch(async () => {
      const left: number[] = [];
      for (let n = 0; n < 5; n += 1) left.push((await ask(ada.client, confirmMutation, { methodId, webauthn: other }))['attemptsLeft']!);
      return left;
    });
    expect(answer).toEqual([4, 3, 2, 1, 0]);
    expect(changed).toEqual({ ...nothing, facts: Array(5).fill('mfa.setup_failed CodeInvalid') });
    const right = await createIn((await visit()).page, options);
    expect((await ask(ada.client, confirmMutation, { methodId, webauthn: right })).__typename).toBe('NotFound');
  });
});

describe.skipIf(!browserAvailable)('a security key that knows nobody', () => {
  it('is a second factor and opens the sensitive doors, but signs nobody in by itself', async () => {
    const ada = await world.signedIn();
    const { page, authenticator } = await visit(securityKey);
    await registerIn(page, ada.client);
    expect((await authenticator.credentials())[0]).toMatchObject({ isResidentCredential: false });
    const { challengeToken, options } = await dueFor(world, ada.email, password);
    expect(options).toMatchObject({ rpId: 'localhost', userVerification: 'preferred', allowCredentials: [{ transports: ['usb'] }] });
    const input = { challengeToken, type: 'WEBAUTHN', webauthn: await getIn(page, options) };
    const signedIn = await ask(world.anonymous, verifyMutation, input);
    expect(signedIn).toMatchObject({ __typename: 'SignedIn', session: { amr: ['pwd', 'hwk', 'mfa'] }, user: { id: ada.id } });

    world.clock.move(400);
    const client = world.anonymous.as(signedIn['accessToken']!);
    const late = await client.ask(setupMutation, { input: { type: 'TOTP' } });
    expect(late.errors?.[0]?.extensions).toMatchObject({ code: 'STEP_UP_REQUIRED', methods: ['WEBAUTHN', 'BACKUP_CODE'] });
    const asked = await ask(client, challengeMutation, { type: 'WEBAUTHN' });
    const webauthn = await getIn(page, asked['webauthnOptions']!);
    expect(await ask(client, stepUpMutation, { type: 'WEBAUTHN', webauthn })).toMatchObject({ __typename: 'SteppedUp' });
    expect(await ask(client, setupMutation, { type: 'TOTP' })).toMatchObject({ __typename: 'MfaSetup' });

    const passkey = await passkeyOptionsOf(world.anonymous);
    await expect(getIn(page, passkey.options)).rejects.toThrow(/NotAllowedError/);
    const coaxed = await getIn(page, { ...options, challenge: passkey.options.challenge, userVerification: 'discouraged' });
    const { challengeToken: token } = passkey;
    const refused = await ask(world.anonymous, passkeyMutation, { challengeToken: token, credential: coaxed });
    expect(refused).toMatchObject({ __typename: 'InvalidCredentials', code: 'INVALID_CREDENTIALS' });
  });

  it('is one of several, each of which will do', async () => {
    const ada = await world.signedIn();
    const [first, second] = [await visit(securityKey), await visit(securityKey)];
    const ids = [await registerIn(first.page, ada.client), await registerIn(second.page, ada.client)].map((one) => one.credentialId);
    for (const { page } of [second, first]) {
      const { challengeToken, options } = await dueFor(world, ada.email, password);
      expect((options['allowCredentials'] as { id: string }[]).map(({ id }) => id)).toEqual(ids);
      const webauthn = await getIn(page, options);
      const answer = await ask(world.anonymous, verifyMutation, { challengeToken, type: 'WEBAUTHN', webauthn });
      expect(answer.__typename).toBe('SignedIn');
    }
    expect((await ask(world.anonymous, mfaLoginMutation, { email: ada.email, password })).__typename).toBe('MfaRequired');
  });
});
