/** Providers by HTTP: what is asked how often, and every way of a server to be of no use; and their settings. */
import type { RequestListener } from 'node:http';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ConfigError, readConfig } from '../../src/config.ts';
import type { IdentityProvider, Log, OAuthRequest } from '../../src/infra/ports.ts';
import { createProvider } from '../../src/infra/providers/openid.ts';
import { misbehaviour } from '../kit/kite.ts';
import { freePort } from '../kit/ports.ts';
import { type LocalProvider, openProvider } from '../kit/provider.ts';

let provider: LocalProvider;
let lines: object[];
const note = (data: object, message: string): void => void lines.push({ ...data, message });
const log: Log = { debug: note, info: note, warn: note, error: note, child: () => log };
beforeAll(async () => {
  provider = await openProvider();
});
afterAll(() => provider?.stop());
beforeEach(() => {
  lines = [];
  provider.seen.length = 0;
});
afterEach(() => {
  provider.behave(null);
  provider.metadata = {};
});

/** One of its own for each test, so that no breaker is open and nothing is discovered. */
const providerOf = (more: object = {}): IdentityProvider => {
  const { issuer, clientId, clientSecret } = provider;
  const settings = { id: 'test', name: 'Test', issuer, clientId, clientSecret, scopes: ['openid', 'email'], ...more };
  return createProvider(settings, { timeoutMs: 400, several: false }, log);
};
let count = 0;
const requested = (): OAuthRequest => {
  count += 1;
  return {
    redirectUri: 'https://app.example.com/callback',
    state: `state-${count}`,
    nonce: `nonce-${count}`,
    codeVerifier: `${count}`.padStart(43, 'v'),
  };
};
const begun = async (of: IdentityProvider, person = provider.person()) => {
  const request = requested();
  const url = await of.authorizationUrl(request, { reauthenticate: false });
  return { request, given: { code: provider.authorize(url, person).code, issuer: null }, person };
};
const paths = () => provider.seen.map(({ path }) => path);
const discovery = '/.well-known/openid-configuration';
const status =
  (code: number): RequestListener =>
  (_, response) =>
    void response.writeHead(code, { 'content-type': 'application/json' }).end('{"error":"server_error","quoted":"a secret of theirs"}');
const away = { kind: 'Failed', error: 'temporarily_unavailable' };

describe('a provider', () => {
  it('is discovered once, and its keys are read once, for many sign-ins', async () => {
    const own = providerOf();
    const subjects: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      const { request, given, person } = await begun(own);
      const answer = await own.exchange(request, given);
      if (answer.kind === 'Proved') subjects.push(answer.claims.subject);
      expect(subjects.at(-1)).toBe(person.sub);
    }
    expect(paths()).toEqual([discovery, '/token', '/keys', '/token', '/token']);
    expect(lines).toEqual([]);
  });

  it('is discovered once by many who come at once', async () => {
    const own = providerOf();
    await Promise.all(Array.from({ length: 10 }, () => begun(own)));
    expect(paths()).toEqual([discovery]);
  });

  it('is sent the secret in the body where it says so, and else as RFC 6749 §2.3.1 has it', async () => {
    const secret = 'a secret: with+signs&more';
    const sent = async () => {
      const own = providerOf({ clientId: 'a-client', clientSecret: secret });
      const url = await own.authorizationUrl(requested(), { reauthenticate: false });
      expect(new URL(url).searchParams.get('client_id')).toBe('a-client');
      await own.exchange(requested(), { code: 'c', issuer: null });
      return provider.seen.at(-1)!;
    };
    const basic = await sent();
    const decoded = Buffer.from(basic.headers.authorization!.replace('Basic ', ''), 'base64').toString();
    expect(decoded).toBe('a-client:a+secret%3A+with%2Bsigns%26more');
    expect(basic.form['client_secret']).toBeUndefined();
    provider.metadata = { token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'] };
    const posted = await sent();
    expect([posted.headers.authorization, posted.form['client_secret']]).toEqual([undefined, secret]);
  });

  it('whose keys were replaced is believed by the new ones alone', async () => {
    const own = providerOf();
    await provider.rotate();
    const { request, given } = await begun(own);
    expect((await own.exchange(request, given)).kind).toBe('Proved');
  });

  it('that says it is another issuer is not asked for anything more', async () => {
    provider.metadata = { issuer: 'https://another.example' };
    await expect(begun(providerOf())).rejects.toMatchObject({ name: 'Unavailable' });
    expect(paths()).toEqual([discovery]);
  });
});

