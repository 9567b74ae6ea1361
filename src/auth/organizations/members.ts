/** Members as they are listed: a walk along the organization's own index, flat however many there are. */
import type { Database, Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import { forbidden } from '../access/denial.ts';
import type { Caller } from '../caller.ts';
import { type Page, type PageArgs, pageOf, windowOf } from '../paging.ts';
import type { May } from './may.ts';
import type { Member } from './model.ts';

export type MemberFilter = { role?: string | null; search?: string | null; mfaEnabled?: boolean | null };
export type MembersNeeds = { database: Database; may: May };

const columns = `m.user_id AS id, m.org_id AS "orgId", m.user_id AS "userId", m.role_id AS "roleId", m.joined_at AS "joinedAt",
  (SELECT max(s.last_seen_at) FROM sessions s WHERE s.user_id = m.user_id) AS "lastActiveAt"`;

/** `manages`: others are shown no address, and so find nobody by one: a search that grows letter by letter would spell it. */
const conditionsOf = ({ role, search, mfaEnabled }: MemberFilter, values: unknown[], manages: boolean): string[] => {
  const bind = (value: unknown) => `$${values.push(value)}`;
  const conditions: string[] = [];
  if (role) conditions.push(`r.name = ${bind(role)}`);
  if (search) {
    const prefix = bind(
      `${search
        .normalize('NFKC')
        .toLowerCase()
        .replaceAll(/[\\%_]/g, '\\$&')}%`,
    );
    conditions.push(
      `EXISTS (SELECT 1 FROM users u WHERE u.id = m.user_id AND (${manages ? `u.email_key LIKE ${prefix} OR ` : ''}u.username_key LIKE ${prefix} OR lower(u.name) LIKE ${prefix}))`,
    );
  }
  if (mfaEnabled != null)
    conditions.push(
      `${mfaEnabled ? '' : 'NOT '}EXISTS (SELECT 1 FROM mfa_methods f WHERE f.user_id = m.user_id AND f.confirmed_at IS NOT NULL)`,
    );
  return conditions;
};
const from = 'FROM org_members m JOIN roles r ON r.id = m.role_id WHERE m.org_id = $1';

/** Null where the organization is not there for the caller; throws FORBIDDEN where he may not see members. */
export const listMembers =
  ({ database, may }: MembersNeeds) =>
  async (
    caller: Caller,
    orgId: string,
    args: PageArgs & { filter?: MemberFilter | null },
  ): Promise<(Page<Member> & { totalCount(): Promise<number> }) | null> => {
    const id = orgId.toLowerCase();
    if (!(await may.enter(caller, id, 'org.members.read'))) return null;
    const window = windowOf(args);
    const values: unknown[] = [id];
    const filter = args.filter ?? {};
    const manages = await may.holds(caller, id, 'org.members.manage');
    if (filter.mfaEnabled != null && !manages) throw forbidden('filter.mfaEnabled asks for org.members.manage in that organization.');
    const conditions = conditionsOf(filter, values, manages);
    const counted = [...values];
    const where = conditions.map((condition) => ` AND ${condition}`).join('');
    const beyond = [
      ...(window.after ? [` AND m.user_id > $${values.push(window.after)}`] : []),
      ...(window.before ? [` AND m.user_id < $${values.push(window.before)}`] : []),
    ].join('');
    const text = `SELECT ${columns} ${from}${where}${beyond} ORDER BY m.user_id ${window.backwards ? 'DESC' : 'ASC'} LIMIT $${values.push(window.size + 1)}::int`;
    const rows = await database.run<Member>(conditions.length > 0 ? { name: '', text } : statement(text), values);
    return {
      ...pageOf(window, rows),
      totalCount: async () =>
        (await database.run<{ n: number }>({ name: '', text: `SELECT count(*)::int AS n ${from}${where}` }, counted))[0]?.n ?? 0,
    };
  };

const one = statement(`SELECT ${columns} ${from} AND m.user_id = $2`);
export const findMember = async (sql: Sql, orgId: string, userId: string): Promise<Member | undefined> =>
  (await sql.run<Member>(one, [orgId, userId]))[0];

const memberships =
  statement(`SELECT m.org_id AS id, m.org_id AS "orgId", m.user_id AS "userId", m.role_id AS "roleId", m.joined_at AS "joinedAt", NULL AS "lastActiveAt"
  FROM org_members m WHERE m.user_id = $1 AND ($2::uuid IS NULL OR m.org_id > $2) AND ($3::uuid IS NULL OR m.org_id < $3)
  ORDER BY CASE WHEN $5::boolean THEN m.org_id END DESC, m.org_id LIMIT $4`);
const total = statement('SELECT count(*)::int AS n FROM org_members WHERE user_id = $1');
/** The organizations a user is in. */
export const listMemberships =
  ({ database }: { database: Database }) =>
  async (userId: string, args: PageArgs): Promise<Page<Member> & { totalCount(): Promise<number> }> => {
    const window = windowOf(args);
    const rows = await database.run<Member>(memberships, [userId, window.after, window.before, window.size + 1, window.backwards]);
    return { ...pageOf(window, rows), totalCount: async () => (await database.run<{ n: number }>(total, [userId]))[0]?.n ?? 0 };
  };
