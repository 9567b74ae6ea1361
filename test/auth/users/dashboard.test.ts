/** `User.dashboard`: one's own figures, for oneself alone. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withTotp } from '../../kit/mfa.ts';
import { found } from '../../kit/organizations.ts';
import { loginMutation, openWorld, type World } from '../../kit/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world?.close());

const query = `{ dashboard { activeSessions tradingAccounts organizations unusedBackupCodes lastLoginAt failedLogins30d
  logins30d { date count } } }`;
const own = (world: World, token: string) => world.anonymous.as(token).ask(`{ me ${query} }`);
const dayOf = (date: Date) => date.toISOString().slice(0, 10);

describe('a user’s dashboard', () => {
  it('counts what there is: sessions that live, organizations, unused codes, sign-ins by day, and failed ones of thirty days', async () => {
    const person = await world.signedIn();
    const first = world.clock.now();
    await world.anonymous.ask(loginMutation, { input: { email: person.email, password: 'not the password' } });
    world.clock.move(29 * 86_400);
    const later = await world.signIn(person);
    await found(later);
    for (let n = 0; n < 2; n += 1)
      await world.anonymous.ask(loginMutation, { input: { email: person.email, password: 'not the password' } });
    const { data } = await own(world, later.accessToken);
    const { logins30d, ...figures } = data.me.dashboard;
    expect(figures).toEqual({
      // The one of a month ago has ended by now.
      activeSessions: 1,
      tradingAccounts: 0,
      organizations: 1,
      unusedBackupCodes: 0,
      lastLoginAt: expect.any(String),
      failedLogins30d: 3,
    });
    expect(logins30d).toHaveLength(30);
    expect(logins30d.filter(({ count }: { count: number }) => count > 0)).toEqual([
      { date: dayOf(first), count: 1 },
      { date: dayOf(world.clock.now()), count: 1 },
    ]);
    world.clock.move(86_400);
    const after = await own(world, (await world.signIn(person)).accessToken);
    expect(after.data.me.dashboard).toMatchObject({ failedLogins30d: 2 });
    expect(after.data.me.dashboard.logins30d[0].date).not.toBe(dayOf(first));
  });

  it('counts backup codes', async () => {
    const person = await withTotp(world);
    const { data } = await person.client.ask(`{ me ${query} }`);
    expect(data.me.dashboard.unusedBackupCodes).toBe(8);
  });

  it('is null to everybody else, an administrator too', async () => {
    const person = await world.signedIn();
    const admin = await world.signedIn(undefined, { roles: ['superadmin'] });
    for (const { client } of [admin, await world.signedIn()]) {
      const { data } = await client.ask(`{ user(id: "${person.id}") { id dashboard { activeSessions } } }`);
      expect(data.user).toEqual({ id: person.id, dashboard: null });
    }
  });
});