describe('a provider of no use', () => {
  const useless: [string, RequestListener, object][] = [
    ['hanging', misbehaviour.hanging, away],
    ['cut off', misbehaviour['cut off'], away],
    ['cut off within the answer', misbehaviour['cut off within the answer'], away],
    ['endless', misbehaviour.endless, away],
    ['busy', status(429), away],
    ['broken', status(503), away],
    ['redirecting', misbehaviour.redirecting, { kind: 'Failed', error: 'server_error' }],
    ['without JSON', misbehaviour['without JSON'], { kind: 'Failed', error: 'server_error' }],
    ['of another form', misbehaviour['of another form'], { kind: 'Failed', error: 'server_error' }],
    ['a page of a proxy', misbehaviour['a page of a proxy'], { kind: 'Failed', error: 'server_error' }],
  ];
  it.each(useless)('(%s) cannot be gone to, and a code is sent to it once at most', async (_title, answer, told) => {
    const own = providerOf();
    const { request, given } = await begun(own);
    provider.behave(answer);
    provider.seen.length = 0;
    expect(await own.exchange(request, given)).toEqual(told);
    expect(paths()).toEqual(['/token']);
    await expect(providerOf().authorizationUrl(requested(), { reauthenticate: false })).rejects.toMatchObject({ name: 'Unavailable' });
    const text = inspect(lines, { depth: 12, showHidden: true });
    for (const secret of [given.code, request.codeVerifier, provider.clientSecret, 'a secret of theirs'])
      expect(text).not.toContain(secret);
  });

  it('for a moment is asked again for what may be repeated: its metadata and its keys', async () => {
    const own = providerOf();
    provider.behave(status(503), 2);
    const { request, given } = await begun(own);
    expect(paths()).toEqual([discovery, discovery, discovery]);
    expect((await own.exchange(request, given)).kind).toBe('Proved');
  });

  it('that nobody is listening for is away', async () => {
    const own = providerOf({ issuer: `http://127.0.0.1:${await freePort()}` });
    await expect(own.authorizationUrl(requested(), { reauthenticate: false })).rejects.toMatchObject({
      name: 'Unavailable',
      retryAfterSeconds: 5,
    });
    expect(lines).toEqual([{ provider: 'test', reason: 'ECONNREFUSED', message: 'a provider could not be asked' }]);
  });

  it('is left alone after five failures in a row, which an answer ends', async () => {
    const own = providerOf();
    const back: Awaited<ReturnType<typeof begun>>[] = [];
    for (let n = 0; n < 12; n += 1) back.push(await begun(own));
    const send = () => {
      const { request, given } = back.shift()!;
      return own.exchange(request, given);
    };
    for (const times of [4, 5]) {
      provider.behave((_, response) => void response.destroy());
      for (let n = 0; n < times; n += 1) expect(await send()).toEqual(away);
      provider.behave(null);
      if (times === 4) expect((await send()).kind).toBe('Proved');
    }
    provider.seen.length = 0;
    expect(await send()).toEqual(away);
    expect(paths()).toEqual([]);
  });
});

