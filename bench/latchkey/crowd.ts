/** A database with so many users, all of them members of one organization: made by SQL, with the indexes in place. */
import { query } from '../lib/database.ts';
import { emailOf, hashPassword } from '../lib/people.ts';

export type Crowd = {
  readonly orgId: string;
  /** Users all over the list: ids to go on from, and how their addresses begin. */
  readonly samples: readonly { id: string; address: string }[];
  readonly firstNames: readonly string[];
};

const orgId = '00000000-0000-7000-8000-0000000000aa';
const firstNames = 'anna,ben,carla,david,emma,felix,grace,henry,ines,jack,kira,leo,maria,noah,olga,paul,quinn,rosa,sam,tina'.split(',');
const lastNames = 'smith,jones,weber,novak,rossi,silva,kim,khan,patel,garcia'.split(',');
const oneOf = (names: readonly string[], salt: number): string =>
  `('{${names.join()}}'::text[])[1 + (hashint4(n + ${salt}) & 65535) % ${names.length}]`;

/** Ids as old as their users: one each half minute. Two of a thousand are deactivated, one of a hundred has not verified its address. */
const users = (rows: number): string => `
  INSERT INTO users (id, email, email_key, username, username_key, name, email_verified_at, status, created_at, updated_at)
  SELECT (left(uuid_floor(at)::text, 14) || '7' || substr(hash, 1, 3) || '-8' || substr(hash, 4, 3) || '-' || substr(hash, 7, 12))::uuid,
    address, address, CASE WHEN n % 3 = 0 THEN first || n END, CASE WHEN n % 3 = 0 THEN first || n END, initcap(first || ' ' || last), at,
    (CASE WHEN n % 1000 < 2 THEN 'DEACTIVATED' WHEN n % 100 = 5 THEN 'PENDING_VERIFICATION' ELSE 'ACTIVE' END)::user_status, at, at
  FROM (SELECT n, now() - (${rows} - n) * interval '30 seconds' AS at, md5(n::text) AS hash, ${oneOf(firstNames, 0)} AS first, ${oneOf(lastNames, 7)} AS last
    FROM generate_series(1, ${rows}) AS n) AS made, LATERAL (SELECT first || '.' || last || n || '@example.com' AS address) AS named`;

/** The built-in roles by the id's last digits: an administrator in a hundred, a trader in ten. */
const members = `
  INSERT INTO org_members (org_id, user_id, role_id, joined_at)
  SELECT '${orgId}', id, (SELECT r.id FROM roles r WHERE r.org_id IS NULL AND r.kind = 'organization' AND r.name =
    CASE WHEN right(users.id::text, 2) IN ('00', '80') THEN 'admin' WHEN right(users.id::text, 1) = '1' THEN 'trader' ELSE 'viewer' END), created_at FROM users`;
const admin = `
  INSERT INTO users (id, email, email_key, name, email_verified_at, status, created_at, updated_at)
    VALUES (uuidv7(), '${emailOf(0)}', '${emailOf(0)}', 'Administrator', now(), 'ACTIVE', now(), now());
  INSERT INTO role_assignments (id, user_id, role_id, granted_at)
    SELECT uuidv7(), u.id, r.id, now() FROM users u, roles r WHERE u.email_key = '${emailOf(0)}' AND r.name = 'superadmin'`;

/** In a migrated database without anybody. Checks of the rows are left out: a million of them would take a minute more. */
export const makeCrowd = async (url: string, rows: number): Promise<Crowd> => {
  await query(
    url,
    `SET session_replication_role = replica; ${users(Math.trunc(rows))};
     INSERT INTO organizations (id, name, slug, created_at, updated_at) VALUES ('${orgId}', 'Everybody', 'everybody', now(), now()); ${members};
     INSERT INTO mfa_methods (id, user_id, type, created_at, confirmed_at, setup_ends_at)
       SELECT uuidv7(), id, 'TOTP', created_at, created_at, created_at FROM users WHERE right(id::text, 1) < '5'; ${admin};
     SET session_replication_role = origin`,
  );
  await query(url, `INSERT INTO passwords (user_id, hash, changed_at) SELECT id, $1, now() FROM users WHERE email_key = $2`, [
    await hashPassword(),
    emailOf(0),
  ]);
  await query(url, 'VACUUM ANALYZE');
  // The administrator is no member of the organization.
  const samples = await query<{ id: string; address: string }>(
    url,
    `SELECT id, split_part(email_key, '@', 1) AS address FROM users WHERE status = 'ACTIVE' AND email_key <> '${emailOf(0)}' ORDER BY hashint8(('x' || right(id::text, 12))::bit(48)::bigint) LIMIT 200`,
  );
  return { orgId, samples, firstNames };
};
