/** One person's whole way through the API, as an SPA would go it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Watch, watchChanges } from '../kit/changes.ts';
import type { Client } from '../kit/client.ts';
import { loginMutation, openWorld, password, refreshMutation, type World } from '../kit/world.ts';

let world: World;
let watch: Watch;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
});
afterAll(() => world?.close());

const problem = '... on Problem { code message }';
const registerMutation = `mutation ($input: RegisterInput!) { register(input: $input) { __typename ... on Registration { email status } ${problem} } }`;
const verifyMutation = `mutation ($input: VerifyEmailInput!) { verifyEmail(input: $input) { __typename ... on User { id email emailVerified status username } ${problem} } }`;
const resetMutation = `mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { __typename ... on User { id } ${problem} } }`;
const email = 'Ada.Lovelace@Example.com';
const next = 'seven quiet otters';

describe('Ada', () => {
  // Each step goes on where the one before it ended.
  let id: string;
  let link: string;
  let laptop: { client: Client; sessionId: string; refreshToken: string };
  let phone: { client: Client; sessionId: string; refreshToken: string };
  const signIn = async (given: string, device: object) => {
    const { data } = await world.anonymous.ask(loginMutation, { input: { email, password: given, device } });
    expect(data.login).toMatchObject({ __typename: 'SignedIn', user: { id, email }, session: { current: true } });
    return { client: world.anonymous.as(data.login.accessToken), sessionId: data.login.session.id, refreshToken: data.login.refreshToken };
  };

  it('registers, and cannot sign in yet', async () => {
    const input = { email, password, name: 'Ada Lovelace', username: 'ada', locale: 'en-GB', timezone: 'Europe/London' };
    const { answer, changed } = await watch(() => world.anonymous.ask(registerMutation, { input }));
    expect(answer.data.register).toEqual({ __typename: 'Registration', email, status: 'PENDING_VERIFICATION' });
    expect(changed).toEqual({ facts: ['user.registered'], sessionsOpened: 0, sessionsEnded: 0, letters: [`verify-email to ${email}`] });
    const { data } = await world.anonymous.ask(loginMutation, { input: { email, password } });
    expect(data.login).toMatchObject({ __typename: 'EmailNotVerified', code: 'EMAIL_NOT_VERIFIED' });
  });

  it('verifies the address by the mailed code, not by another one, and the link is then void', async () => {
    const { text } = await world.mail(email);
    const code = /^\d{6}$/m.exec(text)![0];
    link = /https:\/\/\S+token=([\w-]+)/.exec(text)![1] as string;
    const wrong = await world.anonymous.ask(verifyMutation, { input: { email, code: code === '123456' ? '654321' : '123456' } });
    expect(wrong.data.verifyEmail).toMatchObject({ __typename: 'CodeInvalid', code: 'CODE_INVALID' });
    const { data } = await world.anonymous.ask(verifyMutation, { input: { email: email.toLowerCase(), code } });
    expect(data.verifyEmail).toMatchObject({ __typename: 'User', email, emailVerified: true, status: 'ACTIVE', username: 'ada' });
    id = data.verifyEmail.id;
    const again = await world.anonymous.ask(verifyMutation, { input: { token: link } });
    expect(again.data.verifyEmail).toMatchObject({ __typename: 'TokenInvalid', code: 'TOKEN_INVALID' });
  });

  it('signs in on two devices and sees herself, her sessions and what happened', async () => {
    laptop = await signIn(password, { fingerprint: 'laptop', name: 'Laptop' });
    phone = await signIn(password, { fingerprint: 'phone', name: 'Phone' });
    const { data, errors } = await laptop.client.ask(`{ me { id email name username locale timezone displayName permissions
      sessions { totalCount edges { node { id current deviceName browser os user { id } } } }
      activity(first: 3, filter: { types: ["user.*"] }) { edges { node { type outcome actor { id displayName } session { id } data } } } } }`);
    expect(errors).toBeUndefined();
    expect(data.me).toMatchObject({ id, email, name: 'Ada Lovelace', username: 'ada', locale: 'en-GB', timezone: 'Europe/London' });
    expect(data.me).toMatchObject({ displayName: 'Ada Lovelace', permissions: [] });
    expect(data.me.sessions).toEqual({
      totalCount: 2,
      edges: [
        { node: { id: phone.sessionId, current: false, deviceName: 'Phone', browser: 'Firefox 140', os: 'Linux', user: { id } } },
        { node: { id: laptop.sessionId, current: true, deviceName: 'Laptop', browser: 'Firefox 140', os: 'Linux', user: { id } } },
      ],
    });
    const login = (sessionId: string) => ({
      node: {
        type: 'user.login',
        outcome: 'SUCCESS',
        actor: { id, displayName: 'Ada Lovelace' },
        session: { id: sessionId },
        data: { newDevice: true, newCountry: null, impossibleTravel: null, persistent: false, amr: ['pwd'] },
      },
    });
    const [latest, before, verified] = data.me.activity.edges;
    expect([latest, before]).toEqual([login(phone.sessionId), login(laptop.sessionId)]);
    expect(verified.node).toMatchObject({ type: 'user.verified', data: { by: 'code' } });
    // The first sign-in is no news; the second is.
    expect((await world.mail(email, 1)).subject).not.toBe((await world.mail(email)).subject);
  });

  it('refreshes, and goes on with what she got', async () => {
    const { data } = await world.anonymous.ask(refreshMutation, { input: { refreshToken: laptop.refreshToken } });
    expect(data.refresh).toMatchObject({ __typename: 'SignedIn', session: { id: laptop.sessionId }, expiresIn: 900 });
    laptop = { ...laptop, client: world.anonymous.as(data.refresh.accessToken), refreshToken: data.refresh.refreshToken };
    expect((await laptop.client.ask('{ me { id } }')).data.me.id).toBe(id);
  });

  it('ends the phone’s session from the laptop', async () => {
    const { data } = await laptop.client.ask(
      'mutation ($input: RevokeSessionInput!) { revokeSession(input: $input) { __typename ... on LoggedOut { sessionIds } } }',
      { input: { sessionId: phone.sessionId } },
    );
    expect(data.revokeSession).toEqual({ __typename: 'LoggedOut', sessionIds: [phone.sessionId] });
    const refused = await phone.client.ask('{ me { id } }');
    expect(refused.errors?.map((error) => error.extensions.code)).toEqual(['UNAUTHENTICATED']);
    const { data: after } = await world.anonymous.ask(refreshMutation, { input: { refreshToken: phone.refreshToken } });
    expect(after.refresh).toMatchObject({ __typename: 'SessionEnded', reason: 'revoked' });
  });

  it('forgets the password, sets another by mail, and every session is over', async () => {
    await world.anonymous.ask('mutation ($input: EmailInput!) { requestPasswordReset(input: $input) { __typename } }', {
      input: { email },
    });
    const token = /token=([\w-]+)/.exec((await world.mail(email, 2)).text)![1];
    const { answer, changed } = await watch(() => world.anonymous.ask(resetMutation, { input: { token, newPassword: next } }));
    expect(answer.data.resetPassword).toEqual({ __typename: 'User', id });
    expect(changed).toMatchObject({ sessionsEnded: 1, letters: [`password-changed to ${email}`] });
    expect((await laptop.client.ask('{ me { id } }')).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    const { data } = await world.anonymous.ask(loginMutation, { input: { email, password } });
    expect(data.login.__typename).toBe('InvalidCredentials');
  });

  it('signs in with the new password, logs out, and the token is worth nothing', async () => {
    const again = await signIn(next, { fingerprint: 'laptop' });
    const { data } = await again.client.ask('mutation { logout { __typename ... on LoggedOut { sessionIds } } }');
    expect(data.logout).toEqual({ __typename: 'LoggedOut', sessionIds: [again.sessionId] });
    expect((await again.client.ask('{ me { id } }')).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
  });

  it('deletes her account: the person is gone, what happened stays under her id', async () => {
    const last = await signIn(next, { fingerprint: 'laptop' });
    const { data } = await last.client.ask(
      'mutation ($input: DeleteAccountInput!) { deleteAccount(input: $input) { __typename ... on AccountDeleted { userId } } }',
      {
        input: { currentPassword: next },
      },
    );
    expect(data.deleteAccount).toEqual({ __typename: 'AccountDeleted', userId: id });
    const { data: after } = await world.anonymous.ask(loginMutation, { input: { email, password: next } });
    expect(after.login.__typename).toBe('InvalidCredentials');
    const facts = await world.sql<{ type: string }>('SELECT type FROM audit_events WHERE subject_id = $1 ORDER BY seq', [id]);
    const types = facts.map((fact) => fact.type);
    for (const type of ['user.registered', 'user.verified', 'session.refreshed', 'password.reset_completed', 'user.deleted'])
      expect(types).toContain(type);
    const [row] = await world.sql('SELECT row_to_json(u)::text AS text FROM users u WHERE id = $1', [id]);
    expect((row as { text: string }).text.toLowerCase()).not.toMatch(/ada|lovelace/);
  });
});
