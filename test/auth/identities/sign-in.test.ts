/** Signing in with another provider. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Changes, nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { comeBack, complete, redirectUri, settingsOf, signInBy, start } from '../../kit/identities.ts';
import { totp, withTotp } from '../../kit/mfa.ts';
import { type LocalProvider, openProvider } from '../../kit/provider.ts';
import { refreshWith } from '../../kit/refreshing.ts';
import { openWorld, type SignedInPerson, someEmail, type World } from '../../kit/world.ts';
import { nextStep, setup, verify, withSent } from '../mfa/asking.ts';

const adminEmail = 'first.admin@example.org';
let provider: LocalProvider;
let world: World;
let watch: Watch;
let admin: SignedInPerson;
beforeAll(async () => {
  provider = await openProvider();
  world = await openWorld({ ...settingsOf(provider), OAUTH_TEST_NAME: 'Test & Sons', BOOTSTRAP_ADMIN_EMAIL: adminEmail });
  watch = await watchChanges(world);
  admin = await world.signedIn(undefined, { roles: ['superadmin'] });
});
afterAll(async () => {
  await world?.close();
  await provider?.stop();
});

const counted = async () =>
  (await world.sql('SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM identities) AS identities'))[0];
const signedInFacts = ['identity.used', 'session.created', 'user.login'];
const opened = (facts: string[]): Changes => ({ facts, sessionsOpened: 1, sessionsEnded: 0, letters: [] });

describe('whoever comes back from a provider for the first time', () => {
  it('is registered, with an address that is verified and no password, and signed in, with every fact of it', async () => {
    const person = provider.person({ name: 'Ada Lovelace', locale: 'de-CH' });
    const { answer, changed } = await watch(() => signInBy(world.anonymous, provider, person));
    const identity = { provider: 'test', subject: person.sub, email: person.email };
    expect(answer).toMatchObject({
      __typename: 'SignedIn',
      user: { email: person.email, emailVerified: true, name: 'Ada Lovelace', identities: [identity] },
      session: { amr: ['fed'] },
    });
    expect(changed).toEqual(opened(['user.registered', 'user.verified', 'identity.linked', ...signedInFacts]));
    const [row] = await world.sql('SELECT locale, status FROM users WHERE id = $1', [answer.user.id]);
    expect(row).toEqual({ locale: 'de-CH', status: 'ACTIVE' });
    expect(await world.sql('SELECT 1 FROM passwords WHERE user_id = $1', [answer.user.id])).toEqual([]);
    expect((await refreshWith(world, answer.refreshToken)).__typename).toBe('SignedIn');
  });

  it('keeps nothing of the profile that is out of form', async () => {
    const { user } = await signInBy(world.anonymous, provider, provider.person({ name: 'line\nbreak', locale: '???' }));
    const [row] = await world.sql('SELECT name, locale FROM users WHERE id = $1', [user.id]);
    expect(row).toEqual({ name: null, locale: null });
  });

  it('is registered by the userinfo where the ID token has no address', async () => {
    provider.metadata = { userinfo_endpoint: `${provider.url}/userinfo` };
    const other = await openWorld(settingsOf(provider));
    try {
      const person = provider.person();
      expect(await signInBy(other.anonymous, provider, person)).toMatchObject({ user: { email: person.email } });
    } finally {
      provider.metadata = {};
      await other.close();
    }
  });

  const doubtful: [string, object][] = [
    ['not verified', { email_verified: false }],
    ['of which it is not said whether it is verified', { email_verified: undefined }],
    ['that is verified as 1', { email_verified: 1 }],
    ['that is missing', { email: undefined }],
    ['that is none', { email: 'nobody' }],
    ['that is another one by NFKC', { email: 'ﬁrst@example.org' }],
  ];
  it.each(doubtful)('is refused with an address %s, and nothing is made', async (_title, given) => {
    const before = await counted();
    const { answer, changed } = await watch(() => signInBy(world.anonymous, provider, provider.person(given)));
    expect(answer).toMatchObject({ __typename: 'OAuthFailed', error: 'access_denied', message: expect.stringContaining('vouch') });
    expect(changed).toEqual({ ...nothing, facts: ['identity.login_failed OAuthFailed'] });
    expect(await counted()).toEqual(before);
  });

  it.each(['ACTIVE', 'PENDING_VERIFICATION', 'DEACTIVATED'])(
    'is IdentityTaken where an account that is %s has the address, and nothing is linked',
    async (status) => {
      const { id, email } = await world.person(someEmail(), { status });
      const before = await counted();
      const person = provider.person({ email: email.toUpperCase() });
      const { answer, changed } = await watch(() => signInBy(world.anonymous, provider, person));
      expect(answer).toMatchObject({ __typename: 'IdentityTaken', message: expect.stringContaining('Sign in') });
      expect(changed).toEqual({ ...nothing, facts: ['identity.login_failed IdentityTaken'] });
      expect(await counted()).toEqual(before);
      const [fact] = await world.sql(`SELECT subject_id FROM audit_events WHERE type = 'identity.login_failed' ORDER BY seq DESC LIMIT 1`);
      expect(fact).toEqual({ subject_id: id });
      // What is not vouched for tells nothing of accounts.
      const unproved = await signInBy(world.anonymous, provider, provider.person({ email, email_verified: false }));
      expect(unproved.__typename).toBe('OAuthFailed');
    },
  );

  it('never becomes the first administrator by a provider’s word', async () => {
    const before = await counted();
    const answer = await signInBy(world.anonymous, provider, provider.person({ email: adminEmail }));
    expect(answer).toMatchObject({ __typename: 'OAuthFailed', error: 'access_denied', message: expect.stringContaining('by mail') });
    expect(await counted()).toEqual(before);
  });
});

describe('whoever has an identity', () => {
  it('is signed in by it, whatever address the provider says now, and the account keeps its own', async () => {
    const person = provider.person();
    const first = await signInBy(world.anonymous, provider, person);
    const { email } = await world.person();
    const { answer, changed } = await watch(() => signInBy(world.anonymous, provider, { ...person, email, email_verified: false }));
    expect(answer).toMatchObject({ user: { id: first.user.id, email: person.email, identities: [{ email }] } });
    expect(changed).toEqual(opened(signedInFacts));
  });

  it('gets the refresh token in a cookie where it asks for that', async () => {
    const browser = world.anonymous.with({ 'x-latchkey-csrf': '1' });
    const person = provider.person();
    expect(await signInBy(browser, provider, person, { delivery: 'COOKIE' })).toMatchObject({ __typename: 'SignedIn', refreshToken: null });
    const state = await comeBack(world.anonymous, provider, person);
    const { answer, changed } = await watch(() => complete(world.anonymous, { ...state, delivery: 'COOKIE' }));
    expect([answer.__typename, changed]).toEqual(['BAD_REQUEST', nothing]);
  });

  it('is AccountDeactivated where an administrator has put the account away, and is not signed in', async () => {
    const person = provider.person();
    const { user } = await signInBy(world.anonymous, provider, person);
    await admin.client.ask(`mutation { deactivateUser(input: { userId: "${user.id}", reason: "gone" }) { __typename } }`);
    const { answer, changed } = await watch(() => signInBy(world.anonymous, provider, person));
    expect(answer.__typename).toBe('AccountDeactivated');
    expect(changed).toEqual({ ...nothing, facts: ['identity.login_failed AccountDeactivated'] });
  });

  it('is asked for the second factor: a provider is none', async () => {
    const person = provider.person({ amr: ['mfa', 'hwk'] });
    const { accessToken, user, session } = await signInBy(world.anonymous, provider, person);
    const client = world.anonymous.as(accessToken);
    const { secret } = await withTotp(world, {
      id: user.id,
      email: user.email,
      accessToken,
      refreshToken: '',
      sessionId: session.id,
      client,
    });
    const { answer, changed } = await watch(() => signInBy(world.anonymous, provider, person));
    expect(answer).toMatchObject({ __typename: 'MfaRequired', methods: ['TOTP', 'BACKUP_CODE'] });
    expect(changed).toEqual({ ...nothing, facts: ['identity.used', 'mfa.challenged'] });
    const done = await verify(world.anonymous, {
      challengeToken: answer.challengeToken,
      type: 'TOTP',
      code: totp(secret, nextStep(world)),
    });
    expect(done).toMatchObject({ __typename: 'SignedIn', session: { amr: ['fed', 'otp', 'mfa'] } });
  });

  it('is asked for a mailed code too, which is another factor than a provider’s word', async () => {
    const person = provider.person();
    const { accessToken, user, session } = await signInBy(world.anonymous, provider, person);
    const client = world.anonymous.as(accessToken);
    await withSent(
      world,
      { id: user.id, email: user.email, accessToken, refreshToken: '', sessionId: session.id, client },
      { type: 'EMAIL' },
    );
    expect(await signInBy(world.anonymous, provider, person)).toMatchObject({
      __typename: 'MfaRequired',
      methods: ['EMAIL', 'BACKUP_CODE'],
    });
  });

  it('opens sensitive doors by signing in again: where the provider says when it was proved, it has to have been just now', async () => {
    const now = Math.floor(world.clock.now().getTime() / 1000);
    const person = provider.person({ auth_time: now - 3600 });
    const stale = await signInBy(world.anonymous, provider, person);
    expect(new Date(stale.session.authenticatedAt).getTime()).toBe((now - 3600) * 1000);
    expect((await setup(world.anonymous.as(stale.accessToken), { type: 'TOTP' }).catch(String)).toString()).toContain('STEP_UP_REQUIRED');
    const { authorizationUrl } = await start(world.anonymous, { reauthenticate: true });
    expect(new URL(authorizationUrl).searchParams.get('prompt')).toBe('login');
    expect(new URL(authorizationUrl).searchParams.get('max_age')).toBe('0');
    const fresh = await signInBy(world.anonymous, provider, { ...person, auth_time: now });
    expect((await setup(world.anonymous.as(fresh.accessToken), { type: 'TOTP' })).__typename).toBe('MfaSetup');
    const future = await signInBy(world.anonymous, provider, { ...person, auth_time: now + 86_400 });
    expect(new Date(future.session.authenticatedAt).getTime()).toBeLessThanOrEqual(world.clock.now().getTime());
  });

  it('shows it to oneself and to a holder of users.read, and to nobody else', async () => {
    const person = provider.person();
    const { accessToken, user } = await signInBy(world.anonymous, provider, person);
    const query = `{ user(id: "${user.id}") { identities { subject } } }`;
    const seenBy = async (client: World['anonymous']) => (await client.ask(query)).data.user.identities;
    expect(await seenBy(world.anonymous.as(accessToken))).toEqual([{ subject: person.sub }]);
    expect(await seenBy(admin.client)).toEqual([{ subject: person.sub }]);
    expect(await seenBy((await world.signedIn()).client)).toBeNull();
  });

  it('has it erased with the account, and is somebody new afterwards', async () => {
    const person = provider.person();
    const { accessToken, user } = await signInBy(world.anonymous, provider, person);
    const client = world.anonymous.as(accessToken);
    await start(client);
    expect((await client.ask('mutation { deleteAccount(input: {}) { __typename } }')).data.deleteAccount.__typename).toBe('AccountDeleted');
    for (const table of ['identities', 'oauth_states'])
      expect(await world.sql(`SELECT 1 FROM ${table} WHERE user_id = $1`, [user.id]), table).toEqual([]);
    const again = await signInBy(world.anonymous, provider, person);
    expect([again.__typename, again.user.id === user.id]).toEqual(['SignedIn', false]);
  });
});

describe('the way to a provider', () => {
  it('is offered by serviceInfo, and begun for a page on the list alone, character by character', async () => {
    const { data } = await world.anonymous.ask('{ serviceInfo { features oauthProviders { id name } } }');
    expect(data.serviceInfo).toMatchObject({
      oauthProviders: [{ id: 'test', name: 'Test & Sons' }],
      features: expect.arrayContaining(['oauth']),
    });
    for (const listed of [redirectUri, 'com.example.app:/callback'])
      expect((await start(world.anonymous, { redirectUri: listed })).__typename).toBe('OAuthStart');
    const others = [
      'https://app.example.com/Callback',
      `${redirectUri}/`,
      `${redirectUri}?a=1`,
      `${redirectUri}#a`,
      'https://app.example.com.evil.example/callback',
    ];
    for (const other of [
      ...others,
      'https://app.example.com:443/callback',
      'https://user@app.example.com/callback',
      'https://evil.example/callback',
    ]) {
      const { answer, changed } = await watch(() => start(world.anonymous, { redirectUri: other }));
      expect([answer.__typename, answer.field, changed], other).toEqual(['InvalidInput', 'input.redirectUri', nothing]);
    }
    expect((await start(world.anonymous, { provider: 'google' })).__typename).toBe('NotFound');
    expect((await complete(world.anonymous, { provider: 'google', code: 'c', state: 's' })).__typename).toBe('NotFound');
  });

  it('names what the protocol wants, and keeps of it only a digest of the state', async () => {
    const { authorizationUrl, state } = await start(world.anonymous);
    const asked = Object.fromEntries(new URL(authorizationUrl).searchParams);
    expect(asked).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
      scope: 'openid email profile',
      state,
      redirect_uri: redirectUri,
    });
    expect(Buffer.from(state, 'base64url').length).toBe(32);
    const rows = JSON.stringify(await world.sql('SELECT t::text AS row FROM oauth_states t'));
    for (const secret of [state, asked['nonce'], asked['code_challenge']]) expect(rows).not.toContain(secret);
  });

  it('leaves nothing behind a day after it was begun', async () => {
    await start(world.anonymous);
    world.clock.move(86_400 + 660);
    await world.house.auth.identities.sweep();
    expect(await world.sql('SELECT 1 FROM oauth_states')).toEqual([]);
  });
});
