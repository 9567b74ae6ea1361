import { afterAll, beforeAll, expect, it } from 'vitest';
import { openWorld, password, type World } from '../../kit/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world?.close());

const day = 86_400;
const register = (email: string) =>
  world.anonymous.ask('mutation ($input: RegisterInput!) { register(input: $input) { __typename } }', { input: { email, password } });
const emails = async () => (await world.sql<{ email: string }>('SELECT email FROM users ORDER BY email')).map((row) => row.email);

it('A registration that nobody proved is removed seven days after its last mail, with a fact, and the address is free again', async () => {
  const active = await world.person('active@example.com');
  await register('forgotten@example.com');
  await register('slow@example.com');
  world.clock.move(6 * day);
  await world.anonymous.ask('mutation { resendVerification(input: { email: "slow@example.com" }) { __typename } }');
  expect(await world.house.auth.users.removeUnverified()).toBe(0);
  world.clock.move(2 * day);
  expect(await world.house.auth.users.removeUnverified()).toBe(1);
  expect(await emails()).toEqual([active.email, 'slow@example.com']);
  expect(await world.sql(`SELECT id FROM audit_events WHERE type = 'user.registration_expired'`)).toHaveLength(1);
  await register('forgotten@example.com');
  expect(await emails()).toContain('forgotten@example.com');
});
