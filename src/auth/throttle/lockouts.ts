/**
 * Lockout after wrong passwords (NIST SP 800-63B-4 §3.2.2), per account and network, so that a stranger cannot lock an owner out:
 * - from a known device (one this user has signed in from, by the fingerprint its client keeps) an account has its own count;
 * - from anywhere else the count is the account's and the network's;
 * - and ten times as many from everywhere together lock the account for all but its known devices.
 * Keys are digests of the address as typed: an unknown address locks just the same.
 *
 * An attempt is reserved before its password is looked at and settled after, so that 200 parallel guesses are five guesses.
 */
import { createHmac } from 'node:crypto';
import type { Clock, Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';

/** How many times the limit of one network the whole account may take. */
export const accountFactor = 10;
/** A reservation whose process died is void after this long. */
const reservationSeconds = 30;

export type LockoutKeys = { account: Buffer; network: Buffer; device: Buffer | null };

/** One account's keys. `device` only where the client names its device. */
export const lockoutKeys = (pepper: Buffer, emailKey: string, network: string, fingerprint: string | null): LockoutKeys => {
  const digest = (...parts: string[]) =>
    createHmac('sha256', pepper)
      .update(['lockout', ...parts].join('\0'))
      .digest();
  return {
    account: digest(emailKey),
    network: digest(emailKey, 'network', network),
    device: fingerprint === null ? null : digest(emailKey, 'device', fingerprint),
  };
};

/** The failures that count: none after a lock is over, none older than a lock lasts. `now` and `seconds` are parameters' names in the text. */
const live = (now: string, seconds: string) =>
  `(CASE WHEN l.locked_until <= ${now} THEN 0 WHEN l.touched_at > ${now} - ${seconds} * interval '1 second' THEN l.failures ELSE 0 END)`;
const pendingNow = (now: string) =>
  `CASE WHEN l.touched_at > ${now} - ${reservationSeconds} * interval '1 second' THEN l.pending ELSE 0 END`;

/** A CTE's INSERT that reserves an attempt on the key of relation `choice` (column `key`); returns no row where there is no room. */
export const reserveAttempt = (choice: string, limit: string, seconds: string, now: string): string => `
  INSERT INTO lockouts AS l (key, failures, pending, touched_at) SELECT key, 0, 1, ${now} FROM ${choice}
  ON CONFLICT (key) DO UPDATE SET failures = ${live(now, seconds)}, pending = ${pendingNow(now)} + 1, touched_at = ${now},
    locked_until = CASE WHEN l.locked_until > ${now} THEN l.locked_until END
  WHERE (l.locked_until IS NULL OR l.locked_until <= ${now}) AND
    ${live(now, seconds)} + ${pendingNow(now)} < ${limit}
  RETURNING key`;

const reserve = statement(`
  WITH account AS (
    SELECT locked_until FROM lockouts WHERE key = $2 AND locked_until > $5
  ), choice AS (
    SELECT $1::bytea AS key WHERE NOT EXISTS (SELECT 1 FROM account)
  ), reserved AS (${reserveAttempt('choice', '$3::int', '$4::int', '$5::timestamptz')})
  SELECT EXISTS (SELECT 1 FROM reserved) AS reserved,
    coalesce((SELECT locked_until FROM lockouts WHERE key = $1 AND locked_until > $5), (SELECT locked_until FROM account)) AS locked_until`);

const fail = statement(`
  INSERT INTO lockouts AS l (key, failures, pending, touched_at, locked_until, account)
  SELECT v.key, 1, 0, $3::timestamptz, CASE WHEN v.most <= 1 THEN $3::timestamptz + $4::int * interval '1 second' END, $5 FROM unnest($1::bytea[], $2::int[]) AS v(key, most) ORDER BY v.key
  ON CONFLICT (key) DO UPDATE SET
    failures = ${live('$3::timestamptz', '$4::int')} + 1, pending = greatest(l.pending - 1, 0), touched_at = $3::timestamptz, account = $5,
    locked_until = CASE WHEN ${live('$3::timestamptz', '$4::int')} + 1
      >= (SELECT v.most FROM unnest($1::bytea[], $2::int[]) AS v(key, most) WHERE v.key = l.key) THEN $3::timestamptz + $4::int * interval '1 second'
      WHEN l.locked_until > $3::timestamptz THEN l.locked_until END
  RETURNING key, failures, locked_until`);

const release = statement('UPDATE lockouts SET pending = greatest(pending - 1, 0) WHERE key = $1');
const clear = statement('DELETE FROM lockouts WHERE key = ANY($1::bytea[])');
const clearAll = statement('DELETE FROM lockouts WHERE account = $1');
/** Fragment: a right password wipes its key's count. */
export const clearAttempts = (key: string): string => `DELETE FROM lockouts WHERE key = ${key}`;
const sweep = statement('DELETE FROM lockouts WHERE touched_at < $1 AND (locked_until IS NULL OR locked_until < $1)');

export type Lockouts = ReturnType<typeof openLockouts>;

export const openLockouts = (needs: { clock: Clock; config: { LOCKOUT_ATTEMPTS: number; LOCKOUT_SECONDS: number } }) => {
  const { clock, config } = needs;
  return {
    /** Reserves an attempt on `key`, unless that or `account` (null: none) is locked or has as many under way as may be wrong. */
    reserve: async (sql: Sql, key: Buffer, account: Buffer | null): Promise<{ reserved: boolean; lockedUntil: Date | null }> => {
      const values = [key, account, config.LOCKOUT_ATTEMPTS, config.LOCKOUT_SECONDS, clock.now()];
      const [row] = await sql.run<{ reserved: boolean; locked_until: Date | null }>(reserve, values);
      return { reserved: row?.reserved ?? false, lockedUntil: row?.locked_until ?? null };
    },
    /** Counts a reserved attempt as wrong, on its own key and on the account; whether that locked either. */
    fail: async (sql: Sql, key: Buffer, account: Buffer): Promise<boolean> => {
      const now = clock.now();
      const most = [config.LOCKOUT_ATTEMPTS, config.LOCKOUT_ATTEMPTS * accountFactor];
      const rows = await sql.run<{ failures: number; locked_until: Date | null }>(fail, [
        [key, account],
        most,
        now,
        config.LOCKOUT_SECONDS,
        account,
      ]);
      // Attempts that were under way when it locked count on: only the one that reached the limit locked it.
      return rows.some(({ failures, locked_until: until }) => until !== null && until > now && most.includes(failures));
    },
    /** Gives a reserved attempt back: nothing was learnt from it. */
    release: async (sql: Sql, key: Buffer): Promise<void> => {
      await sql.run(release, [key]);
    },
    /** Lifts locks: the account's and those of the keys given. */
    clear: async (sql: Sql, keys: readonly Buffer[]): Promise<void> => {
      await sql.run(clear, [keys]);
    },
    /** Lifts every lock of the account, whatever network or device it is of. */
    clearAccount: async (sql: Sql, account: Buffer): Promise<void> => {
      await sql.run(clearAll, [account]);
    },
    /** Removes what no longer counts. */
    sweep: async (sql: Sql): Promise<void> => {
      await sql.run(sweep, [new Date(clock.now().getTime() - config.LOCKOUT_SECONDS * 1000)]);
    },
  };
};
