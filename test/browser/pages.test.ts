/** The house's own pages that mailed links open, in a browser as their readers have them open. */
import { createServer } from 'node:http';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserAvailable, openBrowser, openPage, saysIn } from '../kit/browser.ts';
import { nothing, type Watch, watchChanges } from '../kit/changes.ts';
import { totp, withTotp } from '../kit/mfa.ts';
import { freePort } from '../kit/ports.ts';
import { openWorld, type Person, type World } from '../kit/world.ts';

const laptop = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36';
const phone = 'Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36';
const refreshCookie = '__Host-latchkey-refresh';

let [browser, world, watch] = [] as unknown as [Browser, World, Watch];
beforeAll(async () => {
  if (!browserAvailable) return;
  browser = await openBrowser();
  const port = String(await freePort());
  // As people have it who start it: mailed links lead to the house itself.
  world = await openWorld({ PORT: port, PUBLIC_URL: `http://localhost:${port}` });
  watch = await watchChanges(world);
});
afterAll(async () => {
  await browser?.close();
  await world?.close();
});

/** A browser of one's own at `url`, and what it complains of: of a policy that forbids the page its own script, for one. */
const open = async (url: string, userAgent = laptop): Promise<{ page: Page; troubles: string[] }> => {
  const [page, troubles] = [await openPage(browser, userAgent), [] as string[]];
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('console', (message) => troubles.push(message.text()));
  await page.goto(url);
  return { page, troubles };
};
const press = async (page: Page, pattern: RegExp): Promise<string> => {
  await page.click('button');
  return saysIn(page, pattern);
};
const seen = (page: Page, selector: string) =>
  page.evaluate(`document.querySelector('${selector}')?.checkVisibility() ?? false`) as Promise<boolean>;
const addressOf = (page: Page) => page.evaluate('location.href + JSON.stringify(history.state)') as Promise<string>;
const cookieOf = async (page: Page) => (await page.browserContext().cookies()).find(({ name }) => name === refreshCookie);
const tokenOf = (link: string) => new URL(link).searchParams.get('token') as string;

const requestLink = async (person: Person, nth = 0): Promise<{ link: string; deviceCode: string }> => {
  const mutation = 'mutation ($input: EmailInput!) { requestMagicLink(input: $input) { ... on MailAccepted { deviceCode } } }';
  const { data } = await world.anonymous.with({ 'user-agent': laptop }).ask(mutation, { input: { email: person.email } });
  const { text } = await world.mail(person.email, nth);
  return { link: /^http\S+\/magic-link\?\S+$/m.exec(text)![0], deviceCode: data.requestMagicLink.deviceCode };
};
const signInFacts = ['session.created', 'user.login'];

