/** What the log says of an account's whole life at its most talkative level, a fault in the middle included. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keepLog } from '../kit/log.ts';
import { loginMutation, openWorld, refreshMutation, type World } from '../kit/world.ts';

let world: World;
const log = keepLog();
beforeAll(async () => {
  world = await openWorld({ LOG_LEVEL: 'debug' }, { destination: log.destination });
});
afterAll(() => world.close());

const mutation = (name: string, input: string) => `mutation ($input: ${input}!) { ${name}(input: $input) { __typename } }`;

describe('the log at LOG_LEVEL=debug', () => {
  it('holds no password, token or code of a registration, a sign-in, a refresh and a reset, and tells of a fault without them', async () => {
    const email = 'talked.about@example.org';
    const [first, wrong, second] = ['purple monkey dishwasher 9', 'orange tiger vacuum 33', 'another fine horse 77'];
    const run = async (name: string, type: string, input: object) =>
      (await world.anonymous.ask(mutation(name, type), { input })).data[name];
    const tokenIn = (text: string) => /token=([\w-]+)/.exec(text)?.[1] as string;

    await run('register', 'RegisterInput', { email, password: first });
    const letter = await world.mail(email);
    const [code, token] = [/^\d{6}$/m.exec(letter.text)?.[0] as string, tokenIn(letter.text)];
    expect(await run('verifyEmail', 'VerifyEmailInput', { token })).toMatchObject({ __typename: 'User' });
    const signIn = async (password: string) => (await world.anonymous.ask(loginMutation, { input: { email, password } })).data;
    expect((await signIn(wrong)).login.__typename).toBe('InvalidCredentials');
    const { accessToken, refreshToken } = (await signIn(first)).login;
    const renewed = (await world.anonymous.ask(refreshMutation, { input: { refreshToken } })).data.refresh;
    await run('requestPasswordReset', 'EmailInput', { email });
    const reset = tokenIn((await world.mail(email, 1)).text);
    await fetch(`${world.url}/reset-password?token=${reset}`);
    expect(await run('resetPassword', 'ResetPasswordInput', { token: reset, newPassword: second })).toMatchObject({ __typename: 'User' });

    await world.sql('ALTER TABLE sessions RENAME TO sessions_away');
    const broken = await world.anonymous.ask(loginMutation, { input: { email, password: second } });
    await world.sql('ALTER TABLE sessions_away RENAME TO sessions');
    expect(broken.errors?.[0]?.extensions.code).toBe('INTERNAL');

    expect(log.text()).toContain('a request failed');
    const secrets = { first, wrong, second, code, token, reset, accessToken, refreshToken, renewed: renewed.refreshToken };
    for (const [name, secret] of Object.entries(secrets)) expect(log.text().includes(secret), `the log holds ${name}`).toBe(false);
  });
});
