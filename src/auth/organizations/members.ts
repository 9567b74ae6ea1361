/** Members as they are listed: in the order of their ids, with `search` in the order of what was found; a walk along an index, flat however many there are. */
import type { Database, Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import { forbidden } from '../access/denial.ts';
import { findRole } from '../access/role-store.ts';
import type { Caller } from '../caller.ts';
import { type Binder, countRows, query } from '../counting.ts';
import { type Page, type PageArgs, type PageWindow, pageOf, windowOf } from '../paging.ts';
import { countFound, type Source, searchOf, searchUsers } from '../users/search.ts';
import type { May } from './may.ts';
import type { Member } from './model.ts';

export type MemberFilter = { role?: string | null; search?: string | null; mfaEnabled?: boolean | null };
export type MembersNeeds = { database: Database; may: May };

const columns = `m.user_id AS id, m.org_id AS "orgId", m.user_id AS "userId", m.role_id AS "roleId", m.joined_at AS "joinedAt",
  (SELECT max(s.last_seen_at) FROM sessions s WHERE s.user_id = m.user_id) AS "lastActiveAt"`;

/** A filter whose role is looked up before: PostgreSQL then knows how many hold it, and walks whichever index is the shorter way. */
type Sought = { orgId: string; roleId: string | null; mfaEnabled: boolean | null };
const conditionsOf = ({ roleId, mfaEnabled }: Sought, bind: Binder): string[] => {
  const factor = 'EXISTS (SELECT 1 FROM mfa_methods f WHERE f.user_id = m.user_id AND f.confirmed_at IS NOT NULL)';
  return [
    ...(roleId ? [`m.role_id = ${bind(roleId)}::uuid`] : []),
    ...(mfaEnabled === null ? [] : [mfaEnabled ? factor : `NOT ${factor}`]),
  ];
};
const sourceOf =
  (sought: Sought): Source =>
  (bind) => ({
    from: `FROM org_members m JOIN users u ON u.id = m.user_id AND m.org_id = ${bind(sought.orgId)}::uuid`,
    conditions: conditionsOf(sought, bind),
  });
const walk = (shown: string, sought: Sought, window: Omit<PageWindow, 'size'>) =>
  query((bind) => {
    const org = bind(sought.orgId);
    const conditions = conditionsOf(sought, bind);
    if (window.after) conditions.push(`m.user_id > ${bind(window.after)}::uuid`);
    if (window.before) conditions.push(`m.user_id < ${bind(window.before)}::uuid`);
    const further = conditions.map((condition) => ` AND ${condition}`).join('');
    return `SELECT ${shown} FROM org_members m WHERE m.org_id = ${org}::uuid${further} ORDER BY m.user_id ${window.backwards ? 'DESC' : 'ASC'}`;
  });
const all = { after: null, before: null, backwards: false };

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
    const { role, mfaEnabled = null, ...filter } = args.filter ?? {};
    // To others neither the address of a member is shown, nor whether he has a second factor: they find nobody by these.
    const seesAll = (await may.holds(caller, id, 'org.members.manage')) || caller.permissions.has('users.read');
    if (mfaEnabled !== null && !seesAll) throw forbidden('filter.mfaEnabled asks for org.members.manage in that organization.');
    const search = searchOf(filter.search, { byAddress: seesAll });
    const roleId = role ? (await findRole(database, id, role))?.id : null;
    if (roleId === undefined) return { ...pageOf(window, [] as Member[]), totalCount: async () => 0 };
    const sought = { orgId: id, roleId, mfaEnabled };
    if (search !== null) {
      const rows = await searchUsers<Member>(database, columns, sourceOf(sought), search, window);
      return { ...pageOf(window, rows), totalCount: () => countFound(database, sourceOf(sought), search) };
    }
    const { text, values } = walk(columns, sought, window);
    const rows = await database.run<Member>({ name: '', text: `${text} LIMIT ${window.size + 1}` }, values);
    return { ...pageOf(window, rows), totalCount: () => countRows(database, walk('m.user_id', sought, all)) };
  };

const one = statement(`SELECT ${columns} FROM org_members m WHERE m.org_id = $1 AND m.user_id = $2`);
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