describe('the settings of a provider', () => {
  const base = { OAUTH_REDIRECT_URIS: 'https://app.example.com/callback' };
  const google = { OAUTH_GOOGLE_CLIENT_ID: 'id', OAUTH_GOOGLE_CLIENT_SECRET: 'a secret' };
  const problemsOf = (env: Record<string, string>): string[] => {
    try {
      readConfig(env);
      return [];
    } catch (error) {
      return [...(error as ConfigError).problems];
    }
  };

  it('are read by name, with what is known of Google', () => {
    const corp = {
      OAUTH_MY_CORP_CLIENT_ID: 'c',
      OAUTH_MY_CORP_CLIENT_SECRET: 's',
      OAUTH_MY_CORP_ISSUER: 'https://sso.example.com/realms/corp/',
    };
    const { oauthProviders } = readConfig({
      ...base,
      ...google,
      ...corp,
      OAUTH_GOOGLE_SCOPES: 'openid email',
      OAUTH_MY_CORP_NAME: 'Our people',
    });
    expect(oauthProviders).toEqual([
      {
        id: 'google',
        name: 'Google',
        issuer: 'https://accounts.google.com',
        clientId: 'id',
        clientSecret: 'a secret',
        scopes: ['openid', 'email'],
      },
      {
        ...{ id: 'my_corp', name: 'Our people', issuer: 'https://sso.example.com/realms/corp/' },
        ...{ clientId: 'c', clientSecret: 's', scopes: ['openid', 'email', 'profile'] },
      },
    ]);
    expect(readConfig({ OAUTH_GOOGLE_CLIENT_ID: '' }).oauthProviders).toEqual([]);
  });

  it.each([
    ['an id without a secret', { ...base, OAUTH_GOOGLE_CLIENT_ID: 'id' }, 'OAUTH_GOOGLE_CLIENT_SECRET: must be set'],
    ['a secret without an id', { ...base, OAUTH_GOOGLE_CLIENT_SECRET: 'a secret' }, 'OAUTH_GOOGLE_CLIENT_ID: must be set'],
    [
      'no issuer that is known',
      { ...base, OAUTH_MICROSOFT_CLIENT_ID: 'i', OAUTH_MICROSOFT_CLIENT_SECRET: 's' },
      'OAUTH_MICROSOFT_ISSUER: must be set',
    ],
    ['no pages to come back to', google, 'OAUTH_REDIRECT_URIS: must be set'],
    [
      'an issuer of all tenants',
      { ...base, ...google, OAUTH_GOOGLE_ISSUER: 'https://login.microsoftonline.com/common/v2.0' },
      'OAUTH_GOOGLE_ISSUER: must be the issuer of one tenant',
    ],
    ['an issuer that is no URL', { ...base, ...google, OAUTH_GOOGLE_ISSUER: 'accounts.google.com' }, 'OAUTH_GOOGLE_ISSUER: '],
    ['no openid among the scopes', { ...base, ...google, OAUTH_GOOGLE_SCOPES: 'email' }, 'OAUTH_GOOGLE_SCOPES: openid'],
    ['a page with a fragment', { ...google, OAUTH_REDIRECT_URIS: 'https://app.example.com/#/back' }, 'OAUTH_REDIRECT_URIS: '],
    ['a page that runs something', { ...google, OAUTH_REDIRECT_URIS: 'javascript:alert(1)' }, 'OAUTH_REDIRECT_URIS: '],
    [
      'a page in the clear, in production',
      { ...base, ...google, NODE_ENV: 'production', OAUTH_REDIRECT_URIS: 'http://app.example.com/back' },
      'OAUTH_REDIRECT_URIS: must be https',
    ],
    [
      'an issuer in the clear, in production',
      { ...base, ...google, NODE_ENV: 'production', OAUTH_GOOGLE_ISSUER: 'http://127.0.0.1:9/' },
      'OAUTH_GOOGLE_ISSUER: must be https',
    ],
  ])('with %s are refused in words that name them, and no value', (_title, env, told) => {
    const problems = problemsOf(env as Record<string, string>).filter((problem) => problem.startsWith('OAUTH_'));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(told);
    expect(problems[0]).not.toContain('a secret');
  });

  it('may name pages of apps: on loopback, or of a scheme of their own', () => {
    const pages = 'http://127.0.0.1:8080/back,com.example.app:/back,https://app.example.com/';
    expect(
      problemsOf({ ...google, NODE_ENV: 'production', OAUTH_REDIRECT_URIS: pages }).filter((problem) => problem.startsWith('OAUTH_')),
    ).toEqual([]);
  });
});
