/** The SQL of signing in: two statements on the way of every login, and nothing held open while a password is hashed. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import { insertFacts } from '../audit/store.ts';
import { insertSession } from '../sessions/store.ts';
import type { LockoutKeys } from '../throttle/index.ts';
import { clearAttempts, reserveAttempt } from '../throttle/index.ts';
import { type UserRow, userColumns } from '../users/read.ts';

export type Candidate = {
  user_id: string | null;
  status: 'PENDING_VERIFICATION' | 'ACTIVE' | 'DEACTIVATED' | 'DELETED' | null;
  email: string | null;
  locale: string | null;
  hash: string | null;
  /** When the password was set; a hash that is only renewed keeps it. */
  password_set_at: Date | null;
  /** Whether the user has signed in from this device before, and from any. */
  known: boolean;
  any_device: boolean;
  /** Whether there is a confirmed second factor. */
  has_factor: boolean;
  /** The sign-in before this one, and whether any was from the same country; null where places are not known. */
  before: { at: string; ip: string | null; country: string | null } | null;
  country_known: boolean | null;
  /** The lockout key the attempt counts on, and whether there was room to reserve it. */
  key: Buffer;
  reserved: boolean;
  locked_until: Date | null;
};

/** What every way of signing in asks of its user `u`. `key`: the device's; `country`: null where places are not known. */
const circumstances = (key: string, country: string): string => `
      EXISTS (SELECT 1 FROM devices d WHERE d.user_id = u.id AND d.key = ${key}) AS known,
      EXISTS (SELECT 1 FROM devices d WHERE d.user_id = u.id) AS any_device,
      EXISTS (SELECT 1 FROM mfa_methods m WHERE m.user_id = u.id AND m.confirmed_at IS NOT NULL) AS has_factor,
      CASE WHEN ${country} IS NOT NULL THEN (SELECT jsonb_build_object('at', s.created_at, 'ip', s.ip_address, 'country', s.country)
        FROM sessions s WHERE s.user_id = u.id AND s.impersonator_id IS NULL ORDER BY s.id DESC LIMIT 1) END AS before,
      CASE WHEN ${country} IS NOT NULL THEN EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = u.id AND s.country = ${country}) END AS country_known`;

// Who it would be, which count the attempt falls on, and the reservation of it: one statement, the same for an unknown address. Its commit does
// not wait for the disk: a reservation lost in a crash is one whose attempt was lost with it. What an attempt comes to is another statement's.
const attempt = statement(`
  WITH hasty AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true)
  ), who AS (
    SELECT u.id AS user_id, u.status, u.email, u.locale, p.hash, p.changed_at AS password_set_at, ${circumstances('$2', '$9::text')}
    FROM users u LEFT JOIN passwords p ON p.user_id = u.id WHERE u.email_key = $1
  ), picked AS (
    SELECT CASE WHEN $5::bytea IS NOT NULL AND (SELECT known FROM who) THEN $5::bytea ELSE $4::bytea END AS key
  ), account AS (
    SELECT locked_until FROM lockouts WHERE key = $3 AND locked_until > $8
  ), choice AS (
    SELECT key FROM picked WHERE key = $5 OR NOT EXISTS (SELECT 1 FROM account)
  ), reserved AS (${reserveAttempt('choice', '$6::int', '$7::int', '$8::timestamptz')})
  SELECT who.user_id, who.status, who.email, who.locale, who.hash, who.password_set_at, coalesce(who.known, false) AS known, coalesce(who.any_device, false) AS any_device,
    coalesce(who.has_factor, false) AS has_factor, who.before, who.country_known,
    picked.key, EXISTS (SELECT 1 FROM reserved) AS reserved,
    coalesce((SELECT locked_until FROM lockouts WHERE key = picked.key AND locked_until > $8),
      CASE WHEN picked.key = $5 THEN NULL ELSE (SELECT locked_until FROM account) END) AS locked_until
  FROM picked CROSS JOIN hasty LEFT JOIN who ON true`);

