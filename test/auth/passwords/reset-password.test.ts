import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lockoutKeys } from '../../../src/auth/throttle/index.ts';
import { accountDigest } from '../../../src/auth/users/model.ts';
import { fiftyTimes, openRooms, origin, other, type Rooms, strong, tally, tokenOf } from '../users/rooms.ts';

let rooms: Rooms;
beforeAll(async () => {
  rooms = await openRooms();
});
afterAll(() => rooms.close());

let count = 0;
/** An active user who has asked for a reset, and the token of the mail. */
const asked = async () => {
  const email = `reset${++count}@example.com`;
  const caller = await rooms.person(email);
  await rooms.passwords.requestReset(origin, { email });
  return { email, caller, userId: caller.identity.userId, token: tokenOf((await rooms.letter(email, 'reset-password')).link) };
};
const reset = (token: string, newPassword = other) => rooms.passwords.reset(origin, { token, newPassword });
const reasons = async (userId: string | null) =>
  (await rooms.facts('password.reset_failed')).filter((fact) => fact.subject_id === userId).map(({ data }) => data['reason']);

describe('requestPasswordReset', () => {
  it('mails an active user a link to the address on record', async () => {
    await rooms.person('Margaret@example.com');
    const typed = 'MARGARET@example.com';
    expect(await rooms.passwords.requestReset(origin, { email: typed })).toEqual({ kind: 'MailAccepted', email: typed });
    expect(await rooms.letters(typed)).toEqual([]);
    const { link, validMinutes } = await rooms.letter('Margaret@example.com', 'reset-password');
    expect(link).toMatch(/^https:\/\/id\.example\.com\/reset-password\?token=[\w-]{43}$/);
    expect(validMinutes).toBe(30);
  });

  it('answers the same for unknown, pending and deactivated accounts, mails nothing, and records each under a digest', async () => {
    await rooms.users.register(origin, { email: 'pending@example.com', password: strong });
    const away = await rooms.person('away@example.com');
    await rooms.rows(`UPDATE users SET status = 'DEACTIVATED' WHERE id = $1`, [away.identity.userId]);
    for (const email of ['unknown@example.com', 'pending@example.com', 'away@example.com']) {
      expect(await rooms.passwords.requestReset(origin, { email })).toEqual({ kind: 'MailAccepted', email });
      expect((await rooms.letters(email)).filter(({ name }) => name === 'reset-password')).toEqual([]);
    }
    const facts = await rooms.facts('password.reset_requested');
    expect(facts.map(({ data }) => data['account'])).toContain(accountDigest(rooms.pepper, 'unknown@example.com'));
    expect(JSON.stringify(facts)).not.toContain('@');
  });

  it('uses the configured page and keeps its parameters', async () => {
    const linked = await openRooms({
      LINK_RESET_PASSWORD: 'https://app.example.com/#/x?y=1',
      LINK_VERIFY_EMAIL: 'https://app.example.com/v?lang=de',
    });
    await linked.users.register(origin, { email: 'linked@example.com', password: strong });
    const { link } = await linked.letter('linked@example.com', 'verify-email');
    expect(link).toMatch(/^https:\/\/app\.example\.com\/v\?lang=de&token=[\w-]{43}$/);
    await linked.close();
  });

  it('limits mails of a network and to an address, known or not', async () => {
    const limited = await openRooms({ RATE_LIMIT_RESET: '2/3600s' });
    await limited.person('known@example.com');
    const ask = async (email: string, network: string) => (await limited.passwords.requestReset({ ...origin, network }, { email })).kind;
    for (const email of ['known@example.com', 'unknown@example.com'])
      expect([await ask(email, `${email}1`), await ask(email, `${email}2`), await ask(email, `${email}3`)]).toEqual([
        'MailAccepted',
        'MailAccepted',
        'TooManyAttempts',
      ]);
    limited.clock.move(3601);
    expect(await ask('known@example.com', 'n')).toBe('MailAccepted');
    await limited.close();
  });
});

