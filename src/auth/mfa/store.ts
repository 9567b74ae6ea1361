/** The SQL of methods and backup codes; each statement is safe against any number of parallel others. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import type { MethodType } from './model.ts';

export type MethodRow = {
  id: string;
  user_id: string;
  type: MethodType;
  label: string | null;
  created_at: Date;
  confirmed_at: Date | null;
  setup_ends_at: Date;
  last_used_at: Date | null;
  sealed_secret: Buffer | null;
  phone: string | null;
  credential_id: Buffer | null;
  public_key: Buffer | null;
  counter: string;
  transports: string[] | null;
  code_hash: Buffer | null;
  challenge: Buffer | null;
  attempts: number;
};

/** Whose second factors they are. */
export type Owner = {
  userId: string;
  email: string | null;
  locale: string | null;
  phone: string | null;
  hasPassword: boolean;
  strongOnly: boolean;
  backupCodes: number;
  /** Confirmed ones, oldest first. */
  methods: MethodRow[];
};

const owner = statement(`SELECT u.id AS "userId", u.email, u.locale, u.phone, u.strong_mfa_only AS "strongOnly",
    EXISTS (SELECT 1 FROM passwords p WHERE p.user_id = u.id) AS "hasPassword",
    (SELECT count(*)::int FROM mfa_backup_codes b WHERE b.user_id = u.id AND b.used_at IS NULL) AS "backupCodes"
  FROM users u WHERE u.id = $1 AND u.status = 'ACTIVE'`);
const confirmed = statement('SELECT * FROM mfa_methods WHERE user_id = $1 AND confirmed_at IS NOT NULL ORDER BY id');
/** An active user with the confirmed methods; undefined where there is none. */
export const findOwner = async (sql: Sql, userId: string): Promise<Owner | undefined> => {
  const [rows, methods] = await Promise.all([sql.run<Omit<Owner, 'methods'>>(owner, [userId]), sql.run<MethodRow>(confirmed, [userId])]);
  return rows[0] && { ...rows[0], methods };
};

/** What of a method is shown; no secret is read for it. */
export type ListedRow = Pick<MethodRow, 'id' | 'user_id' | 'type' | 'label' | 'created_at' | 'confirmed_at' | 'last_used_at'>;
const listed =
  statement(`SELECT id, user_id, type, label, created_at, confirmed_at, last_used_at FROM mfa_methods WHERE user_id = ANY($1::uuid[]) AND (confirmed_at IS NOT NULL OR setup_ends_at > $2)
  ORDER BY user_id, id`);
/** The users' methods, those in the middle of their setup too. */
export const listMethods = (sql: Sql, userIds: readonly string[], now: Date): Promise<ListedRow[]> =>
  sql.run<ListedRow>(listed, [userIds, now]);

const insert =
  statement(`INSERT INTO mfa_methods (id, user_id, type, label, created_at, setup_ends_at, sealed_secret, phone, code_hash, challenge, transports)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '{}') RETURNING *`);
export const insertMethod = async (
  sql: Sql,
  row: Pick<
    MethodRow,
    'id' | 'user_id' | 'type' | 'label' | 'created_at' | 'setup_ends_at' | 'sealed_secret' | 'phone' | 'code_hash' | 'challenge'
  >,
): Promise<MethodRow> => {
  const values = [
    row.id,
    row.user_id,
    row.type,
    row.label,
    row.created_at,
    row.setup_ends_at,
    row.sealed_secret,
    row.phone,
    row.code_hash,
    row.challenge,
  ];
  return (await sql.run<MethodRow>(insert, values))[0] as MethodRow;
};

// Setups that were begun before: the newest is the one that counts.
const forgetSetups = statement('DELETE FROM mfa_methods WHERE user_id = $1 AND type = $2 AND confirmed_at IS NULL');
export const dropSetups = async (sql: Sql, userId: string, type: MethodType): Promise<void> => {
  await sql.run(forgetSetups, [userId, type]);
};

const tryOne = statement(`UPDATE mfa_methods SET attempts = attempts + 1
  WHERE id = $1 AND user_id = $2 AND confirmed_at IS NULL AND setup_ends_at > $3 AND attempts < $4 RETURNING *`);
/** Spends one of the tries of a setup; undefined where it is over, confirmed, out of tries, or somebody else's. */
export const trySetup = async (sql: Sql, id: string, userId: string, now: Date, most: number): Promise<MethodRow | undefined> =>
  (await sql.run<MethodRow>(tryOne, [id, userId, now, most]))[0];

const confirm = statement(`UPDATE mfa_methods SET confirmed_at = $2, last_used_at = $2, code_hash = NULL, challenge = NULL, last_step = $3,
    credential_id = $4, public_key = $5, counter = $6, transports = $7, label = coalesce(label, $8)
  WHERE id = $1 AND confirmed_at IS NULL AND setup_ends_at > $2 RETURNING *`);
