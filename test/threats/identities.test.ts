/** What a review tried against sign-in with other providers: honest people of one network, a provider that errs, times that are none, ways in that are none. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from '../../src/config.ts';
import { challenged, otherThan, verify } from '../auth/mfa/asking.ts';
import { callerOf, stranger } from '../kit/caller.ts';
import { redirectUri, settingsOf, signInBy, start } from '../kit/identities.ts';
import { totp, withTotp } from '../kit/mfa.ts';
import { type LocalProvider, openProvider } from '../kit/provider.ts';
import { openWorld, password, type World } from '../kit/world.ts';

let provider: LocalProvider;
let world: World;
beforeAll(async () => {
  provider = await openProvider();
  world = await openWorld({
    ...settingsOf(provider),
    RATE_LIMIT_LOGIN: '5/900s',
    RATE_LIMIT_REGISTER: '5/3600s',
    RATE_LIMIT_OAUTH: '30/300s',
  });
});
afterEach(() => {
  provider.behave(null);
  provider.lie = null;
});
afterAll(async () => {
  await world?.close();
  await provider?.stop();
});
const begin = async (from: ReturnType<typeof stranger>, person = provider.person()) => {
  const begun = await world.house.auth.identities.start(from, { provider: 'test', redirectUri });
  if (begun.kind !== 'OAuthStart') throw new Error(begun.kind);
  return { provider: 'test', ...provider.authorize(begun.authorizationUrl, person) };
};
const back = async (from: ReturnType<typeof stranger>, given: object = {}) =>
  world.house.auth.identities.complete(from, { ...(await begin(from)), ...given });

describe('the people of one network', () => {
  it('are not kept away by what the provider or its operator did wrong', async () => {
    const from = stranger('198.51.100.52');
    for (const error of ['server_error', 'login_required', 'interaction_required', 'consent_required', 'invalid_client', 'server_error'])
      expect(await back(from, { code: '', error })).toMatchObject({ kind: 'OAuthFailed', error });
    expect((await back(from)).kind).toBe('SignedIn');
  });

  it('come for the first time on one day, more of them than may register themselves', async () => {
    const from = stranger('198.51.100.53');
    for (let n = 0; n < 8; n += 1) expect((await back(from)).kind).toBe('SignedIn');
  });

  it('do not pay for beginning while the provider is away', async () => {
    const own = await openWorld({ ...settingsOf(provider), RATE_LIMIT_OAUTH: '3/300s' });
    try {
      provider.behave((_, response) => void response.writeHead(503).end(), 9);
      for (let n = 0; n < 3; n += 1) expect((await start(own.anonymous)).__typename).toBe('UNAVAILABLE');
      provider.behave(null);
      expect((await start(own.anonymous)).__typename).toBe('OAuthStart');
    } finally {
      await own.close();
    }
  });
});

describe('a provider', () => {
  it('is not shut to everybody by what it answers to one client’s codes', async () => {
    const [honest, from] = [stranger('198.51.100.55'), stranger('198.51.100.54')];
    const right = await begin(honest);
    for (let n = 0; n < 8; n += 1) {
      const given = await begin(from);
      provider.behave((_, response) => void response.writeHead(500).end('{}'), 1);
      const out = await world.house.auth.identities.complete(from, { ...given, code: `boom-${n}` });
      expect(out).toMatchObject({ kind: 'OAuthFailed', error: 'temporarily_unavailable' });
    }
    provider.behave(null);
    expect((await world.house.auth.identities.complete(honest, right)).kind).toBe('SignedIn');
  });

  it.each([
    ['in milliseconds', Date.now() - 86_400_000],
    ['beyond all dates', 1e20],
    ['of tomorrow', Date.now() / 1000 + 86_400],
  ])('that tells an auth_time %s has not proved anything just now', async (_what, given) => {
    const answer = await signInBy(world.anonymous, provider, provider.person({ auth_time: given }));
    expect([answer.__typename, answer.session.authenticatedAt]).toEqual(['SignedIn', '1970-01-01T00:00:00.000Z']);
  });

  it.each([
    'https://login.microsoftonline.com:443/common/v2.0',
    'https://login.microsoftonline.com//common/v2.0',
    'https://login.microsoftonline.com/%63ommon/v2.0',
    'https://login.microsoftonline.com/./Organizations',
  ])('of all tenants is none, however it is written: %s', (issuer) => {
    const read = () =>
      readConfig({ OAUTH_REDIRECT_URIS: redirectUri, OAUTH_MS_CLIENT_ID: 'i', OAUTH_MS_CLIENT_SECRET: 's', OAUTH_MS_ISSUER: issuer });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow('one tenant');
  });
});

describe('the last way in', () => {
  it('is no passkey either that is taken away after the identity', async () => {
    const from = stranger('198.51.100.50');
    const signed = await back(from);
    if (signed.kind !== 'SignedIn') throw new Error(signed.kind);
    const caller = await callerOf(world, signed.accessToken);
    const { userId } = signed;
    await world.sql(
      `INSERT INTO mfa_methods (id, user_id, type, setup_ends_at, created_at, confirmed_at, transports) VALUES (gen_random_uuid(), $1, 'WEBAUTHN', now(), now(), now(), '{}')`,
      [userId],
    );
    const [identity] = (await world.house.auth.identities.of([userId]))[0]!;
    expect((await world.house.auth.identities.unlink(caller, { identityId: identity!.id })).kind).toBe('User');
    const [method] = await world.sql<{ id: string }>('SELECT id FROM mfa_methods WHERE user_id = $1', [userId]);
    expect(await world.house.auth.mfa.disable(caller, { methodId: method!.id })).toMatchObject({ kind: 'Conflict' });
    expect(await world.sql('SELECT id FROM mfa_methods WHERE user_id = $1', [userId])).toEqual([method]);
  });

  it('is no identity of an issuer that the settings do not name any more, whatever its name', async () => {
    const person = provider.person();
    const first = await signInBy(world.anonymous, provider, person);
    const client = world.anonymous.as(first.accessToken);
    await signInBy(client, provider, provider.person());
    await world.sql(`UPDATE identities SET issuer = 'https://old.example' WHERE subject = $1`, [person.sub]);
    const { data } = await client.ask('{ me { identities { id subject } } }');
    const working = data.me.identities.find((one: { subject: string }) => one.subject !== person.sub);
    const out = await client.ask('mutation ($input: UnlinkIdentityInput!) { unlinkIdentity(input: $input) { __typename } }', {
      input: { identityId: working.id },
    });
    expect(out.data.unlinkIdentity.__typename).toBe('Conflict');
  });
});

describe('a day of wrong codes', () => {
  it('of whoever knows the password does not keep the signed-in owner from proving himself', async () => {
    const own = await openWorld();
    try {
      const ada = await withTotp(own);
      const device = { fingerprint: 'the desk of Ada' };
      const signIn = async () =>
        verify(own.anonymous, {
          challengeToken: await challenged(own, ada, { device }),
          type: 'TOTP',
          code: totp(ada.secret, own.clock.now()),
        });
      own.clock.move(60);
      expect((await signIn()).__typename).toBe('SignedIn');
      for (let n = 0; n < 31; n += 1) {
        const from = stranger(`203.0.113.${n + 10}`);
        const due = await own.house.auth.login.withPassword(from, { email: ada.email, password });
        if (due.kind !== 'MfaRequired') throw new Error(due.kind);
        const code = otherThan(totp(ada.secret, own.clock.now()));
        const { kind } = await own.house.auth.mfa.verify(from, { challengeToken: due.challengeToken, type: 'TOTP', code });
        expect(kind).toBe(n < 30 ? 'CodeInvalid' : 'AccountLocked');
      }
      own.clock.move(7200);
      const client = own.anonymous.as((await signIn()).accessToken);
      own.clock.move(310);
      const input = { type: 'TOTP', code: totp(ada.secret, own.clock.now()) };
      const { data } = await client.ask('mutation ($input: StepUpInput!) { stepUp(input: $input) { __typename } }', { input });
      expect(data.stepUp.__typename).toBe('SteppedUp');
    } finally {
      await own.close();
    }
  });
});
