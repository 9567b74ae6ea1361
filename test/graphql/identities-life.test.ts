/** Sign-in with a provider against `npm start`, through HTTP alone: a browser that is sent there and back; and what it leaves behind: no secret. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, clientOf } from '../kit/client.ts';
import { complete, identitiesOf, redirectUri, settingsOf, start, unlink } from '../kit/identities.ts';
import { type NpmStart, npmStart } from '../kit/npm-start.ts';
import { type LocalProvider, openProvider } from '../kit/provider.ts';
import { dumpOf, foundIn } from '../kit/traces.ts';
import { loginMutation } from '../kit/world.ts';

let provider: LocalProvider;
let server: NpmStart;
beforeAll(async () => {
  provider = await openProvider();
  server = await npmStart({ ...settingsOf(provider), LOG_LEVEL: 'debug', ARGON2_MEMORY_KIB: '64', RATE_LIMIT_LOGIN: 'off' });
}, 40_000);
afterAll(async () => {
  await server?.close();
  await provider?.stop();
}, 40_000);

const password = 'orbit-walnut-lantern';
type Mail = { to: string; subject: string; text: string };
const mailTo = async (email: string, holding: RegExp): Promise<string> => {
  for (let waited = 0; waited < 8_000; waited += 50) {
    const mails = (await (await fetch(`${server.url}/inbox`, { headers: { accept: 'application/json' } })).json()) as Mail[];
    const found = mails.filter(({ to }) => to === email).flatMap(({ subject, text }) => holding.exec(`${subject}\n${text}`)?.[0] ?? [])[0];
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no mail with ${holding} came to ${email}`);
};
/** As a page does it: asks, sends the browser away, gets it back with what stands in its address. */
const thereAndBack = async (client: Client) => {
  const { authorizationUrl, state } = await start(client);
  const page = await fetch(authorizationUrl, { redirect: 'manual' });
  const back = new URL(page.headers.get('location')!);
  expect([page.status, `${back.origin}${back.pathname}`, back.searchParams.get('state')]).toEqual([302, redirectUri, state]);
  return complete(client, { code: '', ...Object.fromEntries(back.searchParams) });
};

describe('sign-in with a provider at a server of npm start', () => {
  it('registers, signs in, is declined, links, unlinks, and leaves no secret in the database or in the log', {
    timeout: 60_000,
  }, async () => {
    const anonymous = clientOf(server.url);
    const { data } = await anonymous.ask('{ serviceInfo { oauthProviders { id name } } }');
    expect(data.serviceInfo.oauthProviders).toEqual([{ id: 'test', name: 'Test' }]);

    provider.atThePage = provider.person({ name: 'Ada Lovelace' });
    const first = await thereAndBack(anonymous);
    expect(first).toMatchObject({ __typename: 'SignedIn', user: { email: provider.atThePage.email, name: 'Ada Lovelace' } });
    expect((await thereAndBack(anonymous)).user.id).toBe(first.user.id);
    const tokens: Record<string, string> = { accessToken: first.accessToken, refreshToken: first.refreshToken };

    provider.atThePage = null;
    expect(await thereAndBack(anonymous)).toMatchObject({ __typename: 'OAuthFailed', error: 'access_denied' });

    // Somebody who has registered by mail, and whose address is the same at the provider.
    const email = 'owner@example.com';
    await anonymous.ask(`mutation { register(input: { email: "${email}", password: "${password}" }) { __typename } }`);
    const code = await mailTo(email, /^\d{6}$/m);
    await anonymous.ask(`mutation { verifyEmail(input: { email: "${email}", code: "${code}" }) { __typename } }`);
    provider.atThePage = provider.person({ email });
    expect((await thereAndBack(anonymous)).__typename).toBe('IdentityTaken');
    const { login } = (await anonymous.ask(loginMutation, { input: { email, password } })).data;
    const owner = anonymous.as(login.accessToken);
    expect(await thereAndBack(owner)).toMatchObject({ __typename: 'SignedIn', refreshToken: null, session: { id: login.session.id } });
    expect(await mailTo(email, /Another way to sign in was added/)).toBeTruthy();
    expect((await thereAndBack(anonymous)).user.id).toBe(login.user.id);
    const [identity] = await identitiesOf(owner);
    expect((await unlink(owner, identity.id)).__typename).toBe('User');
    expect((await thereAndBack(anonymous)).__typename).toBe('IdentityTaken');

    const database = new pg.Client({ connectionString: readFileSync(join(server.directory, 'data', 'postgres.url'), 'utf8') });
    await database.connect();
    const dump = await dumpOf(async (text) => (await database.query(text)).rows);
    await database.end();
    await server.interrupt();
    const secrets = { ...provider.secrets, ...tokens };
    expect(Object.keys(secrets).length).toBeGreaterThan(30);
    expect(foundIn(dump, secrets)).toEqual([]);
    expect(foundIn(server.output(), secrets)).toEqual([]);
    expect(foundIn(dump, { subject: identity.subject, facts: 'identity.link' })).not.toEqual([]);
  });
});