export const attemptLogin = async (
  sql: Sql,
  input: { emailKey: string; deviceKey: Buffer; keys: LockoutKeys; limit: number; seconds: number; now: Date; country: string | null },
): Promise<Candidate> => {
  const { emailKey, deviceKey, keys, limit, seconds, now, country } = input;
  const [row] = await sql.run<Candidate>(attempt, [
    emailKey,
    deviceKey,
    keys.account,
    keys.network,
    keys.device,
    limit,
    seconds,
    now,
    country,
  ]);
  return row as Candidate;
};

const person = statement(
  `SELECT u.id AS user_id, u.status, u.email, u.email_key, u.locale, ${circumstances('$2', '$3::text')} FROM users u WHERE u.id = $1`,
);
export type Person = Pick<Candidate, 'known' | 'any_device' | 'has_factor' | 'before' | 'country_known' | 'email' | 'locale'> & {
  user_id: string;
  status: NonNullable<Candidate['status']>;
  email_key: string | null;
};
/** Whoever a first factor other than a password has named. */
export const findPerson = async (sql: Sql, userId: string, deviceKey: Buffer, country: string | null): Promise<Person | undefined> =>
  (await sql.run<Person>(person, [userId, deviceKey, country]))[0];

const renew = statement('UPDATE passwords SET hash = $3 WHERE user_id = $1 AND hash = $2 RETURNING user_id');
/** Replaces a hash whose parameters are outdated; whether it still was the one. */
export const renewHash = async (sql: Sql, userId: string, verifiedHash: string, newHash: string): Promise<boolean> =>
  (await sql.run(renew, [userId, verifiedHash, newHash])).length > 0;

const forget = statement('DELETE FROM devices WHERE user_id = $1 AND key = $2');
/** The device is unknown again. */
export const forgetDevice = async (sql: Sql, userId: string, deviceKey: Buffer): Promise<void> => {
  await sql.run(forget, [userId, deviceKey]);
};

// The user must still be active, with the password that was verified: a change or a deactivation in between wins. The time it was set tells,
// not its hash: a sign-in beside this one may have renewed that. Both rows are locked, the user's first as in every change of a password:
// a lock looks again at what was committed while it waited, where a bare condition would see what was there when the statement began.
const signIn = statement(`
  WITH who AS (
    SELECT id AS user_id FROM users WHERE id = $1 AND status = 'ACTIVE' FOR NO KEY UPDATE
  ), secret AS (
    SELECT w.user_id FROM who w JOIN passwords p ON p.user_id = w.user_id WHERE p.changed_at = $9::timestamptz FOR SHARE OF p
  ), proved AS (
    SELECT user_id FROM secret UNION ALL SELECT user_id FROM who WHERE $9::timestamptz IS NULL
  ), opened AS (${insertSession('$3', 'proved')}),
  facts AS (${insertFacts('$5', 'opened')}),
  noted AS (UPDATE users u SET last_login_at = $2 FROM opened o WHERE u.id = o.user_id RETURNING ${userColumns}),
  device AS (
    INSERT INTO devices AS d (user_id, key, first_seen_at, last_seen_at) SELECT user_id, $6::bytea, $2, $2 FROM opened
    ON CONFLICT (user_id, key) DO UPDATE SET last_seen_at = excluded.last_seen_at WHERE d.last_seen_at < excluded.last_seen_at - interval '1 hour'
  ), cleared AS (${clearAttempts('$7')} AND EXISTS (SELECT 1 FROM opened)),
  rehashed AS (UPDATE passwords p SET hash = $8 FROM opened o WHERE p.user_id = o.user_id AND $8::text IS NOT NULL AND p.hash = $4::text)
  SELECT * FROM noted`);

/** Opens the session with its facts; undefined where the user is no longer active or the password is no longer that one. */
export const signInWith = async (
  sql: Sql,
  input: {
    userId: string;
    now: Date;
    session: string;
    verifiedHash: string | null;
    passwordSetAt: Date | null;
    facts: string;
    deviceKey: Buffer;
    lockoutKey: Buffer | null;
    newHash: string | null;
  },
): Promise<UserRow | undefined> => {
  const { userId, now, session, verifiedHash, facts, deviceKey, lockoutKey, newHash, passwordSetAt } = input;
  const rows = await sql.run<UserRow>(signIn, [userId, now, session, verifiedHash, facts, deviceKey, lockoutKey, newHash, passwordSetAt]);
  return rows[0];
};