describe('resetPassword', () => {
  it('sets the password once, ends every session and other link, and tells the owner', async () => {
    const { email, caller, userId, token } = await asked();
    await rooms.passwords.requestReset(origin, { email });
    const second = tokenOf((await rooms.letter(email, 'reset-password')).link);
    expect(await reset(token)).toEqual({ kind: 'User', id: userId });
    expect(await rooms.passwordIs(email, other)).toBe(true);
    expect(rooms.revoked.has(caller.identity.sessionId)).toBe(true);
    const sessions = await rooms.rows('SELECT revoked_reason FROM sessions WHERE user_id = $1', [userId]);
    expect(sessions).toEqual([{ revoked_reason: 'password_reset' }]);
    expect(await rooms.letter(email, 'password-changed')).toMatchObject({ ip: origin.ip });
    for (const used of [token, second]) expect(await reset(used, 'a third long phrase')).toEqual({ kind: 'TokenInvalid' });
    const [fact] = (await rooms.facts('password.reset_completed')).filter((each) => each.subject_id === userId);
    expect(fact).toMatchObject({ actor_id: userId, session_id: null, outcome: 'SUCCESS' });
    expect(await reasons(null)).toEqual(['TokenInvalid', 'TokenInvalid']);
  });

  it('does not burn the token on a weak or a used password', async () => {
    const { userId, token } = await asked();
    expect(await reset(token, 'short')).toEqual({ kind: 'WeakPassword', unmet: ['min_length:12'] });
    expect(await reset(token, strong)).toEqual({ kind: 'PasswordReused' });
    expect(await reset(token, `my reset${count} phrase`)).toEqual({ kind: 'WeakPassword', unmet: ['context'] });
    expect((await reset(token)).kind).toBe('User');
    expect(await reasons(userId)).toEqual(['WeakPassword', 'PasswordReused', 'WeakPassword']);
  });

  it('lets no token of another purpose, none that is too old, and none of a user who is no longer active', async () => {
    await rooms.users.register(origin, { email: 'purpose@example.com', password: strong });
    const verify = tokenOf((await rooms.letter('purpose@example.com', 'verify-email')).link);
    expect((await reset(verify)).kind).toBe('TokenInvalid');
    const { token: resetToken } = await asked();
    expect((await rooms.users.verifyEmail(origin, { token: resetToken })).kind).toBe('TokenInvalid');
    const { userId, token } = await asked();
    await rooms.rows(`UPDATE users SET status = 'DEACTIVATED' WHERE id = $1`, [userId]);
    expect((await reset(token)).kind).toBe('TokenInvalid');
    const timed = await openRooms();
    await timed.person('old@example.com');
    await timed.passwords.requestReset(origin, { email: 'old@example.com' });
    const old = tokenOf((await timed.letter('old@example.com', 'reset-password')).link);
    timed.clock.move(1801);
    expect((await timed.passwords.reset(origin, { token: old, newPassword: other })).kind).toBe('TokenInvalid');
    await timed.close();
  });

  it('gives a user without a password one', async () => {
    await rooms.person('federated@example.com', null);
    await rooms.passwords.requestReset(origin, { email: 'federated@example.com' });
    const { link } = await rooms.letter('federated@example.com', 'reset-password');
    expect((await reset(tokenOf(link))).kind).toBe('User');
    expect(await rooms.passwordIs('federated@example.com', other)).toBe(true);
  });

  it('lifts the locks that wrong passwords put on the account', async () => {
    const { email, token } = await asked();
    const { account } = lockoutKeys(rooms.pepper, email, origin.network, null);
    await rooms.rows(`INSERT INTO lockouts (key, failures, touched_at, locked_until) VALUES ($1, 50, now(), now() + interval '1 hour')`, [
      account,
    ]);
    await reset(token);
    expect(await rooms.rows('SELECT 1 FROM lockouts WHERE key = $1', [account])).toEqual([]);
  });

  it('gives a token to one of fifty that use it at once', async () => {
    const { userId, token } = await asked();
    const outcomes = await fiftyTimes((n) => reset(token, `phrase ${n} of the race`));
    expect(tally(outcomes)).toEqual({ User: 1, TokenInvalid: 49 });
    expect((await rooms.rows('SELECT 1 FROM password_history WHERE user_id = $1', [userId])).length).toBe(1);
  });

  it('lets either a reset or a change that is asked for at once win, fifty times without a deadlock', async () => {
    await fiftyTimes(async () => {
      const { email, caller, token } = await asked();
      const [byReset, byChange] = await Promise.all([
        reset(token),
        rooms.passwords.change(caller, { currentPassword: strong, newPassword: 'changed in between' }),
      ]);
      // Whoever is second finds the other done: the link is ended by the change, or the current password is another.
      expect([byReset.kind, byChange.kind]).toSatisfy(
        ([a, b]) => (a === 'User' && b === 'InvalidCredentials') || (a === 'TokenInvalid' && b === 'User'),
      );
      expect(await rooms.passwordIs(email, byReset.kind === 'User' ? other : 'changed in between')).toBe(true);
    });
  });

  it('limits how often a token may be tried with other passwords', async () => {
    const limited = await openRooms({ RATE_LIMIT_LOGIN: '3/900s' });
    await limited.person('tries@example.com');
    await limited.passwords.requestReset(origin, { email: 'tries@example.com' });
    const token = tokenOf((await limited.letter('tries@example.com', 'reset-password')).link);
    const outcomes = await fiftyTimes(() => limited.passwords.reset(origin, { token, newPassword: strong }));
    expect(tally(outcomes)).toEqual({ PasswordReused: 3, TooManyAttempts: 47 });
    await limited.close();
  });
});