describe.skipIf(!browserAvailable)('/magic-link on the device that asked for it', () => {
  it('changes nothing by being opened, however often, and takes the token out of the address bar', async () => {
    const { link } = await requestLink(await world.person());
    const { answer, changed } = await watch(async () => {
      await open(link, phone);
      const { page } = await open(link);
      await page.reload();
      await open(link);
      return open(link);
    });
    expect(changed).toEqual(nothing);
    const { page, troubles } = answer;
    expect(troubles).toEqual([]);
    expect(await addressOf(page)).toBe(`${world.house.url.replace('127.0.0.1', 'localhost')}/magic-linknull`);
    expect(await page.evaluate('history.length')).toBeLessThanOrEqual(2);
    expect(await page.content()).not.toContain(tokenOf(link));
    expect(await seen(page, '#code')).toBe(false);
  });

  it('signs in at its button, with the session in a cookie that no script reads, and then says so and is done', async () => {
    const person = await world.person();
    const { link } = await requestLink(person);
    const { page, troubles } = await open(link);
    const { answer, changed } = await watch(() => press(page, /signed in/));
    expect(answer).toContain('You are signed in.');
    expect(changed).toEqual({ ...nothing, facts: signInFacts, sessionsOpened: 1 });
    expect(await seen(page, 'form')).toBe(false);
    expect(await cookieOf(page)).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Strict', path: '/', domain: 'localhost' });
    expect(await page.evaluate('document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage })')).toBe('{}');
    expect(troubles).toEqual([]);
    const [session] = await world.sql('SELECT user_id, amr FROM sessions ORDER BY id DESC LIMIT 1');
    expect(session).toEqual({ user_id: person.id, amr: ['otp'] });
  });

  it('says that the link is void where it was used before, and opens no second session', async () => {
    const { link } = await requestLink(await world.person());
    await press((await open(link)).page, /signed in/);
    const { page } = await open(link);
    const { answer, changed } = await watch(() => press(page, /link|token/i));
    expect(answer).not.toContain('signed in');
    expect(changed).toMatchObject({ facts: ['user.magic_link_failed TokenInvalid'], sessionsOpened: 0 });
    expect(await cookieOf(page)).toBeUndefined();
  });

  it('says what to do where it was opened without its token', async () => {
    const { link } = await requestLink(await world.person());
    const { page } = await open(link);
    await page.reload();
    expect(await saysIn(page, /./)).toBe('This link has no token: open it as it stands in the mail.');
  });

  it('asks for the code of the authenticator app where one is due, again where it was wrong, and signs in with both', async () => {
    const person = await withTotp(world);
    const { link } = await requestLink(person, 1);
    const { page } = await open(link);
    const first = await watch(() => press(page, /One more step/));
    expect(first.changed).toEqual({ ...nothing, facts: ['mfa.challenged'] });
    expect(await page.evaluate(`document.querySelector('label').textContent`)).toContain('authenticator app');
    expect(await seen(page, '#code')).toBe(true);
    const right = totp(person.secret, world.clock.now());
    await page.type('#code', right === '000000' ? '111111' : '000000');
    const wrong = await watch(() => press(page, /^(?!One m)./));
    expect(wrong.answer).not.toContain('signed in');
    expect(wrong.changed).toEqual({ ...nothing, facts: ['mfa.failed CodeInvalid'] });
    await page.evaluate(`document.querySelector('#code').value = ''`);
    await page.type('#code', right);
    const { changed } = await watch(() => press(page, /You are signed in/));
    expect(changed).toEqual({ ...nothing, facts: signInFacts, sessionsOpened: 1, letters: [`new-device to ${person.email}`] });
    expect(await cookieOf(page)).toBeDefined();
  });

  it('sends whoever has nothing but a security key back to where they came from', async () => {
    const person = await world.person();
    const id = world.house.infra.random.uuid(world.clock.now());
    await world.sql(
      `INSERT INTO mfa_methods (id, user_id, type, created_at, confirmed_at, setup_ends_at, credential_id, public_key, transports)
       VALUES ($1, $2, 'WEBAUTHN', $3, $3, $3, $4, 'key', '{}')`,
      [id, person.id, world.clock.now(), Buffer.from(id)],
    );
    const { page } = await open((await requestLink(person)).link);
    const { answer, changed } = await watch(() => press(page, /second factor/));
    expect(answer).toBe('A second factor is due that this page cannot ask for: sign in where you asked for the link.');
    expect(changed).toEqual({ ...nothing, facts: ['mfa.challenged'] });
    expect(await cookieOf(page)).toBeUndefined();
  });

  it('takes a backup code as well', async () => {
    const person = await withTotp(world);
    const { page } = await open((await requestLink(person, 1)).link);
    await press(page, /One more step/);
    await page.type('#code', ` ${person.backupCodes[0]!.toUpperCase()} `);
    expect(await press(page, /signed in/)).toContain('You are signed in.');
  });
});

