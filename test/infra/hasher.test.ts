import { afterAll, describe, expect, it } from 'vitest';
import { engines, loadEngine } from '../../src/infra/hasher/engine.ts';
import { createHasher } from '../../src/infra/hasher/index.ts';
import { Unavailable } from '../../src/infra/ports.ts';

const small = { ARGON2_MEMORY_KIB: 1024, ARGON2_TIME_COST: 2, ARGON2_PARALLELISM: 1, HASH_CONCURRENCY: 2, HASH_QUEUE: 4 };
const cost = { memoryKib: 1024, timeCost: 2, parallelism: 1 };
const hasher = createHasher(small);
afterAll(() => hasher.close());

describe('The hasher', () => {
  it('makes argon2id PHC strings of the configured cost, a new one each time, and tells the right password from a wrong one.', async () => {
    const phc = await hasher.hash('correct horse battery staple');
    expect(phc).toMatch(/^\$argon2id\$v=19\$m=1024,t=2,p=1\$/);
    expect(await hasher.hash('correct horse battery staple')).not.toBe(phc);
    expect(await hasher.verify(phc, 'correct horse battery staple')).toBe(true);
    expect(await hasher.verify(phc, 'correct horse battery stapler')).toBe(false);
  });

  it('cuts no password short, at a long one, at a NUL or beyond ASCII.', async () => {
    for (const password of ['x'.repeat(1_000), 'before\0after', 'Grüße 🔑🔑 aus Wien']) {
      const phc = await hasher.hash(password);
      expect(await hasher.verify(phc, password)).toBe(true);
      expect(await hasher.verify(phc, `${password}!`)).toBe(false);
      expect(await hasher.verify(phc, password.slice(0, -1))).toBe(false);
    }
  });

  it('agrees with the reference implementation in both directions, at other parameters and for argon2i and argon2d too.', async () => {
    const argon2 = await import('argon2');
    const password = 'Grüße 🔑';
    expect(await argon2.verify(await hasher.hash(password), password)).toBe(true);
    for (const type of [argon2.argon2id, argon2.argon2i, argon2.argon2d] as const) {
      const phc: string = await argon2.hash(password, { type, memoryCost: 2048, timeCost: 3, parallelism: 2 });
      expect(await hasher.verify(phc, password)).toBe(true);
      expect(await hasher.verify(phc, 'another')).toBe(false);
    }
  });

  it('says false to a string that is no argon2 hash.', async () => {
    const phc = await hasher.hash('a password');
    const none = [
      '',
      'a password',
      '$2b$12$abcdefghijklmnopqrstuv',
      phc.slice(0, 40),
      phc.replace('m=1024', 'm=1'),
      phc.replace('$m=1024,', '$'),
    ];
    for (const text of none) expect(await hasher.verify(text, 'a password')).toBe(false);
  });

  it('costs as much for an account that is not there.', async () => {
    const costly = createHasher({ ...small, ARGON2_MEMORY_KIB: 8192, HASH_CONCURRENCY: 1 });
    try {
      const phc = await costly.hash('a password');
      const median = async (work: () => Promise<unknown>) => {
        const times: number[] = [];
        for (let i = 0; i < 15; i++) {
          const from = performance.now();
          await work();
          times.push(performance.now() - from);
        }
        return times.sort((a, b) => a - b)[7]!;
      };
      const there = await median(() => costly.verify(phc, 'a wrong one'));
      const notThere = await median(() => costly.verifyNothing('a wrong one'));
      expect(await costly.verifyNothing('')).toBe(false);
      expect(notThere / there).toBeGreaterThan(0.6);
      expect(notThere / there).toBeLessThan(1.6);
    } finally {
      await costly.close();
    }
  });

  it('finds a hash outdated by its algorithm, its version or any of its costs.', async () => {
    const phc = await hasher.hash('a password');
    expect(hasher.outdated(phc)).toBe(false);
    for (const [from, to] of [
      ['argon2id', 'argon2i'],
      ['v=19', 'v=16'],
      ['m=1024', 'm=4096'],
      ['t=2', 't=1'],
      ['p=1', 'p=4'],
    ] as const)
      expect(hasher.outdated(phc.replace(from, to)), to).toBe(true);
    expect(hasher.outdated('$2b$12$abcdefghijklmnopqrstuv')).toBe(true);
  });

  it('works on as many as it may, lets a queue wait, and refuses the surplus at once with a hint.', async () => {
    const bounded = createHasher({ ...small, ARGON2_MEMORY_KIB: 8192 });
    try {
      const accepted = Array.from({ length: 6 }, (_, i) => bounded.hash(`password ${i}`));
      expect(bounded.stats()).toEqual({ running: 2, queued: 4, refused: 0 });
      const from = performance.now();
      const refusal = await bounded.verifyNothing('surplus').catch((error: unknown) => error);
      expect(performance.now() - from).toBeLessThan(10);
      expect(refusal).toBeInstanceOf(Unavailable);
      expect((refusal as Unavailable).message).toBe('hashing is at capacity');
      expect((refusal as Unavailable).retryAfterSeconds).toBeGreaterThanOrEqual(1);
      await Promise.all(accepted);
      expect(bounded.stats()).toEqual({ running: 0, queued: 0, refused: 1 });
      expect(await bounded.verifyNothing('room again')).toBe(false);
    } finally {
      await bounded.close();
    }
  });

  it('serves those who wait in the order in which they came.', async () => {
    const single = createHasher({ ...small, HASH_CONCURRENCY: 1 });
    try {
      const order: number[] = [];
      await Promise.all([0, 1, 2, 3, 4].map((i) => single.hash(`password ${i}`).then(() => order.push(i))));
      expect(order).toEqual([0, 1, 2, 3, 4]);
    } finally {
      await single.close();
    }
  });

  it('leaves the event loop free while it works.', async () => {
    const busy = createHasher({ ...small, ARGON2_MEMORY_KIB: 65_536, HASH_CONCURRENCY: 1 });
    try {
      await busy.verifyNothing('warm');
      let turns = 0;
      const timer = setInterval(() => turns++, 2);
      const from = performance.now();
      await busy.hash('a password');
      const took = performance.now() - from;
      clearInterval(timer);
      expect(turns).toBeGreaterThan(took / 20);
    } finally {
      await busy.close();
    }
  });

  it('finishes what runs when it is closed, and refuses what waits and what comes later.', async () => {
    const closing = createHasher({ ...small, HASH_CONCURRENCY: 1 });
    const running = closing.hash('running');
    const waiting = closing.hash('waiting').catch((error: unknown) => error);
    await Promise.all([closing.close(), closing.close()]);
    expect(await running).toMatch(/^\$argon2id/);
    expect(await waiting).toBeInstanceOf(Unavailable);
    await expect(closing.hash('later')).rejects.toBeInstanceOf(Unavailable);
  });
});

describe('The engine', () => {
  it('is the fast one where it loads, else the reference, which does the same.', async () => {
    const broken = () => {
      throw new Error('no binary for this platform');
    };
    expect(loadEngine().name).toBe('@node-rs/argon2');
    const second = loadEngine([broken, engines.reference]);
    expect(second.name).toBe('argon2');
    const phc = await second.hash('a password', cost);
    expect(hasher.outdated(phc)).toBe(false);
    expect(await hasher.verify(phc, 'a password')).toBe(true);
    expect(await second.verify(phc, 'another')).toBe(false);
    expect(() => loadEngine([broken])).toThrow('can be loaded');
  });
});
