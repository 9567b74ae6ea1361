import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fiftyTimes, openRooms, origin, other, type Rooms, strong, tally, tokenOf } from './rooms.ts';

let rooms: Rooms;
beforeAll(async () => {
  rooms = await openRooms();
});
afterAll(() => rooms.close());

const registration = (email: string) => ({ kind: 'Registration', email, status: 'PENDING_VERIFICATION' });

describe('register', () => {
  it('makes a pending account and mails a link and a code, with the fact in the log', async () => {
    const outcome = await rooms.users.register(origin, { email: 'Ada@Example.com', password: strong, name: 'Ada', locale: 'de' });
    expect(outcome).toEqual(registration('Ada@Example.com'));
    expect(await rooms.statusOf('ada@example.com')).toBe('PENDING_VERIFICATION');
    const { link, code, validHours } = await rooms.letter('Ada@Example.com', 'verify-email');
    expect(link).toMatch(/^https:\/\/id\.example\.com\/verify-email\?token=[\w-]{43}$/);
    expect(code).toMatch(/^\d{6}$/);
    expect(validHours).toBe(24);
    const [fact] = await rooms.facts('user.registered');
    const [{ id } = { id: '' }] = await rooms.rows<{ id: string }>(`SELECT id FROM users WHERE email_key = 'ada@example.com'`);
    expect(fact).toMatchObject({ outcome: 'SUCCESS', actor_id: null, subject_id: id, ip_address: '203.0.113.7', data: {} });
  });

  it('gives a taken address the same answer, changes nothing, and tells the owner by mail', async () => {
    await rooms.person('Owner@example.com', strong);
    const outcome = await rooms.users.register(origin, { email: 'owner@EXAMPLE.com', password: other });
    expect(outcome).toEqual(registration('owner@EXAMPLE.com'));
    // To the address on record, not to the one typed.
    expect(await rooms.letters('owner@EXAMPLE.com')).toEqual([]);
    expect(await rooms.letters('Owner@example.com')).toMatchObject([
      { name: 'address-taken', data: { link: 'https://id.example.com/reset-password' } },
    ]);
    expect(await rooms.passwordIs('owner@example.com', strong)).toBe(true);
    expect(
      await rooms.rows(`SELECT 1 FROM one_time_tokens t JOIN users u ON u.id = t.user_id WHERE u.email_key = 'owner@example.com'`),
    ).toEqual([]);
    expect((await rooms.facts('user.registration_repeated')).length).toBe(1);
  });

  it('lets no password of two different registrations into the account that is then verified, and mails a link to choose one', async () => {
    const email = 'victim@example.com';
    await rooms.users.register(origin, { email, password: 'the attacker planted it', name: 'Mallory' });
    await rooms.users.register(origin, { email, password: strong, name: 'Vic' });
    const { link } = await rooms.letter(email, 'verify-email');
    expect((await rooms.users.verifyEmail(origin, { token: tokenOf(link) })).kind).toBe('User');
    // Which of the two passwords is the owner's cannot be told: neither stays, and a mail lets the owner choose.
    expect(await rooms.rows('SELECT 1 FROM passwords JOIN users ON id = user_id WHERE email_key = $1', [email.toLowerCase()])).toEqual([]);
    expect((await rooms.letters(email)).at(-1)?.name).toBe('reset-password');
    expect(await rooms.rows('SELECT name FROM users WHERE email_key = $1', [email])).toEqual([{ name: 'Vic' }]);
    expect(await rooms.rows('SELECT 1 FROM password_history')).toEqual([]);
  });

  it('says a weak password and a bad field for a free and a taken address alike, and leaves no account', async () => {
    await rooms.person('known@example.com');
    for (const email of ['known@example.com', 'unknown@example.com']) {
      expect(await rooms.users.register(origin, { email, password: 'short' })).toEqual({ kind: 'WeakPassword', unmet: ['min_length:12'] });
      expect(await rooms.users.register(origin, { email, password: strong, timezone: 'Mars/Olympus' })).toMatchObject({
        kind: 'InvalidInput',
        field: 'input.timezone',
      });
    }
    expect(await rooms.users.register(origin, { email: 'no address', password: strong })).toMatchObject({ field: 'input.email' });
    expect(await rooms.statusOf('unknown@example.com')).toBeUndefined();
  });

  it('says that a username is taken, whether or not the address is, and never because of a pending account', async () => {
    const named = await rooms.person('named@example.com');
    await rooms.users.updateProfile(named, { username: 'Grace' });
    for (const email of ['named@example.com', 'new@example.com'])
      expect(await rooms.users.register(origin, { email, password: strong, username: 'grace' })).toEqual({ kind: 'UsernameTaken' });
    const wanted = { password: strong, username: 'hopper' };
    for (const email of ['named@example.com', 'one@example.com', 'two@example.com'])
      expect((await rooms.users.register(origin, { email, ...wanted })).kind).toBe('Registration');
  });

  it('makes one account of fifty registrations of an address in different case', async () => {
    const spell = (n: number) => [...'race@example.com'].map((c, at) => ((n >> (at % 6)) & 1 ? c.toUpperCase() : c)).join('');
    const outcomes = await fiftyTimes((n) => rooms.users.register(origin, { email: spell(n), password: strong }));
    expect(tally(outcomes)).toEqual({ Registration: 50 });
    expect(await rooms.rows(`SELECT count(*)::int AS n FROM users WHERE lower(email) = 'race@example.com'`)).toEqual([{ n: 1 }]);
    const facts = await rooms.rows<{ type: string; n: number }>(
      `SELECT type, count(*)::int AS n FROM audit_events WHERE subject_id = (SELECT id FROM users WHERE email_key = 'race@example.com') GROUP BY 1 ORDER BY 1`,
    );
    expect(facts).toEqual([
      { type: 'user.registered', n: 1 },
      { type: 'user.registration_repeated', n: 49 },
    ]);
  });
});

describe('the limit on registrations', () => {
  it('counts networks apart, counts no weak passwords, and ends with its window', async () => {
    const limited = await openRooms({ RATE_LIMIT_REGISTER: '2/3600s' });
    const register = (n: number, network = origin.network) =>
      limited.users.register({ ...origin, network }, { email: `limit${n}@example.com`, password: strong });
    expect((await limited.users.register(origin, { email: 'x@example.com', password: 'weak' })).kind).toBe('WeakPassword');
    expect((await register(1)).kind).toBe('Registration');
    expect((await register(2)).kind).toBe('Registration');
    expect(await register(3)).toMatchObject({ kind: 'TooManyAttempts', retryAfterSeconds: expect.toSatisfy((s) => s > 3500 && s <= 3600) });
    expect((await register(4, '198.51.100.1')).kind).toBe('Registration');
    limited.clock.move(3601);
    expect((await register(5)).kind).toBe('Registration');
    await limited.close();
  });
});

describe('the breach list', () => {
  it('refuses a breached password, and takes one that could not be checked, with the fact', async () => {
    const counts: Record<string, number | null> = { [strong]: 3, [other]: null };
    const checked = await openRooms({}, { enabled: true, count: async (password) => counts[password] ?? null });
    expect(await checked.users.register(origin, { email: 'b@example.com', password: strong })).toEqual({ kind: 'BreachedPassword' });
    expect(await checked.statusOf('b@example.com')).toBeUndefined();
    expect((await checked.users.register(origin, { email: 'b@example.com', password: other })).kind).toBe('Registration');
    expect((await checked.facts('password.breach_check_unavailable')).length).toBe(1);
    await checked.close();
  });
});