describe.skipIf(!browserAvailable)('/magic-link on another device', () => {
  it('asks for the code that is shown where the link was asked for, and signs in with it', async () => {
    const person = await world.person();
    const { link, deviceCode } = await requestLink(person);
    const { page, troubles } = await open(link, phone);
    const asked = await watch(() => press(page, /step/i));
    // Nobody has typed a code yet: none can be wrong.
    expect(asked.answer).toBe('One more step.');
    expect(asked.changed).toEqual({ ...nothing, facts: ['user.magic_link_failed CodeInvalid'] });
    expect(await seen(page, '#code')).toBe(true);
    expect(await page.evaluate('document.activeElement.id')).toBe('code');
    expect(await page.evaluate(`document.querySelector('label').textContent`)).toBe('Code that is shown where you asked for the link');
    await page.type('#code', `${deviceCode.slice(0, 3)} ${deviceCode.slice(3)}`);
    const { changed } = await watch(() => press(page, /signed in/));
    expect(changed).toMatchObject({ facts: signInFacts, sessionsOpened: 1 });
    expect(troubles).toEqual([]);
    const [session] = await world.sql('SELECT user_id, os FROM sessions ORDER BY id DESC LIMIT 1');
    expect(session).toMatchObject({ user_id: person.id, os: expect.stringContaining('Android') });
  });

  it('says that a code is wrong, and is void after three of them even with the right one', async () => {
    const { link, deviceCode } = await requestLink(await world.person());
    const { page } = await open(link, phone);
    await press(page, /step/i);
    const wrong = deviceCode === '000000' ? '111111' : '000000';
    const { answer, changed } = await watch(async () => {
      const said: string[] = [];
      for (const code of [wrong, wrong, wrong, deviceCode]) {
        await page.evaluate(`document.querySelector('#code').value = ''; document.querySelector('output').textContent = ''`);
        await page.type('#code', code);
        said.push(await press(page, /^(?!One moment)./));
      }
      return said;
    });
    expect(answer[0]).toBe('The code is not valid.');
    expect(answer.join()).not.toContain('signed in');
    expect(changed.sessionsOpened).toBe(0);
    expect(changed.facts.at(-1)).toBe('user.magic_link_failed TokenInvalid');
    expect(await cookieOf(page)).toBeUndefined();
  });
});

describe.skipIf(!browserAvailable)('/not-me', () => {
  /** A sign-in on a device that is new, and the link of its letter. */
  const strange = async () => {
    const person = await world.signedIn(undefined, { login: { device: { fingerprint: 'home' } } });
    const stranger = await world.signIn(person, { device: { fingerprint: 'far away' } });
    const link = /^http\S+\/not-me\?\S+$/m.exec((await world.mail(person.email)).text)![0];
    return { person, stranger, link };
  };
  const codeOf = async (client: World['anonymous']) => (await client.ask('{ me { id } }')).errors?.[0]?.extensions.code;

  it('changes nothing by being opened, and asks for nothing but its button', async () => {
    const { stranger, link } = await strange();
    const { answer, changed } = await watch(() => open(link));
    expect(changed).toEqual(nothing);
    expect(await addressOf(answer.page)).toMatch(/\/not-menull$/);
    expect(await answer.page.evaluate('document.querySelectorAll("input").length')).toBe(0);
    expect(answer.troubles).toEqual([]);
    expect(await codeOf(stranger.client)).toBeUndefined();
  });

  it('ends that session and no other at its button, and mails a link for a new password', async () => {
    const { person, stranger, link } = await strange();
    const { page } = await open(link);
    const { answer, changed } = await watch(() => press(page, /ended/));
    expect(answer).toContain('The session has ended.');
    expect(changed).toMatchObject({ sessionsEnded: 1, sessionsOpened: 0, letters: [`reset-password to ${person.email}`] });
    expect(changed.facts).toEqual(['session.revoked', 'session.disowned', 'password.reset_requested']);
    expect(await codeOf(stranger.client)).toBe('UNAUTHENTICATED');
    expect(await codeOf(person.client)).toBeUndefined();
    expect(await seen(page, 'form')).toBe(false);
    expect(await cookieOf(page)).toBeUndefined();

    const again = await open(link);
    const second = await watch(() => press(again.page, /^(?!One moment)./));
    expect(second.answer).not.toContain('ended');
    expect(second.changed).toEqual(nothing);
  });
});

describe.skipIf(!browserAvailable)('a page of somebody else', () => {
  it('cannot show these pages within itself, to have their buttons pressed unseen', async () => {
    const { link } = await requestLink(await world.person());
    const server = createServer((_req, res) => res.setHeader('content-type', 'text/html').end(`<iframe src="${link}"></iframe>`));
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    try {
      const { port } = server.address() as { port: number };
      const { page } = await open(`http://localhost:${port}/`);
      const framed = page.frames().find((frame) => frame.parentFrame());
      expect(await framed?.evaluate('document.querySelector("button")')).toBeNull();
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});
