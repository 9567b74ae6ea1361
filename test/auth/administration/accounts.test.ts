/** Accounts made, changed, put away, brought back and erased by an administrator. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admin, countFacts, factOf, makeRole } from '../../kit/administration.ts';
import { ask, stepUpMutation, totp, withTotp } from '../../kit/mfa.ts';
import { act } from '../../kit/organizations.ts';
import { openStream } from '../../kit/stream.ts';
import { loginMutation, openWorld, password, type SignedInPerson, someEmail, type World } from '../../kit/world.ts';

let world: World;
let boss: SignedInPerson;
let clerk: SignedInPerson;
beforeAll(async () => {
  world = await openWorld({ LOCKOUT_ATTEMPTS: '2' });
  await makeRole(world, 'clerk', ['users.read', 'users.write', 'users.unlock', 'users.delete', 'users.impersonate', 'roles.assign']);
  boss = await world.signedIn(undefined, { roles: ['superadmin'] });
  clerk = await world.signedIn(undefined, { roles: ['clerk'] });
});
afterAll(() => world?.close());

const statusOf = async (id: string) => (await world.sql<{ status: string }>('SELECT status FROM users WHERE id = $1', [id]))[0]?.status;
const login = async (email: string, given = password) =>
  (await world.anonymous.ask(loginMutation, { input: { email, password: given } })).data.login;
const tokenIn = (text: string): string => /token=([\w-]+)/.exec(text)?.[1] as string;
const reset = async (token: string, newPassword: string) =>
  (
    await world.anonymous.ask('mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { __typename } }', {
      input: { token, newPassword },
    })
  ).data.resetPassword.__typename;

describe('createUser', () => {
  it('invites: the link sets the password and thereby proves the address', async () => {
    const email = someEmail();
    const made = await admin(boss.client, 'createUser', { email, name: 'New Person', username: 'new.person', role: 'support' });
    expect(made).toMatchObject({
      __typename: 'User',
      email,
      emailVerified: false,
      status: 'ACTIVE',
      roles: [{ role: { name: 'support' } }],
    });
    expect(await factOf(world, 'user.created', made.id)).toMatchObject({ actor_id: boss.id, data: { invited: true } });
    expect((await login(email)).__typename).toBe('InvalidCredentials');
    const letter = await world.mail(email);
    expect(letter.subject).toBe('An account has been made for you');
    expect(await reset(tokenIn(letter.text), 'a brand new choice')).toBe('User');
    expect(await factOf(world, 'user.verified', made.id)).toMatchObject({ data: { by: 'reset' } });
    expect((await login(email, 'a brand new choice')).__typename).toBe('SignedIn');
  });

  it('takes a password that meets the policy, and sends nothing where no invitation is wanted', async () => {
    const email = someEmail();
    const weak = await admin(boss.client, 'createUser', { email, password: 'short' });
    expect(weak).toMatchObject({ __typename: 'InvalidInput', field: 'input.password' });
    expect((await admin(boss.client, 'createUser', { email, password, sendInvitation: false })).__typename).toBe('User');
    expect((await login(email)).__typename).toBe('SignedIn');
    expect(world.mailsTo(email)).toEqual([]);
  });

  it('is made with the role that was asked for or not at all, when that is removed meanwhile, twenty times', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { id: roleId } = await act(boss.client, 'createRole', { name: `passing-${round}`, permissions: ['users.read'] });
      const [made, removed] = await Promise.all([
        admin(boss.client, 'createUser', { email: someEmail(), role: `passing-${round}` }),
        act(boss.client, 'deleteRole', { roleId }),
      ]);
      expect([made.__typename, made.field ?? made.roles.length, removed.__typename].join()).toMatch(
        /^(User,1,Conflict|InvalidInput,input.role,Deleted)$/,
      );
    }
  });

  it('refuses a taken address, a taken username and an unknown role, and nothing happens', async () => {
    await admin(boss.client, 'createUser', { email: someEmail(), username: 'held.name', sendInvitation: false });
    const before = await countFacts(world);
    expect((await admin(boss.client, 'createUser', { email: clerk.email.toUpperCase() })).__typename).toBe('EmailTaken');
    expect((await admin(boss.client, 'createUser', { email: someEmail(), username: 'HELD.name' })).__typename).toBe('UsernameTaken');
    expect(await admin(boss.client, 'createUser', { email: someEmail(), role: 'nothing' })).toMatchObject({ field: 'input.role' });
    expect((await admin(clerk.client, 'createUser', { email: someEmail(), role: 'superadmin' })).__typename).toBe('FORBIDDEN');
    expect(await countFacts(world)).toBe(before);
  });
});

describe('adminUpdateUser', () => {
  it('changes an address like a bank: unproved, every session ended, the old address told, old links dead', async () => {
    const person = await world.signedIn();
    await world.anonymous.ask(`mutation { requestPasswordReset(input: { email: "${person.email}" }) { __typename } }`);
    const old = tokenIn((await world.mail(person.email)).text);
    const email = someEmail();
    const changed = await admin(boss.client, 'adminUpdateUser', { userId: person.id, email, name: 'Other Name' });
    expect(changed).toMatchObject({ __typename: 'User', email, emailVerified: false, name: 'Other Name' });
    expect((await world.mail(person.email, 1)).subject).toBe('The address of your account was changed');
    expect((await person.client.ask('{ me { id } }')).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    expect(await reset(old, 'a brand new choice')).toBe('TokenInvalid');
    expect(await factOf(world, 'user.email_changed', person.id)).toMatchObject({ actor_id: boss.id });
    expect(await reset(tokenIn((await world.mail(email)).text), 'a brand new choice')).toBe('User');
    expect(await world.sql('SELECT 1 FROM users WHERE id = $1 AND email_verified_at IS NOT NULL', [person.id])).toHaveLength(1);
  });

  it('refuses what is taken or out of form, and whoever may more than the caller, and nothing happens', async () => {
    const person = await world.person();
    const before = await countFacts(world);
    const by = (input: object, who = boss) => admin(who.client, 'adminUpdateUser', input).then((outcome) => outcome.__typename);
    expect(await by({ userId: person.id, email: clerk.email })).toBe('EmailTaken');
    expect(await by({ userId: person.id, email: null })).toBe('InvalidInput');
    expect(await by({ userId: person.id, phone: 'none' })).toBe('InvalidInput');
    expect(await by({ userId: boss.id.replace(/^./, 'f'), name: 'Nobody' })).toBe('NotFound');
    expect(await by({ userId: boss.id, email: someEmail() }, clerk)).toBe('FORBIDDEN');
    expect(await countFacts(world)).toBe(before);
    expect(world.mailsTo(person.email)).toEqual([]);
  });
});

describe('deactivateUser', () => {
  it('ends sessions and live streams within a second, and bars the sign-in until activateUser', async () => {
    const person = await world.signedIn();
    const stream = await openStream(person.client, 'subscription { sessionEvents { id } }');
    const at = Date.now();
    const outcome = await admin(boss.client, 'deactivateUser', { userId: person.id, reason: 'left the company' });
    expect(outcome).toMatchObject({ __typename: 'User', status: 'DEACTIVATED' });
    await stream.ended;
    expect(Date.now() - at).toBeLessThan(1000);
    expect((await person.client.ask('{ me { id } }')).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    expect((await login(person.email)).__typename).toBe('AccountDeactivated');
    expect(await factOf(world, 'user.deactivated', person.id)).toMatchObject({ actor_id: boss.id, data: { reason: 'left the company' } });
    const before = await countFacts(world);
    expect((await admin(boss.client, 'deactivateUser', { userId: person.id })).__typename).toBe('User');
    expect(await countFacts(world)).toBe(before);
    expect(await admin(boss.client, 'activateUser', { userId: person.id })).toMatchObject({ status: 'ACTIVE' });
    expect((await login(person.email)).__typename).toBe('SignedIn');
  });

  it('is a Conflict for a registration that is nobody’s yet, and activateUser too', async () => {
    const pending = await world.person(undefined, { status: 'PENDING_VERIFICATION' });
    const before = await countFacts(world);
    expect((await admin(boss.client, 'deactivateUser', { userId: pending.id })).__typename).toBe('Conflict');
    expect((await admin(boss.client, 'activateUser', { userId: pending.id })).__typename).toBe('Conflict');
    expect(await countFacts(world)).toBe(before);
    expect(await statusOf(pending.id)).toBe('PENDING_VERIFICATION');
  });

  it.each(['deactivateUser', 'activateUser', 'unlockUser', 'deleteUser'] as const)(
    'and the like: %s never touches whoever may more',
    async (name) => {
      const before = await countFacts(world);
      expect((await admin(clerk.client, name, { userId: boss.id })).__typename).toBe('FORBIDDEN');
      expect((await admin(boss.client, name, { userId: 'nobody' })).__typename).toBe('NotFound');
      expect(await countFacts(world)).toBe(before);
      expect(await statusOf(boss.id)).toBe('ACTIVE');
    },
  );
});

describe('unlockUser', () => {
  it('lifts the lock of wrong passwords and of wrong second factors', async () => {
    const person = await world.person();
    for (let tries = 0; tries < 3; tries += 1) await login(person.email, 'wrong');
    expect((await login(person.email)).__typename).toBe('AccountLocked');
    const factor = await withTotp(world);
    const stepUp = (code: string) => ask(factor.client, stepUpMutation, { type: 'TOTP', code });
    for (let tries = 0; tries < 2; tries += 1) await stepUp('000000');
    expect((await stepUp(totp(factor.secret, world.clock.now()))).__typename).toBe('TooManyAttempts');
    await admin(clerk.client, 'unlockUser', { userId: factor.id });
    expect((await stepUp(totp(factor.secret, world.clock.now()))).__typename).toBe('SteppedUp');
    // Nobody else's lock is lifted.
    expect((await login(person.email)).__typename).toBe('AccountLocked');
    expect((await admin(clerk.client, 'unlockUser', { userId: person.id })).__typename).toBe('User');
    expect(await world.sql('SELECT 1 FROM lockouts WHERE locked_until IS NOT NULL')).toEqual([]);
    expect((await login(person.email)).__typename).toBe('SignedIn');
    expect(await factOf(world, 'user.unlocked', person.id)).toMatchObject({ actor_id: clerk.id });
  });
});

describe('deleteUser', () => {
  it('erases the person whatever the status, and ends the sessions', async () => {
    for (const status of ['ACTIVE', 'DEACTIVATED', 'PENDING_VERIFICATION']) {
      const { id, email } = await world.person(undefined, { status });
      expect(await admin(clerk.client, 'deleteUser', { userId: id, reason: 'asked for it' })).toMatchObject({ userId: id });
      expect(await world.sql('SELECT status, email FROM users WHERE id = $1', [id])).toEqual([{ status: 'DELETED', email: null }]);
      expect(await world.sql('SELECT 1 FROM passwords WHERE user_id = $1', [id])).toEqual([]);
      expect((await admin(clerk.client, 'deleteUser', { userId: id })).__typename).toBe('NotFound');
      expect((await login(email)).__typename).toBe('InvalidCredentials');
    }
  });
});

describe('cleanupSessions', () => {
  it('removes what ended more than 90 days ago and nothing else, with a fact', async () => {
    const person = await world.signedIn();
    const kept = await world.signIn(person);
    await world.sql(`UPDATE sessions SET revoked_at = now() - interval '91 days', revoked_reason = 'logout' WHERE id = $1`, [
      person.sessionId,
    ]);
    expect((await boss.client.ask('mutation { cleanupSessions { removed } }')).data).toEqual({ cleanupSessions: { removed: 1 } });
    expect(await world.sql('SELECT id FROM sessions WHERE user_id = $1', [person.id])).toEqual([{ id: kept.sessionId }]);
    expect(await factOf(world, 'sessions.cleaned', boss.id)).toMatchObject({ data: { removed: 1 } });
  });
});