export type Confirmed = {
  lastStep?: number;
  credentialId?: Buffer;
  publicKey?: Buffer;
  counter?: number;
  transports?: string[];
  label?: string | null;
};
/** Of parallel confirmations one gets the row. Throws what `isSecondOfType` knows. */
export const confirmMethod = async (sql: Sql, id: string, now: Date, proved: Confirmed): Promise<MethodRow | undefined> => {
  const { lastStep = -1, credentialId = null, publicKey = null, counter = 0, transports = [], label = null } = proved;
  return (await sql.run<MethodRow>(confirm, [id, now, lastStep, credentialId, publicKey, counter, transports, label]))[0];
};
/** Whether the user had one of the type already, or the credential is known. */
export const isSecondOfType = (error: unknown): boolean => (error as { code?: string } | null)?.code === '23505';

const step = statement(
  'UPDATE mfa_methods SET last_step = $2, last_used_at = $3 WHERE id = $1 AND last_step < $2 AND confirmed_at IS NOT NULL RETURNING id',
);
/** Takes a time step of an authenticator app, once (RFC 6238 §5.2): neither it nor an earlier one is accepted again. */
export const takeStep = async (sql: Sql, id: string, at: number, now: Date): Promise<boolean> =>
  (await sql.run(step, [id, at, now])).length > 0;

const count = statement(
  `UPDATE mfa_methods SET counter = $3, last_used_at = $4 WHERE id = $1 AND counter = $2 AND confirmed_at IS NOT NULL RETURNING id`,
);
/** Moves a credential's signature counter from `before` to `after`; false where another assertion did meanwhile. */
export const takeCounter = async (sql: Sql, id: string, before: string, after: number, now: Date): Promise<boolean> =>
  (await sql.run(count, [id, before, after, now])).length > 0;

const used = statement('UPDATE mfa_methods SET last_used_at = $3 WHERE user_id = $1 AND type = $2 AND confirmed_at IS NOT NULL');
export const noteUse = async (sql: Sql, userId: string, type: MethodType, now: Date): Promise<void> => {
  await sql.run(used, [userId, type, now]);
};

const remove = statement('DELETE FROM mfa_methods WHERE id = $1 AND user_id = $2 RETURNING *');
export const removeMethod = async (sql: Sql, id: string, userId: string): Promise<MethodRow | undefined> =>
  (await sql.run<MethodRow>(remove, [id, userId]))[0];

const byCredential = statement(`SELECT m.* FROM mfa_methods m WHERE m.credential_id = $1 AND m.confirmed_at IS NOT NULL`);
export const findByCredential = async (sql: Sql, credentialId: Buffer): Promise<MethodRow | undefined> =>
  (await sql.run<MethodRow>(byCredential, [credentialId]))[0];

const insertCodes = statement(`INSERT INTO mfa_backup_codes (id, user_id, code_hash, created_at)
  SELECT v.id, $1, v.hash, $2 FROM unnest($3::uuid[], $4::bytea[]) AS v(id, hash)`);
const dropCodes = statement('DELETE FROM mfa_backup_codes WHERE user_id = $1');
/** The user's backup codes are these from now on. */
export const replaceBackupCodes = async (
  sql: Sql,
  userId: string,
  now: Date,
  codes: readonly { id: string; hash: Buffer }[],
): Promise<void> => {
  await sql.run(dropCodes, [userId]);
  if (codes.length > 0) await sql.run(insertCodes, [userId, now, codes.map(({ id }) => id), codes.map(({ hash }) => hash)]);
};

const useCode = statement(
  'UPDATE mfa_backup_codes SET used_at = $3 WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL RETURNING id',
);
/** Uses a backup code up; one of any number of parallel calls gets it. */
export const takeBackupCode = async (sql: Sql, userId: string, hash: Buffer, now: Date): Promise<boolean> =>
  (await sql.run(useCode, [userId, hash, now])).length > 0;

const strong = statement(`UPDATE users SET strong_mfa_only = $2, updated_at = $3 WHERE id = $1 AND status = 'ACTIVE' RETURNING id`);
export const setStrongOnly = async (sql: Sql, userId: string, strongOnly: boolean, now: Date): Promise<boolean> =>
  (await sql.run(strong, [userId, strongOnly, now])).length > 0;

const notePhone = statement(`UPDATE users SET phone = $2, phone_verified_at = $3, updated_at = $3
  WHERE id = $1 AND status = 'ACTIVE' AND (phone IS NULL OR phone = $2)`);
/** A number that was proved is the user's, where the profile names none or this one. */
export const verifyPhone = async (sql: Sql, userId: string, phone: string, now: Date): Promise<void> => {
  await sql.run(notePhone, [userId, phone, now]);
};

const sweepMethods = statement('DELETE FROM mfa_methods WHERE confirmed_at IS NULL AND setup_ends_at < $1');
export const sweepSetups = async (sql: Sql, now: Date): Promise<void> => {
  await sql.run(sweepMethods, [now]);
};
