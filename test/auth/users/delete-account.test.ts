import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fiftyTimes, openRooms, origin, other, type Rooms, strong, tally } from './rooms.ts';

let rooms: Rooms;
beforeAll(async () => {
  rooms = await openRooms();
});
afterAll(() => rooms.close());

describe('deleteAccount', () => {
  it('erases the person from every table and ends the sessions, and keeps the facts', async () => {
    const caller = await rooms.person('Ephemeral@example.com');
    const { userId, sessionId } = caller.identity;
    const phone = '+12133734253';
    await rooms.users.updateProfile(caller, { username: 'ephemeral', name: 'Ephemeral Zebra', phone, preferences: { ephemeral: 1 } });
    await rooms.passwords.change(caller, { currentPassword: strong, newPassword: other });
    await rooms.passwords.requestReset(origin, { email: 'ephemeral@example.com' });
    await rooms.rows(`INSERT INTO devices (user_id, key, first_seen_at, last_seen_at) VALUES ($1, '\\x01', now(), now())`, [userId]);

    const outcome = await rooms.users.deleteAccount(caller, { currentPassword: other });
    expect(outcome).toEqual({ kind: 'AccountDeleted', userId, erasedAt: expect.any(Date) });
    for (const table of ['passwords', 'password_history', 'devices', 'one_time_tokens'])
      expect(await rooms.rows(`SELECT 1 FROM ${table} WHERE user_id = $1`, [userId])).toEqual([]);
    const left = await rooms.rows('SELECT * FROM users WHERE id = $1', [userId]);
    expect(left).toMatchObject([{ status: 'DELETED', deleted_at: expect.any(Date), preferences: {} }]);
    const sessions = await rooms.rows('SELECT * FROM sessions WHERE user_id = $1', [userId]);
    expect(sessions).toMatchObject([
      { id: sessionId, revoked_reason: 'account_deleted', ip_address: null, user_agent: null, device_name: null },
    ]);
    expect(rooms.revoked.has(sessionId)).toBe(true);
    // The log names the person by the pseudonym alone, from the first fact on.
    const facts = await rooms.facts('%');
    expect(facts.map((fact) => fact.type)).toEqual(
      expect.arrayContaining(['user.updated', 'password.changed', 'password.reset_requested', 'session.revoked', 'user.deleted']),
    );
    const everything = JSON.stringify([left, sessions, facts.map(({ ip_address: _, ...fact }) => fact)]).toLowerCase();
    for (const trace of ['ephemeral', 'zebra', phone, 'firefox', 'my phone', '203.0.113.9']) expect(everything).not.toContain(trace);
  });

  it('lets the address register anew', async () => {
    const caller = await rooms.person('again@example.com');
    await rooms.users.deleteAccount(caller, { currentPassword: strong });
    await rooms.users.register(origin, { email: 'again@example.com', password: other });
    expect((await rooms.letters('again@example.com')).map(({ name }) => name)).toEqual(['verify-email']);
    expect(await rooms.statusOf('again@example.com')).toBe('PENDING_VERIFICATION');
  });

  it('wants the password of a user who has one, and none of one who has none', async () => {
    const [withPassword, without] = [await rooms.person('with@example.com'), await rooms.person('without@example.com', null)];
    for (const input of [{}, { currentPassword: null }, { currentPassword: other }])
      expect(await rooms.users.deleteAccount(withPassword, input)).toEqual({ kind: 'InvalidCredentials' });
    expect(await rooms.statusOf('with@example.com')).toBe('ACTIVE');
    expect((await rooms.users.deleteAccount(without, {})).kind).toBe('AccountDeleted');
  });

  it('deletes once when asked fifty times at once', async () => {
    const caller = await rooms.person('fifty@example.com');
    const outcomes = await fiftyTimes(() => rooms.users.deleteAccount(caller, { currentPassword: strong }));
    expect(tally(outcomes)['AccountDeleted']).toBe(1);
    const facts = (await rooms.facts('user.deleted')).filter((fact) => fact.subject_id === caller.identity.userId);
    expect(facts.length).toBe(1);
  });

  it('is denied after too many wrong passwords, on one count with changePassword', async () => {
    const limited = await openRooms({ RATE_LIMIT_LOGIN: '2/900s' });
    const caller = await limited.person('limited@example.com');
    expect((await limited.passwords.change(caller, { currentPassword: other, newPassword: 'x' })).kind).toBe('InvalidCredentials');
    expect((await limited.users.deleteAccount(caller, { currentPassword: other })).kind).toBe('InvalidCredentials');
    const denied = limited.users.deleteAccount(caller, { currentPassword: strong });
    await expect(denied).rejects.toMatchObject({ code: 'RATE_LIMITED', details: { retryAfterSeconds: expect.any(Number) } });
    limited.clock.move(901);
    expect((await limited.users.deleteAccount(caller, { currentPassword: strong })).kind).toBe('AccountDeleted');
    await limited.close();
  });
});
