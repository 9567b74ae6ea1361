/** The rows behind a lockout: keys that say nothing, reservations that end by themselves, a sweep. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lockoutKeys, openLockouts, reserveAttempt } from '../../../src/auth/throttle/index.ts';
import { createLog } from '../../../src/infra/log.ts';
import { openDatabase, statement } from '../../../src/infra/postgres/database.ts';
import { movableClock } from '../../kit/clock.ts';
import { freshDatabase, type TestDatabase } from '../../kit/database.ts';

const clock = movableClock();
const pepper = Buffer.alloc(32, 1);
const lockouts = openLockouts({ clock, config: { LOCKOUT_ATTEMPTS: 5, LOCKOUT_SECONDS: 1800 } });
const reserveStatement = statement(
  `WITH choice AS (SELECT $1::bytea AS key) ${reserveAttempt('choice', '$2::int', '$3::int', '$4::timestamptz')}`,
);
let fresh: TestDatabase;
let database: ReturnType<typeof openDatabase>;
beforeAll(async () => {
  fresh = await freshDatabase();
  database = openDatabase({ url: fresh.url, size: 10, log: createLog({ LOG_LEVEL: 'silent' }) });
});
afterAll(async () => {
  await database?.close();
  await fresh?.drop();
});

let people = 0;
const somebody = () => lockoutKeys(pepper, `somebody${++people}@example.com`, '192.0.2.1', 'laptop');
const reserve = async (key: Buffer): Promise<boolean> => (await database.run(reserveStatement, [key, 5, 1800, clock.now()])).length > 0;
const row = async (key: Buffer) => (await database.run(statement('SELECT * FROM lockouts WHERE key = $1'), [key]))[0];

describe('the keys', () => {
  it('are digests of which no two are equal, and hold no address', () => {
    const keys = ['ada@example.com', 'bob@example.com'].flatMap((email) =>
      ['192.0.2.1', '192.0.2.2'].flatMap((network) => Object.values(lockoutKeys(pepper, email, network, network))),
    );
    expect(new Set(keys.map((key) => key!.toString('hex'))).size).toBe(10);
    for (const key of keys) expect(key).toHaveLength(32);
    expect(lockoutKeys(Buffer.alloc(32, 2), 'ada@example.com', '', null).account).not.toEqual(keys[0]);
  });
});

describe('a reservation', () => {
  it('is had five times, whoever asks at once', async () => {
    const { network } = somebody();
    const had = await Promise.all(Array.from({ length: 60 }, () => reserve(network)));
    expect(had.filter(Boolean)).toHaveLength(5);
  });

  it('whose process died is void after half a minute', async () => {
    const { network } = somebody();
    for (let n = 0; n < 5; n += 1) await reserve(network);
    expect(await reserve(network)).toBe(false);
    clock.move(31);
    expect(await reserve(network)).toBe(true);
  });

  it('that is given back leaves the count as it was', async () => {
    const { network, account } = somebody();
    for (let n = 0; n < 4; n += 1) {
      await reserve(network);
      await lockouts.fail(database, network, account);
    }
    for (let n = 0; n < 6; n += 1) {
      expect(await reserve(network)).toBe(true);
      await lockouts.release(database, network);
    }
    expect(await row(network)).toMatchObject({ failures: 4, pending: 0, locked_until: null });
  });
});

describe('a failure', () => {
  it('locks at the fifth, and says so then alone', async () => {
    const { network, account } = somebody();
    const locked: boolean[] = [];
    for (let n = 0; n < 5; n += 1) {
      await reserve(network);
      locked.push(await lockouts.fail(database, network, account));
    }
    expect(locked).toEqual([false, false, false, false, true]);
    expect(await reserve(network)).toBe(false);
    expect(await row(account)).toMatchObject({ failures: 5, pending: 0, locked_until: null });
  });

  it('of many at once, on many keys of one account, is counted once each and deadlocks with none', async () => {
    const keys = Array.from({ length: 20 }, (_, n) => lockoutKeys(pepper, 'storm@example.com', `198.51.100.${n}`, null));
    await Promise.all(keys.flatMap((key) => [1, 2].map(() => lockouts.fail(database, key.network, key.account))));
    expect(await row(keys[0]!.account)).toMatchObject({ failures: 40 });
    for (const key of keys) expect(await row(key.network)).toMatchObject({ failures: 2 });
  });
});

describe('the sweep', () => {
  it('removes what no longer counts, and leaves locks that last and failures that count', async () => {
    const [old, fresher, locked] = [somebody(), somebody(), somebody()];
    await lockouts.fail(database, old.network, old.account);
    clock.move(1000);
    await lockouts.fail(database, fresher.network, fresher.account);
    for (let n = 0; n < 5; n += 1) await lockouts.fail(database, locked.network, locked.account);
    clock.move(1000);
    await lockouts.sweep(database);
    expect(await row(old.network)).toBeUndefined();
    expect(await row(fresher.network)).toBeDefined();
    expect(await row(locked.network)).toBeDefined();
    clock.move(3000);
    await lockouts.sweep(database);
    expect(await database.run(statement('SELECT * FROM lockouts'))).toEqual([]);
  });
});
