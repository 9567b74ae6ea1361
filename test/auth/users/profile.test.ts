import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkProfile, type ProfileInput } from '../../../src/auth/users/profile.ts';
import { fiftyTimes, openRooms, type Rooms, tally } from './rooms.ts';

let rooms: Rooms;
beforeAll(async () => {
  rooms = await openRooms();
});
afterAll(() => rooms.close());

const nested = (depth: number): object => (depth === 1 ? {} : { in: nested(depth - 1) });

describe('the rules of a profile', () => {
  it.each<[ProfileInput, object]>([
    [{ name: '  Zoë  ' }, { name: 'Zoë' }],
    [{ phone: '+49 30 901820' }, { phone: '+4930901820' }],
    [{ timezone: 'europe/berlin' }, { timezone: 'Europe/Berlin' }],
    [{ timezone: 'Etc/GMT+5' }, { timezone: 'Etc/GMT+5' }],
    [{ locale: 'zh-hant-tw' }, { locale: 'zh-Hant-TW' }],
    [{ avatarUrl: 'https://cdn.example.com/a.png' }, { avatarUrl: 'https://cdn.example.com/a.png' }],
    [{ preferences: { theme: 'dark', n: [1, null, true] } }, { preferences: { theme: 'dark', n: [1, null, true] } }],
    [{ preferences: nested(8) }, { preferences: nested(8) }],
    [
      { username: null, name: null, phone: null, preferences: null },
      { username: null, name: null, phone: null, preferences: null },
    ],
  ])('keep %j as %j', (input, kept) => {
    expect(checkProfile(input)).toEqual(kept);
  });

  it.each<[string, ProfileInput]>([
    ['username', { username: 'ab' }],
    ['username', { username: 'аdmin.cyrillic' }],
    ['username', { username: 'Admin' }],
    ['username', { username: '.dot' }],
    ['name', { name: ' ' }],
    ['name', { name: 'x'.repeat(101) }],
    ['name', { name: 'two\nlines' }],
    ['name', { name: 'turned\u202Earound' }],
    ['name', { name: 'half \ud800' }],
    ['phone', { phone: '030 901820' }],
    ['phone', { phone: '+1 555' }],
    ['phone', { phone: '+49 30 901820 ext. 5555555555555555555555' }],
    ['timezone', { timezone: '+01:00' }],
    ['timezone', { timezone: 'Mars/Olympus' }],
    ['locale', { locale: 'not a locale' }],
    ['avatarUrl', { avatarUrl: 'http://cdn.example.com/a.png' }],
    ['avatarUrl', { avatarUrl: 'javascript:alert(1)' }],
    ['avatarUrl', { avatarUrl: 'https://me:secret@cdn.example.com/a.png' }],
    ['avatarUrl', { avatarUrl: `https://cdn.example.com/${'a'.repeat(2048)}` }],
    ['preferences', { preferences: [] }],
    ['preferences', { preferences: 'text' }],
    ['preferences', { preferences: nested(10) }],
    ['preferences', { preferences: { text: 'x'.repeat(16_384) } }],
    ['preferences', { preferences: { text: 'nul \0' } }],
    ['preferences', { preferences: { ['\ud800']: 1 } }],
  ])('refuse this %s, by its path: %j', (field, input) => {
    expect(checkProfile(input)).toEqual({ kind: 'InvalidInput', field: `input.${field}`, message: expect.any(String) });
  });
});

describe('updateProfile', () => {
  const all = {
    username: 'Katherine',
    name: 'Katherine Johnson',
    phone: '+1 213 373 4253',
    timezone: 'America/New_York',
    locale: 'en-us',
    avatarUrl: 'https://example.com/k.png',
    preferences: { theme: 'dark' },
  };
  const row = async (id: string) => (await rooms.rows('SELECT * FROM users WHERE id = $1', [id]))[0];

  it('writes what is given, leaves what is left out and clears what is null, with the names of the fields in the fact', async () => {
    const caller = await rooms.person('katherine@example.com');
    const { userId: id } = caller.identity;
    expect(await rooms.users.updateProfile(caller, all)).toEqual({ kind: 'User', id });
    const kept = {
      ...{ username: 'Katherine', username_key: 'katherine', name: 'Katherine Johnson', phone: '+12133734253' },
      ...{ timezone: 'America/New_York', locale: 'en-US', avatar_url: 'https://example.com/k.png', preferences: { theme: 'dark' } },
    };
    expect(await row(id)).toMatchObject(kept);
    await rooms.users.updateProfile(caller, { name: null, preferences: null });
    expect(await row(id)).toMatchObject({ ...kept, name: null, preferences: {} });
    await rooms.users.updateProfile(caller, { username: null });
    expect(await row(id)).toMatchObject({ username: null, username_key: null, phone: kept.phone });
    const facts = await rooms.facts('user.updated');
    expect(facts.map((fact) => fact.data)).toEqual([
      { fields: Object.keys(all) },
      { fields: ['name', 'preferences'] },
      { fields: ['username'] },
    ]);
    expect(JSON.stringify(facts)).not.toContain('Johnson');
  });

  it('takes back the proof of a phone number only when the number changes', async () => {
    const caller = await rooms.person('phone@example.com');
    const { userId: id } = caller.identity;
    await rooms.users.updateProfile(caller, { phone: '+12133734253' });
    await rooms.rows('UPDATE users SET phone_verified_at = now() WHERE id = $1', [id]);
    await rooms.users.updateProfile(caller, { phone: '+1 213-373-4253', name: 'P' });
    expect(await row(id)).toMatchObject({ phone_verified_at: expect.any(Date) });
    await rooms.users.updateProfile(caller, { phone: '+12133734254' });
    expect(await row(id)).toMatchObject({ phone_verified_at: null });
  });

  it('gives a username to one of fifty who want it at once', async () => {
    const callers = await fiftyTimes((n) => rooms.person(`u${n}@example.com`, null));
    const outcomes = await Promise.all(
      callers.map((caller, n) => rooms.users.updateProfile(caller, { username: n % 2 ? 'popular' : 'Popular', name: 'X' })),
    );
    expect(tally(outcomes)).toEqual({ User: 1, UsernameTaken: 49 });
    // Who did not get it is left as before: nothing of a refused input is written.
    expect(await rooms.rows(`SELECT count(*)::int AS n FROM users WHERE name = 'X'`)).toEqual([{ n: 1 }]);
  });

  it('finds no user that is not active, and records nothing for an input without fields', async () => {
    const caller = await rooms.person('off@example.com');
    const before = (await rooms.facts('user.updated')).length;
    expect((await rooms.users.updateProfile(caller, {})).kind).toBe('User');
    await rooms.rows(`UPDATE users SET status = 'DEACTIVATED' WHERE id = $1`, [caller.identity.userId]);
    expect(await rooms.users.updateProfile(caller, { name: 'N' })).toEqual({ kind: 'NotFound' });
    expect((await rooms.facts('user.updated')).length).toBe(before);
  });
});
