/** A real browser for tests: a Chromium without a window, and authenticators that are simulated inside it over the DevTools protocol. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, type CDPSession, launch, type Page, type Protocol } from 'puppeteer-core';

const names = ['chromium', 'chromium-browser', 'google-chrome'];
const found = (process.env['PATH'] ?? '').split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
const executablePath = [process.env['CHROME_PATH'] ?? [], found].flat().find((path) => existsSync(path));
/** Whether tests can have a browser. */
export const browserAvailable = executablePath !== undefined;
// Each file that wants one says so itself; what it skips is then listed right below.
if (!browserAvailable) console.log('SKIPPED: tests in a browser: they need chromium or google-chrome on PATH, or CHROME_PATH');

export const openBrowser = (): Promise<Browser> => {
  if (!executablePath) throw new Error('there is no browser here: ask browserAvailable first');
  // Root has no sandbox of its own, and a container's /dev/shm is small.
  const args = [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-dev-shm-usage', '--disable-gpu', '--lang=en-GB'];
  return launch({ executablePath, args, headless: true, protocolTimeout: 60_000 });
};

/** A page with cookies of its own, as another device has them. */
export const openPage = async (browser: Browser, userAgent?: string): Promise<Page> => {
  const page = await (await browser.createBrowserContext()).newPage();
  if (userAgent) await page.setUserAgent({ userAgent });
  return page;
};

/** Waits for the page's <output> to say something that fits; the whole of it. */
export const saysIn = async (page: Page, pattern: RegExp): Promise<string> => {
  const said = () => page.evaluate(`document.querySelector('output').textContent`) as Promise<string>;
  for (let waited = 0; waited < 10_000; waited += 25) {
    const text = await said();
    if (pattern.test(text)) return text;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`the page does not say ${pattern}, but: ${await said()}`);
};

type Credential = Protocol.WebAuthn.Credential;
export type Authenticator = {
  credentials(): Promise<Credential[]>;
  add(credential: Credential): Promise<void>;
  /** Puts a credential's signature counter back to what it was, as on a copy that was made then. */
  rewind(credentialId: string, signCount: number): Promise<void>;
  /** Whether whoever asks is recognised by finger or PIN. */
  recognise(isUserVerified: boolean): Promise<void>;
};
/** A passkey of the device itself. */
const platform: Protocol.WebAuthn.VirtualAuthenticatorOptions = {
  protocol: 'ctap2',
  transport: 'internal',
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: true,
  automaticPresenceSimulation: true,
};
/** A plain security key: no PIN, and nothing kept on it. */
export const securityKey = { transport: 'usb', hasResidentKey: false, hasUserVerification: false, isUserVerified: false } as const;

/** The DevTools protocol has credential ids in plain base64. */
const plainBase64 = (id: string): string => Buffer.from(id, 'base64url').toString('base64');

export const addAuthenticator = async (
  page: Page,
  options: Partial<Protocol.WebAuthn.VirtualAuthenticatorOptions> = {},
): Promise<Authenticator> => {
  const devtools: CDPSession = await page.createCDPSession();
  await devtools.send('WebAuthn.enable', { enableUI: false });
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', { options: { ...platform, ...options } });
  const add = (credential: Credential) => devtools.send('WebAuthn.addCredential', { authenticatorId, credential });
  return {
    credentials: async () => (await devtools.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    add,
    rewind: async (id, signCount) => {
      const credentialId = plainBase64(id);
      const { credential } = await devtools.send('WebAuthn.getCredential', { authenticatorId, credentialId });
      await devtools.send('WebAuthn.removeCredential', { authenticatorId, credentialId });
      await add({ ...credential, signCount });
    },
    recognise: (isUserVerified) => devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }),
  };
};
