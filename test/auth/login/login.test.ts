/** Sign-in by password: what each ending says, what it leaves behind, and that an unknown address looks like a wrong password. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Unavailable } from '../../../src/infra/ports.ts';
import { stranger } from '../../kit/caller.ts';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { sessionRow, useToken } from '../../kit/refreshing.ts';
import { loginMutation, openWorld, password, someEmail, type World } from '../../kit/world.ts';

let world: World;
let watch: Watch;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
});
afterAll(() => world?.close());

const login = async (input: object) => {
  const { data, errors } = await world.anonymous.ask(loginMutation, { input });
  expect(errors).toBeUndefined();
  return data.login;
};
const lastFact = async (): Promise<Record<string, unknown>> =>
  (await world.sql('SELECT * FROM audit_events ORDER BY seq DESC LIMIT 1'))[0]!;

describe('SignedIn', () => {
  it('gives both tokens, the user and the session, and records both in one transaction', async () => {
    const person = await world.person();
    const { answer, changed } = await watch(() => login({ email: person.email, password, device: { name: 'Laptop' } }));
    expect(answer).toMatchObject({ __typename: 'SignedIn', tokenType: 'Bearer', expiresIn: 900, user: person });
    expect(answer.session.current).toBe(true);
    expect(changed).toEqual({ ...nothing, facts: ['session.created', 'user.login'], sessionsOpened: 1 });
    expect(await useToken(world, answer.accessToken)).toBe(person.id);
    const facts = await world.sql<{ tx: string }>('SELECT * FROM audit_events WHERE session_id = $1', [answer.session.id]);
    expect(facts).toHaveLength(2);
    expect(new Set(facts.map((fact) => fact.tx)).size).toBe(1);
    for (const fact of facts) expect(fact).toMatchObject({ actor_id: person.id, subject_id: person.id, outcome: 'SUCCESS' });
    expect(await sessionRow(world, answer.session.id)).toMatchObject({ generation: 0, device_name: 'Laptop', browser: 'Firefox 140' });
  });

  it('takes the address in any case and any width of its letters', async () => {
    const person = await world.person();
    for (const email of [person.email.toUpperCase(), ` ${person.email} `])
      expect(await login({ email, password })).toMatchObject({ __typename: 'SignedIn', user: { id: person.id } });
  });

  it('lives seven days, a persistent one ninety, and notes the sign-in', async () => {
    const person = await world.person();
    for (const [persistent, days] of [
      [false, 7],
      [true, 90],
    ] as const) {
      const answer = await login({ email: person.email, password, persistent });
      const { expires_at: expiresAt } = await sessionRow(world, answer.session.id);
      expect(Math.round((expiresAt.getTime() - world.clock.now().getTime()) / 86_400_000)).toBe(days);
    }
    const [user] = await world.sql<{ last_login_at: Date }>('SELECT last_login_at FROM users WHERE id = $1', [person.id]);
    expect(Math.abs(user!.last_login_at.getTime() - world.clock.now().getTime())).toBeLessThan(5000);
  });
});

describe('InvalidCredentials', () => {
  it('is the same answer, the same fact and the same rows for an unknown address and a wrong password', async () => {
    const known = await world.person();
    const unknown = someEmail();
    const told: unknown[] = [];
    for (const email of [known.email, unknown]) {
      const { answer, changed } = await watch(() => login({ email, password: 'a wrong password' }));
      expect(changed).toEqual({ ...nothing, facts: ['user.login_failed InvalidCredentials'] });
      const { id, tx, seq, occurred_at, request_id, subject_id, data, ...fact } = await lastFact();
      expect(subject_id).toBe(email === unknown ? null : known.id);
      expect(data).toEqual({ reason: 'InvalidCredentials', account: expect.stringMatching(/^[0-9a-f]{64}$/) });
      expect(JSON.stringify(data)).not.toContain(email);
      const rows = await world.sql('SELECT failures, pending, locked_until FROM lockouts ORDER BY touched_at DESC LIMIT 2');
      told.push({ answer, fact, rows });
    }
    expect(told[0]).toEqual(told[1]);
    expect(told[0]).toMatchObject({ answer: { code: 'INVALID_CREDENTIALS' }, fact: { actor_id: null, session_id: null } });
  });

  it('hashes once for an unknown address, as for a known one', async () => {
    const known = await world.person();
    const { hasher } = world.house.infra;
    const [verify, verifyNothing] = [vi.spyOn(hasher, 'verify'), vi.spyOn(hasher, 'verifyNothing')];
    try {
      await login({ email: known.email, password: 'a wrong password' });
      expect([verify.mock.calls.length, verifyNothing.mock.calls.length]).toEqual([1, 0]);
      await login({ email: someEmail(), password: 'a wrong password' });
      expect([verify.mock.calls.length, verifyNothing.mock.calls.length]).toEqual([1, 1]);
    } finally {
      vi.restoreAllMocks();
    }
  });

  it('is told to a user who has no password', async () => {
    const person = await world.person();
    await world.sql('DELETE FROM passwords WHERE user_id = $1', [person.id]);
    expect((await login({ email: person.email, password })).__typename).toBe('InvalidCredentials');
    expect((await login({ email: person.email, password: '' })).__typename).toBe('InvalidCredentials');
  });

  it('is told of the right password too where that was changed while it was being verified', async () => {
    const person = await world.person();
    const { hasher } = world.house.infra;
    vi.spyOn(hasher, 'verify').mockImplementationOnce(async () => {
      await world.sql(`UPDATE passwords SET hash = 'another', changed_at = changed_at + interval '1 second' WHERE user_id = $1`, [
        person.id,
      ]);
      return true;
    });
    const { answer, changed } = await watch(() => login({ email: person.email, password }));
    expect(answer.__typename).toBe('InvalidCredentials');
    expect(changed).toEqual({ ...nothing, facts: ['user.login_failed InvalidCredentials'] });
  });
});

describe.each([
  ['PENDING_VERIFICATION', 'EmailNotVerified'],
  ['DEACTIVATED', 'AccountDeactivated'],
] as const)('an account that is %s', (status, kind) => {
  it(`is told ${kind} after the right password, and opens no session`, async () => {
    const person = await world.person(undefined, { status });
    const { answer, changed } = await watch(() => login({ email: person.email, password }));
    expect(answer.__typename).toBe(kind);
    expect(changed).toEqual({ ...nothing, facts: [`user.login_failed ${kind}`] });
  });

  it('is told InvalidCredentials after a wrong one, like any other', async () => {
    const person = await world.person(undefined, { status });
    const { answer, changed } = await watch(() => login({ email: person.email, password: 'a wrong password' }));
    expect(answer.__typename).toBe('InvalidCredentials');
    expect(changed).toEqual({ ...nothing, facts: ['user.login_failed InvalidCredentials'] });
  });

  it('is not locked by its right password, however often', async () => {
    const person = await world.person(undefined, { status });
    for (let n = 0; n < 7; n += 1) expect((await login({ email: person.email, password })).__typename).toBe(kind);
  });
});

describe('other endings', () => {
  it('a fault of ours is no failed attempt: the place it took is free again, and nothing is recorded', async () => {
    const person = await world.person();
    const { hasher } = world.house.infra;
    for (let n = 0; n < 6; n += 1) {
      vi.spyOn(hasher, 'verify').mockRejectedValueOnce(new Unavailable('hashing is at capacity', 3));
      const { answer, changed } = await watch(() => world.anonymous.ask(loginMutation, { input: { email: person.email, password } }));
      expect(answer.errors?.[0]?.extensions).toMatchObject({ code: 'UNAVAILABLE' });
      expect(changed).toEqual(nothing);
    }
    expect((await login({ email: person.email, password })).__typename).toBe('SignedIn');
  });

  it('a sign-in that the database could not finish leaves its place free', async () => {
    const person = await world.person();
    const { withPassword } = world.house.auth.login;
    for (let n = 0; n < 6; n += 1)
      await expect(withPassword(stranger(undefined, { userAgent: 'Firefox\u0000' }), { email: person.email, password })).rejects.toThrow();
    const started = performance.now();
    expect((await withPassword(stranger(), { email: person.email, password })).kind).toBe('SignedIn');
    expect(performance.now() - started).toBeLessThan(1500);
  });
});
