/** What somebody between a provider and this house could try: answers that are forged, mixed up, replayed, injected or somebody else's. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { stranger } from '../../kit/caller.ts';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { comeBack, complete, redirectUri, settingsOf, signInBy, start } from '../../kit/identities.ts';
import { type Lie, type LocalProvider, openProvider } from '../../kit/provider.ts';
import { openWorld, type World } from '../../kit/world.ts';

let provider: LocalProvider;
let second: LocalProvider;
let world: World;
let watch: Watch;
beforeAll(async () => {
  [provider, second] = await Promise.all([openProvider(), openProvider()]);
  // The second one says that it sends `iss`, as RFC 9207 has it.
  second.metadata = { authorization_response_iss_parameter_supported: true };
  world = await openWorld({ ...settingsOf(provider), ...settingsOf(second, 'SECOND') });
  watch = await watchChanges(world);
});
afterEach(() => {
  provider.lie = null;
});
afterAll(async () => {
  await world?.close();
  await Promise.all([provider?.stop(), second?.stop()]);
});

const exchanges = (of: LocalProvider) => of.seen.filter(({ path }) => path === '/token').length;
const counted = async () =>
  (await world.sql('SELECT (SELECT count(*) FROM users)::int AS users, (SELECT count(*) FROM identities)::int AS identities'))[0];
/** Refused with this error, and nothing but the fact of it is left. */
const expectFailed = async (work: () => Promise<{ __typename: string; error?: string }>, error: string) => {
  const before = await counted();
  const { answer, changed } = await watch(work);
  expect([answer.__typename, answer.error]).toEqual(['OAuthFailed', error]);
  expect(changed).toEqual({ ...nothing, facts: ['identity.login_failed OAuthFailed'] });
  expect(await counted()).toEqual(before);
};
const expectInvalid = async (work: () => Promise<{ __typename: string }>) => {
  const { answer, changed } = await watch(work);
  expect(answer.__typename).toBe('TokenInvalid');
  expect(changed).toEqual({ ...nothing, facts: ['identity.login_failed TokenInvalid'] });
};

const now = () => Math.floor(Date.now() / 1000);
const lies: [string, () => Lie][] = [
  ['has the nonce of another sign-in', () => ({ claims: { nonce: 'of-another-one' } })],
  ['has no nonce', () => ({ claims: { nonce: undefined } })],
  ['is for another client', () => ({ claims: { aud: 'another-client' } })],
  ['is for several clients and does not say whose it is', () => ({ claims: { aud: [provider.clientId, 'another-client'] } })],
  ['is another client’s', () => ({ claims: { aud: [provider.clientId, 'another-client'], azp: 'another-client' } })],
  ['is of another issuer', () => ({ claims: { iss: second.issuer } })],
  ['is over', () => ({ claims: { iat: now() - 900, exp: now() - 600 } })],
  ['has no end', () => ({ claims: { exp: undefined } })],
  ['is made for the future', () => ({ claims: { nbf: now() + 900 } })],
  ['has no subject', () => ({ claims: { sub: undefined } })],
  ['has an empty subject', () => ({ claims: { sub: '' } })],
  ['has a subject that is no ASCII', () => ({ claims: { sub: 'ſubject' } })],
  ['has a subject that is too long', () => ({ claims: { sub: 's'.repeat(256) } })],
  ['is not signed (alg none)', () => ({ signedBy: 'nobody' })],
  ['is signed by somebody else', () => ({ signedBy: 'a stranger' })],
  ['is signed with the client secret (HS256)', () => ({ signedBy: 'the secret' })],
  ['is no token', () => ({ answer: { id_token: 'eyJ.none.at-all' } })],
  ['is not there', () => ({ answer: { id_token: undefined } })],
];
describe('an ID token', () => {
  it.each(lies)('that %s is refused, and nothing is made', async (_title, lie) => {
    provider.lie = lie();
    await expectFailed(() => signInBy(world.anonymous, provider, provider.person()), 'server_error');
  });

  it('is believed beside them', async () => {
    provider.lie = { claims: { aud: [provider.clientId, 'another-client'], azp: provider.clientId } };
    expect((await signInBy(world.anonymous, provider, provider.person())).__typename).toBe('SignedIn');
  });
});

describe('a userinfo', () => {
  it('of another subject than the ID token’s is refused, and nothing is made', async () => {
    second.metadata = { ...second.metadata, userinfo_endpoint: `${second.url}/userinfo` };
    const other = await openWorld(settingsOf(second));
    try {
      second.lie = { userinfo: { sub: 'another-subject' } };
      const answer = await signInBy(other.anonymous, second, second.person());
      expect([answer.__typename, answer.error]).toEqual(['OAuthFailed', 'server_error']);
      expect(await other.sql('SELECT 1 FROM users')).toEqual([]);
      second.lie = null;
      expect((await signInBy(other.anonymous, second, second.person())).__typename).toBe('SignedIn');
    } finally {
      second.metadata = { authorization_response_iss_parameter_supported: true };
      await other.close();
    }
  });
});

