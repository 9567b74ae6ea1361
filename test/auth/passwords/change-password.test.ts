import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fiftyTimes, openRooms, origin, other, type Rooms, strong, tally } from '../users/rooms.ts';

let rooms: Rooms;
beforeAll(async () => {
  rooms = await openRooms();
});
afterAll(() => rooms.close());

let count = 0;
const someone = async () => {
  const email = `change${++count}@example.com`;
  return { email, caller: await rooms.person(email) };
};
const revokedOf = (userId: string) =>
  rooms.rows<{ id: string; revoked_reason: string | null }>('SELECT id, revoked_reason FROM sessions WHERE user_id = $1 ORDER BY id', [
    userId,
  ]);

describe('changePassword', () => {
  it('sets the new password, tells the owner by mail, ends reset links, and leaves the other sessions alone', async () => {
    const { email, caller } = await someone();
    const { userId } = caller.identity;
    await rooms.session(userId);
    await rooms.passwords.requestReset(origin, { email });
    expect(await rooms.passwords.change(caller, { currentPassword: strong, newPassword: other })).toEqual({ kind: 'User', id: userId });
    expect(await rooms.passwordIs(email, other)).toBe(true);
    expect((await revokedOf(userId)).map((each) => each.revoked_reason)).toEqual([null, null]);
    expect(await rooms.rows('SELECT 1 FROM one_time_tokens WHERE user_id = $1 AND used_at IS NULL', [userId])).toEqual([]);
    expect(await rooms.letter(email, 'password-changed')).toEqual({ at: expect.stringMatching(/Z$/), ip: origin.ip });
    const [fact] = (await rooms.facts('password.changed')).filter((each) => each.subject_id === userId);
    expect(fact).toMatchObject({ actor_id: userId, session_id: caller.identity.sessionId, outcome: 'SUCCESS' });
  });

  it('ends the other sessions where asked, and not the one that asks', async () => {
    const { caller } = await someone();
    const { userId, sessionId } = caller.identity;
    const elsewhere = await rooms.session(userId);
    await rooms.passwords.change(caller, { currentPassword: strong, newPassword: other, revokeOtherSessions: true });
    expect(await revokedOf(userId)).toEqual([
      { id: sessionId, revoked_reason: null },
      { id: elsewhere, revoked_reason: 'password_changed' },
    ]);
    expect([rooms.revoked.has(elsewhere), rooms.revoked.has(sessionId)]).toEqual([true, false]);
  });

  it('refuses a wrong current password, a weak, a contextual and the current one, and records each', async () => {
    const { email, caller } = await someone();
    await rooms.users.updateProfile(caller, { name: 'Rosalind Franklin' });
    const change = (currentPassword: string, newPassword: string) => rooms.passwords.change(caller, { currentPassword, newPassword });
    expect(await change(other, 'another fine phrase')).toEqual({ kind: 'InvalidCredentials' });
    expect(await change(strong, 'short')).toEqual({ kind: 'WeakPassword', unmet: ['min_length:12'] });
    expect(await change(strong, 'rosalind was right')).toEqual({ kind: 'WeakPassword', unmet: ['context'] });
    expect(await change(strong, strong)).toEqual({ kind: 'PasswordReused' });
    expect(await rooms.passwordIs(email, strong)).toBe(true);
    const facts = (await rooms.facts('password.change_failed')).filter((each) => each.subject_id === caller.identity.userId);
    expect(facts.map(({ outcome, data }) => [outcome, data['reason']])).toEqual([
      ['FAILURE', 'InvalidCredentials'],
      ['FAILURE', 'WeakPassword'],
      ['FAILURE', 'WeakPassword'],
      ['FAILURE', 'PasswordReused'],
    ]);
  });

  it('is one password however its accents are written', async () => {
    const { caller } = await someone();
    const phrase = 'dix éléphants gris';
    await rooms.passwords.change(caller, { currentPassword: strong, newPassword: phrase.normalize('NFD') });
    const again = await rooms.passwords.change(caller, { currentPassword: phrase.normalize('NFC'), newPassword: other });
    expect(again.kind).toBe('User');
  });

  it('remembers five passwords, the current one among them', async () => {
    const { caller } = await someone();
    const phrase = (n: number) => `phrase of number ${'uvwxyz'[n]} is long`;
    let current = strong;
    for (let n = 0; n < 5; n += 1) {
      expect((await rooms.passwords.change(caller, { currentPassword: current, newPassword: phrase(n) })).kind).toBe('User');
      current = phrase(n);
    }
    for (let n = 0; n < 5; n += 1)
      expect((await rooms.passwords.change(caller, { currentPassword: current, newPassword: phrase(n) })).kind).toBe('PasswordReused');
    // The sixth last is free again.
    expect((await rooms.passwords.change(caller, { currentPassword: current, newPassword: strong })).kind).toBe('User');
    const kept = await rooms.rows('SELECT 1 FROM password_history WHERE user_id = $1', [caller.identity.userId]);
    expect(kept.length).toBe(4);
  });

  it('makes one of fifty changes that are asked for at once, and the others find the current password wrong', async () => {
    const { email, caller } = await someone();
    const phrase = (n: number) => `parallel phrase ${String.fromCharCode(97 + (n % 26), 110 - (n % 7), 97 + Math.floor(n / 26))}`;
    const outcomes = await fiftyTimes((n) => rooms.passwords.change(caller, { currentPassword: strong, newPassword: phrase(n) }));
    expect(tally(outcomes)).toEqual({ User: 1, InvalidCredentials: 49 });
    const won = outcomes.findIndex(({ kind }) => kind === 'User');
    expect(await rooms.passwordIs(email, phrase(won))).toBe(true);
    expect((await rooms.rows('SELECT 1 FROM password_history WHERE user_id = $1', [caller.identity.userId])).length).toBe(1);
    expect((await rooms.letters(email)).length).toBe(1);
  });

  it('is made all the same when a sign-in renews the hash of the same password meanwhile', async () => {
    const { email, caller } = await someone();
    const renewed = await rooms.hasher.hash(strong);
    const verify = rooms.hasher.verify;
    // The first verification is followed by the renewal, before the change is written.
    const renewing = {
      ...rooms.hasher,
      verify: async (hash: string, password: string) => {
        const right = await verify(hash, password);
        if (hash !== renewed) await rooms.rows('UPDATE passwords SET hash = $1 WHERE user_id = $2', [renewed, caller.identity.userId]);
        return right;
      },
    };
    const outcome = await rooms.passwordsWith({ hasher: renewing }).change(caller, { currentPassword: strong, newPassword: other });
    expect(outcome.kind).toBe('User');
    expect(await rooms.passwordIs(email, other)).toBe(true);
  });

  it('finds the password wrong of a user who has none, and of one who is not active', async () => {
    const without = await rooms.person('none@example.com', null);
    expect((await rooms.passwords.change(without, { currentPassword: '', newPassword: other })).kind).toBe('InvalidCredentials');
    const { caller } = await someone();
    await rooms.rows(`UPDATE users SET status = 'DEACTIVATED' WHERE id = $1`, [caller.identity.userId]);
    expect((await rooms.passwords.change(caller, { currentPassword: strong, newPassword: other })).kind).toBe('InvalidCredentials');
  });

  it('counts wrong current passwords, not other refusals, and counts parallel ones one by one', async () => {
    const limited = await openRooms({ RATE_LIMIT_LOGIN: '5/900s' });
    const caller = await limited.person('limited@example.com');
    for (let n = 0; n < 8; n += 1)
      expect((await limited.passwords.change(caller, { currentPassword: strong, newPassword: 'weak' })).kind).toBe('WeakPassword');
    const outcomes = await fiftyTimes(() => limited.passwords.change(caller, { currentPassword: other, newPassword: other }));
    expect(tally(outcomes)).toEqual({ InvalidCredentials: 5, TooManyAttempts: 45 });
    const right = await limited.passwords.change(caller, { currentPassword: strong, newPassword: other });
    expect(right).toMatchObject({ kind: 'TooManyAttempts', retryAfterSeconds: expect.any(Number) });
    limited.clock.move(901);
    expect((await limited.passwords.change(caller, { currentPassword: strong, newPassword: other })).kind).toBe('User');
    await limited.close();
  });
});
