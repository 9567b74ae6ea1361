import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fiftyTimes, openRooms, origin, other, type Rooms, strong, tally, tokenOf } from './rooms.ts';

let rooms: Rooms;
beforeAll(async () => {
  rooms = await openRooms({ BOOTSTRAP_ADMIN_EMAIL: 'Root@Example.com' });
});
afterAll(() => rooms.close());

let count = 0;
/** A pending account, and what its mail says. */
const pending = async (input: object = {}) => {
  const email = `pending${++count}@example.com`;
  await rooms.users.register(origin, { email, password: strong, ...input });
  const { link, code } = await rooms.letter(email, 'verify-email');
  return { email, token: tokenOf(link), code };
};
const wrong = (code: string) => (code === '000000' ? '111111' : '000000');

describe('verifyEmail', () => {
  it('makes the account active by the link, once, with the registered profile', async () => {
    const { email, token } = await pending({ username: 'Lin.Clark', name: 'Lin', locale: 'pt-br', timezone: 'america/sao_paulo' });
    const outcome = await rooms.users.verifyEmail(origin, { token });
    expect(outcome.kind).toBe('User');
    const id = (outcome as { id: string }).id;
    expect(await rooms.rows('SELECT * FROM users WHERE id = $1', [id])).toMatchObject([
      {
        status: 'ACTIVE',
        email,
        email_verified_at: expect.any(Date),
        username: 'Lin.Clark',
        username_key: 'lin.clark',
        name: 'Lin',
        locale: 'pt-BR',
        timezone: 'America/Sao_Paulo',
      },
    ]);
    expect(await rooms.passwordIs(email, strong)).toBe(true);
    expect(await rooms.users.verifyEmail(origin, { token })).toEqual({ kind: 'TokenInvalid' });
    const facts = (await rooms.facts('user.verified')).filter((fact) => fact.subject_id === id);
    expect(facts).toMatchObject([{ actor_id: id, data: { by: 'link' } }]);
  });

  it('makes the account active by the address and the code, however they are spelled', async () => {
    const { email, code } = await pending();
    const spelled = { email: email.toUpperCase(), code: `${code.slice(0, 3)} ${code.slice(3)}` };
    expect((await rooms.users.verifyEmail(origin, spelled)).kind).toBe('User');
    expect(await rooms.statusOf(email)).toBe('ACTIVE');
  });

  it('keeps no copy of the password hash in the tokens afterwards', async () => {
    const { email, token } = await pending();
    await rooms.users.resendVerification(origin, { email });
    await rooms.users.verifyEmail(origin, { token });
    const left = await rooms.rows(
      'SELECT t.data, t.used_at IS NULL AS open FROM one_time_tokens t JOIN users u ON u.id = user_id WHERE email = $1',
      [email],
    );
    expect(left).toEqual([
      { data: {}, open: false },
      { data: {}, open: false },
    ]);
  });

  it('ends the code after three wrong ones, and leaves the link', async () => {
    const { email, token, code } = await pending();
    for (let tries = 0; tries < 3; tries += 1)
      expect(await rooms.users.verifyEmail(origin, { email, code: wrong(code) })).toEqual({ kind: 'CodeInvalid', attemptsLeft: null });
    expect((await rooms.users.verifyEmail(origin, { email, code })).kind).toBe('CodeInvalid');
    expect((await rooms.users.verifyEmail(origin, { token })).kind).toBe('User');
  });

  it('says the same of an unknown address, an active one and a wrong code', async () => {
    const { email, code } = await pending();
    await rooms.person('active@example.com');
    const answers = await Promise.all(
      [email, 'active@example.com', 'nobody@example.com'].map((each) =>
        rooms.users.verifyEmail(origin, { email: each, code: wrong(code) }),
      ),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  });

  it('refuses a code after ten minutes and a link after a day', async () => {
    const timed = await openRooms();
    await timed.users.register(origin, { email: 'slow@example.com', password: strong });
    const { link, code } = await timed.letter('slow@example.com', 'verify-email');
    timed.clock.move(601);
    expect((await timed.users.verifyEmail(origin, { email: 'slow@example.com', code })).kind).toBe('CodeInvalid');
    timed.clock.move(24 * 3600 - 602);
    await timed.users.resendVerification(origin, { email: 'slow@example.com' });
    timed.clock.move(2);
    expect((await timed.users.verifyEmail(origin, { token: tokenOf(link) })).kind).toBe('TokenInvalid');
    const again = await timed.letter('slow@example.com', 'verify-email');
    expect((await timed.users.verifyEmail(origin, { token: tokenOf(again.link) })).kind).toBe('User');
    await timed.close();
  });

  it('gives a token to one of fifty that use it at once, and a code likewise', async () => {
    const byLink = await pending();
    expect(tally(await fiftyTimes(() => rooms.users.verifyEmail(origin, { token: byLink.token })))).toEqual({ User: 1, TokenInvalid: 49 });
    const byCode = await pending();
    const { email, code } = byCode;
    // Fifteen places a day are what an address has for codes; the right one gives its place back.
    expect(tally(await fiftyTimes(() => rooms.users.verifyEmail(origin, { email, code })))).toEqual({
      User: 1,
      CodeInvalid: 14,
      TooManyAttempts: 35,
    });
  });

  it('looks at three of fifty wrong codes that are tried at once', async () => {
    const { email, code } = await pending();
    await fiftyTimes(() => rooms.users.verifyEmail(origin, { email, code: wrong(code) }));
    const [row] = await rooms.rows('SELECT code_attempts FROM one_time_tokens t JOIN users u ON u.id = user_id WHERE email = $1', [email]);
    expect(row).toEqual({ code_attempts: 3 });
    expect((await rooms.users.verifyEmail(origin, { email, code })).kind).toBe('TooManyAttempts');
    rooms.clock.move(86_401);
    expect((await rooms.users.verifyEmail(origin, { email, code })).kind).toBe('CodeInvalid');
  });

  it('activates one registration when two of its tokens are used at once, fifty times without a deadlock', async () => {
    await fiftyTimes(async () => {
      const first = await pending();
      await rooms.users.register(origin, { email: first.email, password: other });
      const second = await rooms.letter(first.email, 'verify-email');
      const outcomes = await Promise.all([first.token, tokenOf(second.link)].map((token) => rooms.users.verifyEmail(origin, { token })));
      expect(tally(outcomes)).toEqual({ User: 1, TokenInvalid: 1 });
      for (const planted of [strong, other]) expect(await rooms.passwordIs(first.email, planted)).toBe(false);
    });
  });

  it('gives a username to one of fifty that are verified with it at once, and leaves the others without', async () => {
    const people = await fiftyTimes((n) => pending({ username: n % 2 ? 'wanted' : 'Wanted' }));
    const outcomes = await Promise.all(people.map(({ token }) => rooms.users.verifyEmail(origin, { token })));
    expect(tally(outcomes)).toEqual({ User: 50 });
    const named = await rooms.rows(`SELECT 1 FROM users WHERE username_key = 'wanted'`);
    expect(named.length).toBe(1);
  });

  it('makes the first administrator of whoever verifies the configured address, and of nobody else', async () => {
    const { token } = await pending();
    await rooms.users.verifyEmail(origin, { token });
    expect(await rooms.rows('SELECT 1 FROM role_assignments')).toEqual([]);
    await rooms.users.register(origin, { email: 'root@example.com', password: strong });
    expect(await rooms.rows('SELECT 1 FROM role_assignments')).toEqual([]);
    const { link } = await rooms.letter('root@example.com', 'verify-email');
    await rooms.users.verifyEmail(origin, { token: tokenOf(link) });
    const admins = 'SELECT u.email_key, r.name FROM role_assignments a JOIN users u ON u.id = user_id JOIN roles r ON r.id = role_id';
    expect(await rooms.rows(admins)).toEqual([{ email_key: 'root@example.com', name: 'superadmin' }]);
  });

  it('denies an input that is neither a token nor an address with a code', async () => {
    for (const input of [
      {},
      { token: 't', code: '123456' },
      { email: 'a@example.com' },
      { code: '123456' },
      { token: 't', email: 'a@b.cd', code: '1' },
    ])
      await expect(rooms.users.verifyEmail(origin, input)).rejects.toMatchObject({ name: 'Denial', code: 'BAD_REQUEST' });
  });

  it('limits wrong tokens and codes of a network, and not right ones', async () => {
    const limited = await openRooms({ RATE_LIMIT_LOGIN: '3/900s' });
    const verify = (token: string, network = origin.network) => limited.users.verifyEmail({ ...origin, network }, { token });
    for (let n = 0; n < 5; n += 1) {
      await limited.users.register(origin, { email: `n${n}@example.com`, password: strong });
      expect((await verify(tokenOf((await limited.letter(`n${n}@example.com`, 'verify-email')).link))).kind).toBe('User');
    }
    expect(tally([await verify('a'), await verify('b'), await verify('c')])).toEqual({ TokenInvalid: 3 });
    expect((await verify('d')).kind).toBe('TooManyAttempts');
    expect((await verify('d', '198.51.100.2')).kind).toBe('TokenInvalid');
    await limited.close();
  });
});

describe('resendVerification', () => {
  it('mails a new token, and two registrations that chose different passwords leave none', async () => {
    const { email } = await pending({ name: 'Old' });
    await rooms.users.register(origin, { email, password: other, name: 'New', locale: 'de' });
    expect(await rooms.users.resendVerification(origin, { email: email.toUpperCase() })).toEqual({
      kind: 'MailAccepted',
      email: email.toUpperCase(),
    });
    const letters = await rooms.letters(email);
    expect(letters.map(({ name, locale }) => [name, locale])).toEqual([
      ['verify-email', null],
      ['verify-email', 'de'],
      ['verify-email', 'de'],
    ]);
    const { link } = await rooms.letter(email, 'verify-email');
    await rooms.users.verifyEmail(origin, { token: tokenOf(link) });
    for (const planted of [strong, other]) expect(await rooms.passwordIs(email, planted)).toBe(false);
    expect((await rooms.letters(email)).at(-1)?.name).toBe('reset-password');
  });

  it('keeps the password of somebody who registered twice with the same one', async () => {
    const { email } = await pending();
    await rooms.users.register(origin, { email, password: strong });
    await rooms.users.resendVerification(origin, { email });
    const { link } = await rooms.letter(email, 'verify-email');
    await rooms.users.verifyEmail(origin, { token: tokenOf(link) });
    expect(await rooms.passwordIs(email, strong)).toBe(true);
    expect((await rooms.letters(email)).some(({ name }) => name === 'reset-password')).toBe(false);
  });

  it('answers the same for an active and an unknown address, and mails nothing', async () => {
    await rooms.person('resend-active@example.com');
    for (const email of ['resend-active@example.com', 'resend-nobody@example.com']) {
      expect(await rooms.users.resendVerification(origin, { email })).toEqual({ kind: 'MailAccepted', email });
      expect(await rooms.letters(email)).toEqual([]);
    }
  });

  it('still verifies an account whose old tokens have been swept, with the password of its registration', async () => {
    const { email } = await pending();
    await rooms.rows('DELETE FROM one_time_tokens WHERE user_id = (SELECT id FROM users WHERE email = $1)', [email]);
    await rooms.users.resendVerification(origin, { email });
    const { link } = await rooms.letter(email, 'verify-email');
    expect((await rooms.users.verifyEmail(origin, { token: tokenOf(link) })).kind).toBe('User');
    expect(await rooms.passwordIs(email, strong)).toBe(true);
  });

  it('limits mails to an address and of a network, known or not', async () => {
    const limited = await openRooms({ RATE_LIMIT_RESET: '2/3600s' });
    await limited.users.register(origin, { email: 'known@example.com', password: strong });
    const resend = (email: string, network: string) => limited.users.resendVerification({ ...origin, network }, { email });
    for (const email of ['known@example.com', 'unknown@example.com']) {
      const outcomes = [await resend(email, `${email}1`), await resend(email, `${email}2`), await resend(email, `${email}3`)];
      expect(outcomes.map(({ kind }) => kind)).toEqual(['MailAccepted', 'MailAccepted', 'TooManyAttempts']);
    }
    const outcomes = [await resend('a@b.cd', 'n'), await resend('c@b.cd', 'n'), await resend('d@b.cd', 'n')];
    expect(outcomes.map(({ kind }) => kind)).toEqual(['MailAccepted', 'MailAccepted', 'TooManyAttempts']);
    expect((await limited.letters('known@example.com')).length).toBe(3);
    await limited.close();
  });
});