describe('a code', () => {
  it('that was spent is refused', async () => {
    const person = provider.person();
    const { code } = await comeBack(world.anonymous, provider, person);
    const first = await comeBack(world.anonymous, provider, person);
    expect((await complete(world.anonymous, first)).__typename).toBe('SignedIn');
    const { state } = await comeBack(world.anonymous, provider, person);
    await expectFailed(() => complete(world.anonymous, { code: first.code, state }), 'invalid_grant');
    expect(code).not.toBe(first.code);
  });

  it('that came to somebody else is no good with a state of one’s own: the verifier is another', async () => {
    const stolen = await comeBack(world.anonymous, provider, provider.person());
    const own = await comeBack(world.anonymous, provider, provider.person());
    await expectFailed(() => complete(world.anonymous, { code: stolen.code, state: own.state }), 'invalid_grant');
  });

  it.each([
    ['empty', ''],
    ['too long', 'c'.repeat(5000)],
  ])('that is %s is not sent to the provider', async (_title, code) => {
    const { state } = await comeBack(world.anonymous, provider, provider.person());
    const before = exchanges(provider);
    await expectFailed(() => complete(world.anonymous, { code, state }), 'invalid_request');
    expect(exchanges(provider)).toBe(before);
  });
});

describe('a state', () => {
  it('is used once, also where what came of it was a failure', async () => {
    const back = await comeBack(world.anonymous, provider, provider.person());
    expect((await complete(world.anonymous, back)).__typename).toBe('SignedIn');
    await expectInvalid(() => complete(world.anonymous, back));
    const begun = await comeBack(world.anonymous, provider, provider.person());
    await expectFailed(() => complete(world.anonymous, { ...begun, code: 'wrong' }), 'invalid_grant');
    await expectInvalid(() => complete(world.anonymous, begun));
  });

  it('is over after ten minutes', async () => {
    const back = await comeBack(world.anonymous, provider, provider.person());
    world.clock.move(601);
    await expectInvalid(() => complete(world.anonymous, back));
  });

  it('that was begun with another provider, by another client, or by nobody is not taken, and not used up', async () => {
    const back = await comeBack(world.anonymous, provider, provider.person());
    const before = exchanges(provider) + exchanges(second);
    await expectInvalid(() => complete(world.anonymous, { ...back, provider: 'second' }));
    await expectInvalid(() => complete(world.anonymous.with({ 'user-agent': 'Another/1.0' }), back));
    await expectInvalid(() => complete(world.anonymous, { ...back, state: 'made-up' }));
    expect(exchanges(provider) + exchanges(second)).toBe(before);
    expect((await complete(world.anonymous, back)).__typename).toBe('SignedIn');
  });
});

describe('an answer', () => {
  it('that names another issuer is mixed up: its code is sent to nobody', async () => {
    const before = exchanges(provider) + exchanges(second);
    const back = await comeBack(world.anonymous, provider, provider.person());
    await expectFailed(() => complete(world.anonymous, { ...back, iss: second.issuer }), 'server_error');
    expect(exchanges(provider) + exchanges(second)).toBe(before);
    const honest = await comeBack(world.anonymous, provider, provider.person());
    expect((await complete(world.anonymous, { ...honest, iss: provider.issuer })).__typename).toBe('SignedIn');
  });

  it('without the issuer, of a provider that names it, is refused where there are several providers', async () => {
    const begin = async () => {
      const { authorizationUrl } = await start(world.anonymous, { provider: 'second' });
      return { provider: 'second', ...second.authorize(authorizationUrl, second.person()) };
    };
    const { iss, ...without } = await begin();
    const before = exchanges(second);
    await expectFailed(() => complete(world.anonymous, without), 'server_error');
    expect(exchanges(second)).toBe(before);
    expect(iss).toBe(second.issuer);
    expect((await complete(world.anonymous, await begin())).__typename).toBe('SignedIn');
  });

  it.each([
    ['access_denied', 'access_denied'],
    ['temporarily_unavailable', 'temporarily_unavailable'],
    ['<script>alert(1)</script>', 'server_error'],
    ['E'.repeat(500), 'server_error'],
  ])('that is the error %s is told and recorded as %s, and the provider is not asked', async (given, told) => {
    const { state } = await comeBack(world.anonymous, provider, provider.person());
    const before = exchanges(provider);
    await expectFailed(() => complete(world.anonymous, { code: '', state, error: given }), told);
    expect(exchanges(provider)).toBe(before);
    await expectInvalid(() => complete(world.anonymous, { code: 'c', state }));
  });
});

describe('attempts', () => {
  it('that fail are limited by network, and so are those that are begun; changing one’s mind costs nothing', async () => {
    const limited = await openWorld({ ...settingsOf(provider), RATE_LIMIT_LOGIN: '5/900s', RATE_LIMIT_OAUTH: '20/300s' });
    try {
      const { identities } = limited.house.auth;
      const from = stranger('198.51.100.7');
      const begin = async () => {
        const begun = await identities.start(from, { provider: 'test', redirectUri });
        if (begun.kind !== 'OAuthStart') throw new Error(begun.kind);
        return { provider: 'test', ...provider.authorize(begun.authorizationUrl, provider.person()) };
      };
      for (let n = 0; n < 6; n += 1)
        expect(await identities.complete(from, { ...(await begin()), error: 'access_denied' })).toMatchObject({ kind: 'OAuthFailed' });
      for (let n = 0; n < 5; n += 1)
        expect((await identities.complete(from, { ...(await begin()), code: 'guess' })).kind).toBe('OAuthFailed');
      const right = await begin();
      expect(await identities.complete(from, right)).toMatchObject({ kind: 'TooManyAttempts', retryAfterSeconds: expect.any(Number) });
      expect(await limited.sql('SELECT 1 FROM sessions')).toEqual([]);
      // It was not looked at, and is as good as before from where nobody has tried.
      expect((await identities.complete(stranger('198.51.100.8'), right)).kind).toBe('SignedIn');
      for (let n = 12; n < 20; n += 1) await begin();
      await expect(begin()).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    } finally {
      await limited.close();
    }
  });
});
