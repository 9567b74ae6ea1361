/** Signing keys: next → active → retired, without a restart, followed by every process, gone when their last token is over. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hearNews } from '../../../src/auth/news.ts';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { judged, useToken } from '../../kit/refreshing.ts';
import { ownKey, partsOf, signAs } from '../../kit/signing.ts';
import { openWorld, type SignedInPerson } from '../../kit/world.ts';

type Opened = Awaited<ReturnType<typeof openWorld>>;
let world: Opened;
let second: Opened;
let watch: Watch;
let admin: SignedInPerson;
beforeAll(async () => {
  world = await openWorld();
  // Without Redis: what it hears of the first, it hears by the log. One clock for both.
  second = await openWorld({}, { databaseUrl: world.databaseUrl, keyFile: world.keyFile, clock: world.clock });
  watch = await watchChanges(world);
  admin = await world.signedIn(undefined, { roles: ['superadmin'] });
});
afterAll(async () => {
  await second?.close();
  await world?.close();
});

const rotate = (by: SignedInPerson) => by.client.ask('mutation { rotateSigningKey }');
const kidsOf = (of: Opened): string[] => (of.house.auth.tokens.jwks().keys as { kid: string }[]).map((key) => key.kid);
const kidOf = (token: string) => partsOf(token).header['kid'];
const followed = () => vi.waitFor(() => expect(new Set(kidsOf(second))).toEqual(new Set(kidsOf(world))), { timeout: 1000, interval: 20 });

describe('a rotation', () => {
  it('makes the key that was announced sign, announces another, and leaves the old tokens valid', async () => {
    const [active, next] = [await ownKey(world), await ownKey(world, 'next')];
    expect(kidsOf(world)).toEqual(expect.arrayContaining([active.kid, next.kid]));
    const { answer, changed } = await watch(() => rotate(admin));
    expect(answer.data).toEqual({ rotateSigningKey: true });
    expect(changed).toEqual({ ...nothing, facts: ['key.rotated'] });
    const [fact] = await world.sql(`SELECT * FROM audit_events WHERE type = 'key.rotated'`);
    expect(fact).toMatchObject({ actor_id: admin.id, data: { kid: next.kid } });
    expect(await useToken(world, admin.accessToken)).toBe(admin.id);
    const person = await world.signedIn();
    expect(kidOf(person.accessToken)).toBe(next.kid);
    const announced = await ownKey(world, 'next');
    expect(new Set(kidsOf(world))).toEqual(new Set([active.kid, next.kid, announced.kid]));
    expect(announced.kid).not.toBe(next.kid);
  });

  it('is followed by another process within a second, which then signs with the new key too', async () => {
    await followed();
    const person = await world.signedIn();
    expect(await useToken(second, person.accessToken)).toBe(person.id);
    await rotate(admin);
    await followed();
    const there = await second.signedIn();
    expect(kidOf(there.accessToken)).toBe((await ownKey(world)).kid);
    expect(await useToken(world, there.accessToken)).toBe(there.id);
  });

  it('twice in a row is no gap for anyone: another process looks for the key it does not know yet, once for all who ask', async () => {
    for (let round = 0; round < 3; round += 1) {
      // A second apart, because an unknown kid is looked for once a second.
      world.clock.move(2);
      await rotate(admin);
      await rotate(admin);
      const person = await world.signedIn();
      const answers = await Promise.all(Array.from({ length: 20 }, () => judged(second, person.accessToken)));
      expect(answers).toEqual(Array(20).fill('accepted'));
    }
  });

  it('is FORBIDDEN to others and then does not happen', async () => {
    const support = await world.signedIn(undefined, { roles: ['support'] });
    const before = kidsOf(world);
    const { answer, changed } = await watch(() => rotate(support));
    expect(answer.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    expect(changed).toEqual(nothing);
    expect(kidsOf(world)).toEqual(before);
  });
});

describe('a retired key', () => {
  it('leaves the JWKS of every process when its last token is over, and verifies nothing any more', async () => {
    const stolen = await ownKey(world);
    const { header, claims } = partsOf((await world.signedIn()).accessToken);
    const lasting = signAs(stolen, header, { ...claims, exp: (claims['exp'] as number) + 1_000_000 });
    for (const house of [world, second]) expect(await judged(house, lasting)).toBe('accepted');
    await rotate(admin);
    await followed();
    world.clock.move(899);
    for (const house of [world, second]) expect(kidsOf(house)).toContain(stolen.kid);
    world.clock.move(120);
    for (const house of [world, second]) {
      expect(kidsOf(house)).not.toContain(stolen.kid);
      expect(kidsOf(house)).toHaveLength(2);
      // Whoever has stolen the key cannot go on with it.
      expect(await judged(house, lasting)).toBe('UNAUTHENTICATED');
      const now = Math.floor(house.clock.now().getTime() / 1000);
      const forged = signAs(stolen, header, { ...claims, iat: now, exp: now + 900 });
      expect(await judged(house, forged)).toBe('UNAUTHENTICATED');
    }
  });
});

describe('the rotation by age', () => {
  it('comes after ninety days and not before, is done by one of the processes, and is the house’s own doing', async () => {
    admin = await world.signIn(admin);
    await rotate(admin);
    await followed();
    const { kid } = await ownKey(world);
    const both = () => Promise.all([world, second].map((house) => house.house.auth.tokens.rotateIfOld()));
    const count = async () =>
      Number((await world.sql<{ n: string }>(`SELECT count(*) AS n FROM audit_events WHERE type = 'key.rotated'`))[0]!.n);
    const before = await count();
    world.clock.move(89 * 86_400);
    await both();
    expect(await count()).toBe(before);
    world.clock.move(2 * 86_400);
    await both();
    expect(await count()).toBe(before + 1);
    expect((await ownKey(world)).kid).not.toBe(kid);
    await both();
    expect(await count()).toBe(before + 1);
  });

  it('never comes where it is turned off', async () => {
    const house = await openWorld({ SIGNING_KEY_ROTATION_DAYS: '0' });
    try {
      const { kid } = await ownKey(house);
      house.clock.move(3000 * 86_400);
      await house.house.auth.tokens.rotateIfOld();
      expect((await ownKey(house)).kid).toBe(kid);
    } finally {
      await house.close();
    }
  });
});

describe('the news of rotations', () => {
  it('are heard once each: also one from before the first look, and one that comes as another is forgotten', async () => {
    let rotations: string[] = [];
    const reload = vi.fn(async () => {});
    const hear = hearNews({
      readNews: async () =>
        rotations.map((id) => ({ id, type: 'key.rotated' as const, subject_id: null, session_id: null, org_id: null, resource: null })),
      revoked: { caughtUp: () => {} },
      permissions: { caughtUp: () => {}, changed: () => {}, changedIn: () => {}, forgetIn: () => {} },
      keys: { reload },
      clock: world.clock,
    });
    const reloadsAfter = async (...ids: string[]) => {
      rotations = ids;
      await hear();
      return reload.mock.calls.length;
    };
    expect(await reloadsAfter('a')).toBe(1);
    expect(await reloadsAfter('a')).toBe(1);
    expect(await reloadsAfter('a', 'b')).toBe(2);
    expect(await reloadsAfter('c', 'b')).toBe(3);
    expect(await reloadsAfter()).toBe(3);
    reload.mockRejectedValueOnce(new Error('the database is away'));
    await expect(reloadsAfter('d')).rejects.toThrow();
    expect(await reloadsAfter('d')).toBe(5);
  });
});
