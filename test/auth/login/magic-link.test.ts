/** Sign-in by a mailed link: on the device that asked for it, on another with its code, and on an account that nobody has proved yet. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import type { Client } from '../../kit/client.ts';
import { ask, problem, withTotp } from '../../kit/mfa.ts';
import { loginMutation, openWorld, password, someEmail } from '../../kit/world.ts';

let world: Awaited<ReturnType<typeof openWorld>>;
let watch: Watch;
let phone: Client;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
  phone = world.anonymous.with({
    'user-agent': 'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Mobile Safari/604.1',
  });
});
afterAll(() => world?.close());

const requestMutation = `mutation ($input: EmailInput!) { requestMagicLink(input: $input) { __typename ${problem} ... on MailAccepted { email deviceCode } } }`;
const linkMutation = `mutation ($input: MagicLinkLoginInput!) { loginWithMagicLink(input: $input) { __typename ${problem}
  ... on CodeInvalid { attemptsLeft } ... on MfaRequired { methods challengeToken } ... on SignedIn { accessToken refreshToken user { id email emailVerified status } session { id amr persistent } } } }`;
// biome-ignore lint/suspicious/noExplicitAny: answers of any shape
type Any = any;
const request = (email: string, client: Client = world.anonymous): Promise<Any> => ask(client, requestMutation, { email });
const open = (input: object, client: Client = world.anonymous): Promise<Any> => ask(client, linkMutation, input);
const tokenIn = (text: string): string => /[?&]token=([\w-]+)/.exec(text)![1] as string;
const mailed = async (email: string, nth = 0): Promise<string> => tokenIn((await world.mail(email, nth)).text);

describe('a mailed link', () => {
  it('signs in once on the device that asked for it, without the code', async () => {
    const person = await world.person();
    const { answer, changed } = await watch(() => request(person.email));
    expect(answer).toEqual({ __typename: 'MailAccepted', email: person.email, deviceCode: expect.stringMatching(/^\d{6}$/) });
    expect(changed).toEqual({ ...nothing, facts: ['user.magic_link_requested'], letters: [`magic-link to ${person.email}`] });
    const token = await mailed(person.email);
    const first = await watch(() => open({ token, persistent: true }));
    expect(first.answer).toMatchObject({ __typename: 'SignedIn', user: { id: person.id }, session: { amr: ['otp'], persistent: true } });
    expect(first.changed).toEqual({ ...nothing, facts: ['session.created', 'user.login'], sessionsOpened: 1 });
    const second = await watch(() => open({ token }));
    expect(second.answer).toMatchObject({ __typename: 'TokenInvalid', code: 'TOKEN_INVALID' });
    expect(second.changed).toEqual({ ...nothing, facts: ['user.magic_link_failed TokenInvalid'] });
  });

  it('is over after a quarter of an hour', async () => {
    const person = await world.person();
    await request(person.email);
    const token = await mailed(person.email);
    world.clock.move(15 * 60 + 1);
    expect((await open({ token })).__typename).toBe('TokenInvalid');
  });

  it('opened on another device wants the code that the first one shows, and takes three wrong ones', async () => {
    const person = await world.person();
    const { deviceCode } = await request(person.email);
    const token = await mailed(person.email);
    const without = await watch(() => open({ token }, phone));
    expect(without.answer).toMatchObject({ __typename: 'CodeInvalid', attemptsLeft: 2 });
    expect(without.changed).toEqual({ ...nothing, facts: ['user.magic_link_failed CodeInvalid'] });
    const right = await open({ token, code: ` ${deviceCode.slice(0, 3)} ${deviceCode.slice(3)}` }, phone);
    expect(right).toMatchObject({ __typename: 'SignedIn', user: { id: person.id } });

    await request(person.email);
    const other = await mailed(person.email, 1);
    const wrong = deviceCode === '111111' ? '222222' : '111111';
    for (const left of [2, 1, 0])
      expect(await open({ token: other, code: wrong }, phone)).toMatchObject({ __typename: 'CodeInvalid', attemptsLeft: left });
    expect((await open({ token: other, code: wrong }, phone)).__typename).toBe('TokenInvalid');
    // The device that asked for it does not need the code, and is not locked out by the guesses.
    expect((await open({ token: other })).__typename).toBe('SignedIn');
  });

  it('used by fifty at once signs one of them in', async () => {
    const person = await world.person();
    await request(person.email);
    const token = await mailed(person.email);
    const kinds = (await Promise.all(Array.from({ length: 50 }, () => open({ token })))).map((answer) => answer.__typename).sort();
    expect(kinds).toEqual([...Array(1).fill('SignedIn'), ...Array(49).fill('TokenInvalid')]);
    expect(await world.sql('SELECT 1 FROM sessions WHERE user_id = $1', [person.id])).toHaveLength(1);
  });

  it('leads to the second factor where there is one, and not to the same mailbox again', async () => {
    const ada = await withTotp(world);
    await request(ada.email);
    const { answer, changed } = await watch(async () => open({ token: await mailed(ada.email, 1) }));
    expect(answer).toMatchObject({ __typename: 'MfaRequired', methods: ['TOTP', 'BACKUP_CODE'] });
    expect(changed).toEqual({ ...nothing, facts: ['mfa.challenged'] });
  });

  it('of a deactivated account says so to whoever reads its mail, and opens nothing', async () => {
    const person = await world.person();
    await request(person.email);
    const token = await mailed(person.email);
    await world.sql(`UPDATE users SET status = 'DEACTIVATED' WHERE id = $1`, [person.id]);
    const { answer, changed } = await watch(() => open({ token }));
    expect(answer.__typename).toBe('AccountDeactivated');
    expect(changed).toEqual(nothing);
  });

  it('is void once the password was reset', async () => {
    const person = await world.person();
    await request(person.email);
    const token = await mailed(person.email);
    await world.anonymous.ask('mutation ($input: EmailInput!) { requestPasswordReset(input: $input) { __typename } }', {
      input: { email: person.email },
    });
    const reset = await ask(
      world.anonymous,
      `mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { __typename ${problem} } }`,
      {
        token: await mailed(person.email, 1),
        newPassword: 'seven quiet otters',
      },
    );
    expect(reset.__typename).toBe('User');
    expect((await open({ token })).__typename).toBe('TokenInvalid');
  });
});

describe('an address that is unknown', () => {
  it('gets the same answer, and no mail', async () => {
    const email = someEmail();
    const { answer, changed } = await watch(() => request(email));
    expect(answer).toEqual({ __typename: 'MailAccepted', email, deviceCode: expect.stringMatching(/^\d{6}$/) });
    expect(changed).toEqual({ ...nothing, facts: ['user.magic_link_requested'] });
  });
});

describe('an account that nobody has proved', () => {
  it('is verified by the link, and the password that a stranger planted is gone', async () => {
    const email = someEmail();
    await ask(world.anonymous, `mutation ($input: RegisterInput!) { register(input: $input) { __typename ${problem} } }`, {
      email,
      password,
    });
    await request(email, phone);
    const { answer, changed } = await watch(async () => open({ token: await mailed(email, 1) }, phone));
    expect(answer).toMatchObject({ __typename: 'SignedIn', user: { email, emailVerified: true, status: 'ACTIVE' } });
    expect(changed).toEqual({ ...nothing, facts: ['user.verified', 'session.created', 'user.login'], sessionsOpened: 1 });
    const { data } = await world.anonymous.ask(loginMutation, { input: { email, password } });
    expect(data.login.__typename).toBe('InvalidCredentials');
    // The link of the registration does not bring the password back.
    const verify = `mutation ($input: VerifyEmailInput!) { verifyEmail(input: $input) { __typename } }`;
    expect((await ask(world.anonymous, verify, { token: await mailed(email, 0) })).__typename).toBe('TokenInvalid');
    expect(await world.sql('SELECT 1 FROM passwords p JOIN users u ON u.id = p.user_id WHERE u.email_key = $1', [email])).toEqual([]);
  });
});

describe('the limits', () => {
  it('count links of an address and of a network, and wrong tokens of a network', async () => {
    const limited = await openWorld({ RATE_LIMIT_RESET: '2/3600s', RATE_LIMIT_LOGIN: '3/900s' });
    try {
      const { email } = await limited.person();
      const kinds: string[] = [];
      for (let n = 0; n < 3; n += 1) kinds.push((await ask(limited.anonymous, requestMutation, { email })).__typename);
      expect(kinds).toEqual(['MailAccepted', 'MailAccepted', 'TooManyAttempts']);
      const token = tokenIn((await limited.mail(email)).text);
      const tries: string[] = [];
      for (let n = 0; n < 4; n += 1) tries.push((await ask(limited.anonymous, linkMutation, { token: `${n}` })).__typename);
      expect(tries).toEqual(['TokenInvalid', 'TokenInvalid', 'TokenInvalid', 'TooManyAttempts']);
      limited.clock.move(901);
      expect((await ask(limited.anonymous, linkMutation, { token })).__typename).toBe('TokenInvalid');
    } finally {
      await limited.close();
    }
  });
});
