/**
 * Pages of users: each is a walk along one index, as long as the page whatever the number of users. Newest first; with `search` in the
 * order of what was found.
 */
import type { Database } from '../../infra/ports.ts';
import { badRequest } from '../access/denial.ts';
import { findRole } from '../access/role-store.ts';
import type { SignedInCaller } from '../caller.ts';
import { type Binder, countRows, query } from '../counting.ts';
import { isUuid, type Page, type PageArgs, type PageWindow, pageOf, windowOf } from '../paging.ts';
import type { UserStatus } from '../users/model.ts';
import { type UserRow, userColumns } from '../users/read.ts';
import { countFound, searchOf, searchUsers } from '../users/search.ts';

export type UserFilter = {
  search?: string | null;
  status?: UserStatus | null;
  role?: string | null;
  orgId?: string | null;
  createdAfter?: Date | null;
  createdBefore?: Date | null;
};
export type ListUsersArgs = PageArgs & { filter?: UserFilter | null };

/** A filter whose role is looked up before: PostgreSQL then knows how many hold it. */
type Sought = UserFilter & { roleId: string | null };

/** The FROM and the conditions that a filter comes to, and the id in whose index the walk is. */
const sourceOf = (filter: Sought) => (bind: Binder) => {
  const conditions = [`u.status <> 'DELETED'`];
  if (filter.status) conditions.push(`u.status = ${bind(filter.status)}::user_status`);
  // The id's time is the account's.
  if (filter.createdAfter) conditions.push(`u.id >= uuid_floor(${bind(filter.createdAfter)}::timestamptz)`);
  if (filter.createdBefore) conditions.push(`u.id < uuid_floor(${bind(filter.createdBefore)}::timestamptz)`);
  // The role that is looked for is the one in the organization, where that is given.
  const ofRole = filter.roleId ? (table: string) => ` AND ${table}.role_id = ${bind(filter.roleId)}::uuid` : () => '';
  if (filter.orgId) {
    const from = `FROM users u JOIN org_members m ON m.user_id = u.id AND m.org_id = ${bind(filter.orgId)}::uuid${ofRole('m')}`;
    return { from, conditions, id: 'm.user_id' };
  }
  if (!filter.roleId) return { from: 'FROM users u', conditions, id: 'u.id' };
  const from = `FROM users u JOIN role_assignments a ON a.user_id = u.id AND a.org_id IS NULL${ofRole('a')}`;
  return { from, conditions, id: 'a.user_id' };
};

const walk = (columns: string, filter: Sought, window: Omit<PageWindow, 'size'>) =>
  query((bind) => {
    const { from, conditions, id } = sourceOf(filter)(bind);
    if (window.after) conditions.push(`${id} < ${bind(window.after)}::uuid`);
    if (window.before) conditions.push(`${id} > ${bind(window.before)}::uuid`);
    return `SELECT ${columns} ${from} WHERE ${conditions.join(' AND ')} ORDER BY ${id} ${window.backwards ? 'ASC' : 'DESC'}`;
  });
const all = { after: null, before: null, backwards: false };

/** A page, and how many there are in all for whoever asks that too. */
export type UserPage = Page<UserRow> & { readonly total: () => Promise<number> };

export const listUsers =
  ({ database }: { database: Database }) =>
  async (_caller: SignedInCaller, args: ListUsersArgs): Promise<UserPage> => {
    const window = windowOf(args);
    const asked = args.filter ?? {};
    if (asked.orgId && !isUuid(asked.orgId)) throw badRequest('filter.orgId is not an id.');
    const search = searchOf(asked.search, { byAddress: true });
    const roleId = asked.role ? (await findRole(database, asked.orgId?.toLowerCase() ?? null, asked.role))?.id : null;
    if (roleId === undefined) return { ...pageOf(window, [] as UserRow[]), total: async () => 0 };
    const filter = { ...asked, roleId };
    if (search !== null) {
      const rows = await searchUsers<UserRow>(database, userColumns, sourceOf(filter), search, window);
      return { ...pageOf(window, rows), total: () => countFound(database, sourceOf(filter), search) };
    }
    const { text, values } = walk(userColumns, filter, window);
    const rows = await database.run<UserRow>({ name: '', text: `${text} LIMIT ${window.size + 1}` }, values);
    return { ...pageOf(window, rows), total: () => countRows(database, walk('u.id', filter, all)) };
  };
