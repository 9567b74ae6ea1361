/** Hashes follow the configured parameters at the next sign-in: two houses on one database with other settings. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Unavailable } from '../../../src/infra/ports.ts';
import { stranger } from '../../kit/caller.ts';
import { nothing, watchChanges } from '../../kit/changes.ts';
import { openWorld, password } from '../../kit/world.ts';

type Opened = Awaited<ReturnType<typeof openWorld>>;
let old: Opened;
let world: Opened;
beforeAll(async () => {
  old = await openWorld();
  world = await openWorld({ ARGON2_MEMORY_KIB: '128', ARGON2_TIME_COST: '2' }, { databaseUrl: old.databaseUrl, keyFile: old.keyFile });
});
afterAll(async () => {
  await world?.close();
  await old?.close();
});

const hashOf = async (id: string): Promise<string> =>
  (await world.sql<{ hash: string }>('SELECT hash FROM passwords WHERE user_id = $1', [id]))[0]!.hash;
const login = (email: string, given = password) => world.house.auth.login.withPassword(stranger(), { email, password: given });

describe('a password hashed with other parameters', () => {
  it('is hashed anew at the next sign-in, once, with its fact, and is the same password', async () => {
    const person = await old.person();
    expect(await hashOf(person.id)).toContain('m=64,t=1,p=1');
    const watch = await watchChanges(world);
    const { answer, changed } = await watch(() => login(person.email));
    expect(answer.kind).toBe('SignedIn');
    expect(changed).toEqual({ ...nothing, facts: ['session.created', 'user.login', 'password.rehashed'], sessionsOpened: 1 });
    const renewed = await hashOf(person.id);
    expect(renewed).toContain('m=128,t=2,p=1');
    expect((await watch(() => login(person.email))).changed.facts).toEqual(['session.created', 'user.login']);
    expect(await hashOf(person.id)).toBe(renewed);
  });

  it('stays as it is after a wrong password', async () => {
    const person = await old.person();
    const before = await hashOf(person.id);
    expect((await login(person.email, 'a wrong password')).kind).toBe('InvalidCredentials');
    expect(await hashOf(person.id)).toBe(before);
  });

  it('is hashed anew by one of ten sign-ins at once, and all ten sign in', async () => {
    const person = await old.person();
    const kinds = await Promise.all(Array.from({ length: 10 }, async () => (await login(person.email)).kind));
    expect(kinds).toEqual(Array(10).fill('SignedIn'));
    expect(await hashOf(person.id)).toContain('m=128,t=2,p=1');
    expect((await login(person.email)).kind).toBe('SignedIn');
  });

  it('waits for another time where hashing is at capacity: the sign-in goes on', async () => {
    const person = await old.person();
    const before = await hashOf(person.id);
    vi.spyOn(world.house.infra.hasher, 'hash').mockRejectedValueOnce(new Unavailable('hashing is at capacity', 3));
    const watch = await watchChanges(world);
    const { answer, changed } = await watch(() => login(person.email));
    expect(answer.kind).toBe('SignedIn');
    expect(changed.facts).toEqual(['session.created', 'user.login']);
    expect(await hashOf(person.id)).toBe(before);
  });
});
