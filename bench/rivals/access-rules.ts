/**
 * The rules of the decision's sides, in PostgreSQL: 1,000 roles in 200 organizations that inherit from each other, 5,000 people with two memberships
 * each, and 10,000 grants, on everything or on a resource, some of them with an end. The rivals read them as rows.
 */
import pg from 'pg';
import { migrate } from '../../src/infra/postgres/migrate.ts';

export type Question = { userId: string; permission: string; orgId: string | null; resource: string | null };
/** Who holds a role: in an organization, or (null) on the platform. */
type Holding = { userId: string; roleId: string; orgId: string | null };
type Role = { id: string; permissions: string[]; inherits: string[] };
export type GrantRule = Question & { expiresAt: Date | null };
export type Rules = { roles: Role[]; holdings: Holding[]; grants: GrantRule[]; questions: Question[] };

const ids = (series: string) => `('00000000-0000-7000-9${series}-' || lpad(to_hex(n), 12, '0'))::uuid`;
const [org, role, user] = [ids('001'), ids('002'), ids('003')];
// A number that follows from the row's, in place of chance: every run has the same rules.
const some = (salt: number, of: string | number) => `((hashint4(n * 31 + ${salt})::bigint & 2147483647) % ${of})::int`;
const names = `(SELECT array_agg(thing || '.' || verb) FROM unnest('{orders,portfolios,reports,alerts,watchlists,funds,clients,documents}'::text[]) AS thing,
  unnest('{read,write,approve,export,share}'::text[]) AS verb)`;
const orgOf = (salt: number) => org.replace('to_hex(n)', `to_hex((n + ${salt} * 7) % 200)`);

const seed = [
  `INSERT INTO permissions (name, description) SELECT name, name FROM unnest(${names}) AS name`,
  `INSERT INTO organizations (id, name, slug, created_at, updated_at) SELECT ${org}, 'Org ' || n, 'org-' || n, now(), now() FROM generate_series(0, 199) AS n`,
  `INSERT INTO roles (id, org_id, kind, name) SELECT ${role}, ${orgOf(0)}, 'organization', 'role-' || n FROM generate_series(0, 999 - (SELECT count(*)::int FROM roles)) AS n`,
  `INSERT INTO role_permissions (role_id, permission) SELECT DISTINCT ${role}, (${names})[1 + (${some(1, 40)} + k * 7) % 40]
   FROM generate_series(0, 999 - (SELECT count(*)::int FROM roles WHERE built_in)) AS n, generate_series(1, 5) AS k`,
  // From an older role of the same organization, or from a built-in one.
  `INSERT INTO role_inherits (role_id, inherits_id) SELECT ${role}, CASE WHEN n >= 200 AND n % 3 > 0 THEN ${role.replace('to_hex(n)', 'to_hex(n - 200)')}
     ELSE (SELECT id FROM roles WHERE built_in AND name = (ARRAY['viewer', 'trader'])[1 + n % 2]) END
   FROM generate_series(0, 999 - (SELECT count(*)::int FROM roles WHERE built_in)) AS n`,
  `INSERT INTO users (id, email, email_key, status, created_at, updated_at) SELECT ${user}, n || '@example.com', n || '@example.com', 'ACTIVE', now(), now() FROM generate_series(0, 4999) AS n`,
  ...[1, 2].map(
    (
      k,
    ) => `INSERT INTO org_members (org_id, user_id, role_id, joined_at) SELECT o.id, u, (SELECT id FROM roles r WHERE r.org_id = o.id OR (r.built_in AND r.kind = 'organization')
     ORDER BY md5(r.id::text || n) LIMIT 1), now() FROM (SELECT n, ${orgOf(k)} AS org, ${user} AS u FROM generate_series(0, 4999) AS n) AS x JOIN organizations o ON o.id = x.org`,
  ),
  `INSERT INTO role_assignments (id, user_id, role_id, granted_at) SELECT uuidv7(), ${user}, r.id, now() FROM generate_series(0, 4999) AS n
   JOIN roles r ON r.name = CASE n % 1000 WHEN 0 THEN 'superadmin' ELSE 'support' END AND r.org_id IS NULL WHERE n % 100 = 0`,
  `INSERT INTO permission_grants (id, user_id, permission, org_id, resource, granted_at, expires_at)
   SELECT uuidv7(), ${user.replace('to_hex(n)', 'to_hex(n % 5000)')}, (${names})[1 + ${some(3, 40)}], CASE WHEN n % 5 < 3 THEN ${orgOf(1)} END,
     CASE WHEN n % 2 = 0 THEN 'portfolio:' || ${some(4, 1000)} END, now(),
     CASE n % 9 WHEN 0 THEN now() - interval '1 day' WHEN 1 THEN now() + interval '7 days' WHEN 2 THEN now() + interval '1 day' END
   FROM generate_series(0, 9999) AS n`,
  'ANALYZE',
];

/** A quarter each: what a role gives its holder, what a grant gives, and what may or may not be, with a resource and without an organization. */
const ask = ({ roles, holdings, grants }: Omit<Rules, 'questions'>, count: number): Question[] => {
  const byId = new Map(roles.map((each) => [each.id, each]));
  const at = <T>(list: readonly T[], n: number): T => list[(n * 7919) % list.length] as T;
  const names = [...new Set(roles.flatMap(({ permissions }) => permissions))].sort();
  return Array.from({ length: count }, (_, n): Question => {
    const { userId, orgId, roleId } = at(holdings, n);
    const grant = at(grants, n);
    if (n % 4 === 0) return { userId, orgId, permission: at(byId.get(roleId)?.permissions ?? names, n), resource: null };
    if (n % 4 === 1) return { ...grant, resource: n % 3 === 0 ? `portfolio:${n}` : grant.resource };
    if (n % 4 === 2) return { userId, orgId, permission: at(names, n), resource: `portfolio:${n % 1000}` };
    return { userId, orgId: null, permission: at(names, n), resource: null };
  });
};

/** Makes them in an empty database, and reads them. */
export const makeRules = async (url: string, questions: number): Promise<Rules> => {
  await migrate(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const text of seed) await client.query(text);
    const rows = async <R extends pg.QueryResultRow>(text: string): Promise<R[]> => (await client.query<R>(text)).rows;
    const roles = await rows<Role>(
      `SELECT r.id, ARRAY(SELECT permission FROM role_permissions WHERE role_id = r.id ORDER BY 1) AS permissions,
         ARRAY(SELECT inherits_id FROM role_inherits WHERE role_id = r.id) AS inherits FROM roles r ORDER BY r.id`,
    );
    const holdings = await rows<Holding>(
      `SELECT user_id AS "userId", role_id AS "roleId", org_id AS "orgId" FROM org_members UNION ALL
       SELECT user_id, role_id, org_id FROM role_assignments ORDER BY 1, 2, 3`,
    );
    const grants = await rows<GrantRule>(
      `SELECT user_id AS "userId", permission, org_id AS "orgId", resource, expires_at AS "expiresAt" FROM permission_grants ORDER BY 1, 2, 3, 4`,
    );
    const rules = { roles, holdings, grants };
    return { ...rules, questions: ask(rules, questions) };
  } finally {
    await client.end();
  }
};
