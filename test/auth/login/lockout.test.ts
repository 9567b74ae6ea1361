/** Lockout after wrong passwords: per account and network, never against the owner on a known device, the same for an unknown address. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stranger } from '../../kit/caller.ts';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { openWorld, password, someEmail, type World } from '../../kit/world.ts';

let world: World;
let watch: Watch;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
});
afterAll(() => world?.close());

const attempt = (email: string, given: string, from: { network?: string; fingerprint?: string } = {}) =>
  world.house.auth.login.withPassword(stranger(from.network), {
    email,
    password: given,
    device: from.fingerprint ? { fingerprint: from.fingerprint } : null,
  });
const wrong = 'a wrong password';
/** Fails `times` in a row, and expects each to be judged. */
const failing = async (email: string, times: number, from: { network?: string; fingerprint?: string } = {}): Promise<void> => {
  for (let n = 0; n < times; n += 1) expect((await attempt(email, wrong, from)).kind, `failure ${n + 1}`).toBe('InvalidCredentials');
};
const refusedAs = (kind: string) => ({ ...nothing, facts: [`user.login_failed ${kind}`] });

describe('five wrong passwords', () => {
  it('lock the account for that network: the fifth says so in the log, the sixth and the right one are AccountLocked', async () => {
    const { email } = await world.person();
    await failing(email, 4);
    const fifth = await watch(() => attempt(email, wrong));
    expect(fifth.answer.kind).toBe('InvalidCredentials');
    expect(fifth.changed).toEqual({ ...nothing, facts: ['user.login_failed InvalidCredentials', 'user.locked'] });
    for (const given of [wrong, password]) {
      const { answer, changed } = await watch(() => attempt(email, given));
      expect(answer).toMatchObject({ kind: 'AccountLocked' });
      const { retryAfterSeconds } = answer as { retryAfterSeconds: number };
      expect(retryAfterSeconds).toBeGreaterThan(1790);
      expect(retryAfterSeconds).toBeLessThanOrEqual(1800);
      expect(changed).toEqual(refusedAs('AccountLocked'));
    }
  });

  it('from one network leave the others open', async () => {
    const { email } = await world.person();
    await failing(email, 5, { network: '198.51.100.1' });
    expect((await attempt(email, password, { network: '198.51.100.1' })).kind).toBe('AccountLocked');
    expect((await attempt(email, password, { network: '198.51.100.2' })).kind).toBe('SignedIn');
  });

  it('for one account leave the others of that network open', async () => {
    const [one, other] = [await world.person(), await world.person()];
    await failing(one.email, 5);
    expect((await attempt(other.email, password)).kind).toBe('SignedIn');
  });

  it('of an unknown address lock it just the same, in any spelling, with the same facts', async () => {
    const email = someEmail();
    await failing(email, 4);
    const fifth = await watch(() => attempt(email.toUpperCase(), wrong));
    expect(fifth.changed.facts).toEqual(['user.login_failed InvalidCredentials', 'user.locked']);
    const { answer, changed } = await watch(() => attempt(email, wrong));
    expect(answer).toMatchObject({ kind: 'AccountLocked', retryAfterSeconds: expect.any(Number) });
    expect(changed).toEqual(refusedAs('AccountLocked'));
  });

  it('count in a row: a right one in between starts anew', async () => {
    const { email } = await world.person();
    for (let round = 0; round < 3; round += 1) {
      await failing(email, 4);
      expect((await attempt(email, password)).kind).toBe('SignedIn');
    }
  });

  it('count within the time a lock lasts: older ones are forgotten', async () => {
    const { email } = await world.person();
    await failing(email, 4);
    world.clock.move(1801);
    await failing(email, 4);
    expect((await attempt(email, password)).kind).toBe('SignedIn');
  });
});

describe('a lock', () => {
  it('ends after half an hour, and then five more are looked at', async () => {
    const { email } = await world.person();
    await failing(email, 5);
    world.clock.move(1790);
    const { answer } = await watch(() => attempt(email, password));
    expect(answer).toMatchObject({ kind: 'AccountLocked' });
    expect((answer as { retryAfterSeconds: number }).retryAfterSeconds).toBeLessThanOrEqual(10);
    world.clock.move(11);
    await failing(email, 5);
    expect((await attempt(email, password)).kind).toBe('AccountLocked');
    world.clock.move(1801);
    expect((await attempt(email, password)).kind).toBe('SignedIn');
  });

  it('is not made longer by attempts while it lasts', async () => {
    const { email } = await world.person();
    await failing(email, 5);
    for (let n = 0; n < 3; n += 1) {
      world.clock.move(590);
      expect((await attempt(email, wrong)).kind).toBe('AccountLocked');
    }
    world.clock.move(31);
    expect((await attempt(email, password)).kind).toBe('SignedIn');
  });

  it('is lifted by a reset of the password for where its owner is', async () => {
    const { email } = await world.person();
    await failing(email, 5, { network: '127.0.0.1' });
    await world.anonymous.ask(`mutation { requestPasswordReset(input: { email: "${email}" }) { __typename } }`);
    const token = /token=([\w-]+)/.exec((await world.mail(email)).text)![1];
    const next = 'seven quiet otters';
    const { data } = await world.anonymous.ask('mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { __typename } }', {
      input: { token, newPassword: next },
    });
    expect(data.resetPassword.__typename).toBe('User');
    expect((await attempt(email, next, { network: '127.0.0.1' })).kind).toBe('SignedIn');
  });
});

describe('a known device', () => {
  it('is not locked out by a stranger on its network, and is counted by itself', async () => {
    const { email } = await world.person();
    expect((await attempt(email, password, { fingerprint: 'laptop' })).kind).toBe('SignedIn');
    await failing(email, 5);
    await failing(email, 0);
    expect((await attempt(email, wrong)).kind).toBe('AccountLocked');
    await failing(email, 4, { fingerprint: 'laptop' });
    expect((await attempt(email, password, { fingerprint: 'laptop' })).kind).toBe('SignedIn');
    await failing(email, 5, { fingerprint: 'laptop' });
    expect((await attempt(email, password, { fingerprint: 'laptop' })).kind).toBe('AccountLocked');
  });

  it('that is locked leaves other places open', async () => {
    const { email } = await world.person();
    await attempt(email, password, { fingerprint: 'laptop' });
    await failing(email, 5, { fingerprint: 'laptop' });
    expect((await attempt(email, password, { network: '198.51.100.9' })).kind).toBe('SignedIn');
  });

  it('is not made by saying so: a fingerprint that has never signed in counts with its network', async () => {
    const { email } = await world.person();
    for (let n = 0; n < 5; n += 1) await failing(email, 1, { fingerprint: `invented ${n}` });
    expect((await attempt(email, password, { fingerprint: 'invented 9' })).kind).toBe('AccountLocked');
  });

  it('of one user is none of another’s', async () => {
    const [one, other] = [await world.person(), await world.person()];
    await attempt(one.email, password, { fingerprint: 'shared' });
    await failing(other.email, 5, { fingerprint: 'shared' });
    expect((await attempt(other.email, password, { fingerprint: 'shared' })).kind).toBe('AccountLocked');
    expect((await attempt(one.email, password, { fingerprint: 'shared' })).kind).toBe('SignedIn');
  });
});

describe('fifty wrong passwords from many networks', () => {
  it('lock the account for all but its known devices, until half an hour is over', async () => {
    const { email } = await world.person();
    await attempt(email, password, { fingerprint: 'laptop' });
    for (let n = 0; n < 12; n += 1) await failing(email, 4, { network: `198.51.100.${n}` });
    expect((await attempt(email, password, { network: '192.0.2.1' })).kind).toBe('SignedIn');
    await failing(email, 2, { network: '192.0.2.2' });
    const { answer, changed } = await watch(() => attempt(email, password, { network: '192.0.2.3' }));
    expect(answer).toMatchObject({ kind: 'AccountLocked', retryAfterSeconds: expect.any(Number) });
    expect(changed).toEqual(refusedAs('AccountLocked'));
    expect((await attempt(email, password, { network: '192.0.2.3', fingerprint: 'laptop' })).kind).toBe('SignedIn');
    world.clock.move(1801);
    expect((await attempt(email, password, { network: '192.0.2.3' })).kind).toBe('SignedIn');
  });

  it('of an unknown address lock that just the same', async () => {
    const email = someEmail();
    for (let n = 0; n < 10; n += 1) await failing(email, 5, { network: `198.51.100.${n}` });
    expect((await attempt(email, wrong, { network: '192.0.2.3' })).kind).toBe('AccountLocked');
  });

  it('are said in the log once they have locked the account', async () => {
    const person = await world.person();
    for (let n = 0; n < 49; n += 1) await failing(person.email, 1, { network: `198.51.100.${n}` });
    const { changed } = await watch(() => attempt(person.email, wrong, { network: '192.0.2.3' }));
    expect(changed).toEqual({ ...nothing, facts: ['user.login_failed InvalidCredentials', 'user.locked'] });
  });
});
