/**
 * Pages of users: each is a walk along one index, as long as the page whatever the number of users. Newest first; with `search` in the
 * order of what was found: by address, then by username, then by name, each user once.
 */
import type { Database, Sql } from '../../infra/ports.ts';
import { badRequest } from '../access/denial.ts';
import type { SignedInCaller } from '../caller.ts';
import { isUuid, type Page, type PageArgs, type PageWindow, pageOf, windowOf } from '../paging.ts';
import { emailKey, type UserStatus } from '../users/model.ts';
import { type UserRow, userColumns } from '../users/read.ts';

export type UserFilter = {
  search?: string | null;
  status?: UserStatus | null;
  role?: string | null;
  orgId?: string | null;
  createdAfter?: Date | null;
  createdBefore?: Date | null;
};
export type ListUsersArgs = PageArgs & { filter?: UserFilter | null };

/** What `search` is compared with, in this order; a user whom two of them fit is found by the first. */
const keys = ['u.email_key', 'u.username_key', 'lower(u.name)'] as const;
const longestSearch = 254;

type Binder = (value: unknown) => string;
const like = (prefix: string): string => `${prefix.replaceAll(/[\\%_]/g, '\\$&')}%`;

/** The prefix looked for, or null where there is none; throws the denial BAD_REQUEST. */
const prefixOf = (filter: UserFilter): string | null => {
  const text = filter.search?.trim() ?? '';
  if (text === '') return null;
  if (text.length > longestSearch || text.includes('\0') || !text.isWellFormed())
    throw badRequest(`filter.search has at most ${longestSearch} characters.`);
  return emailKey(text);
};

/** The FROM and the conditions that a filter comes to. Only texts of this file reach the SQL. */
const sourceOf = (filter: UserFilter, bind: Binder): { from: string; conditions: string[] } => {
  const conditions = [`u.status <> 'DELETED'`];
  if (filter.status) conditions.push(`u.status = ${bind(filter.status)}::user_status`);
  // The id's time is the account's.
  if (filter.createdAfter) conditions.push(`u.id >= uuid_floor(${bind(filter.createdAfter)}::timestamptz)`);
  if (filter.createdBefore) conditions.push(`u.id < uuid_floor(${bind(filter.createdBefore)}::timestamptz)`);
  if (filter.orgId) {
    conditions.push(`a.org_id = ${bind(filter.orgId)}::uuid`);
    if (filter.role) conditions.push(`EXISTS (SELECT 1 FROM roles r WHERE r.id = a.role_id AND r.name = ${bind(filter.role)})`);
    return { from: 'org_members a JOIN users u ON u.id = a.user_id', conditions };
  }
  if (!filter.role) return { from: 'users u', conditions };
  const role = `(SELECT id FROM roles WHERE name = ${bind(filter.role)} AND org_id IS NULL)`;
  return {
    from: 'role_assignments a JOIN users u ON u.id = a.user_id',
    conditions: [...conditions, `a.role_id = ${role}`, 'a.org_id IS NULL'],
  };
};

/** `at`: the leg of `search` that is walked, and the place in it that is passed already. */
type Leg = { index: number; prefix: string; beyond: { key: string; id: string } | null };

const readLeg = (sql: Sql, filter: UserFilter, { index, prefix, beyond }: Leg, window: PageWindow, limit: number): Promise<UserRow[]> => {
  const values: unknown[] = [];
  const bind: Binder = (value) => `$${values.push(value)}`;
  const { from, conditions } = sourceOf(filter, bind);
  const [key, pattern] = [keys[index] as string, bind(like(prefix))];
  conditions.push(`${key} LIKE ${pattern}`, ...keys.slice(0, index).map((earlier) => `(${earlier} LIKE ${pattern}) IS NOT TRUE`));
  const order = window.backwards ? 'DESC' : 'ASC';
  // ~>~ compares as the index is ordered, byte by byte.
  if (beyond) {
    const [at, id] = [bind(beyond.key), bind(beyond.id)];
    const past = window.backwards ? '~<~' : '~>~';
    const same = window.backwards ? '<' : '>';
    conditions.push(`${key} ~${window.backwards ? '<' : '>'}=~ ${at}`, `(${key} ${past} ${at} OR u.id ${same} ${id}::uuid)`);
  }
  const text = `SELECT ${userColumns} FROM ${from} WHERE ${conditions.join(' AND ')}
    ORDER BY ${key} USING ${window.backwards ? '~>~' : '~<~'}, u.id ${order} LIMIT ${bind(limit)}::int`;
  return sql.run<UserRow>({ name: '', text }, values);
};

/** Where the user of a cursor stands; throws the denial BAD_REQUEST where the search no longer finds it. */
const placeOf = async (sql: Sql, prefix: string, id: string): Promise<Leg> => {
  const text = `SELECT ${keys.map((key, at) => `${key} AS k${at}`).join(', ')} FROM users u WHERE u.id = $1`;
  const [row] = await sql.run<Record<string, string | null>>({ name: '', text }, [id]);
  const index = keys.findIndex((_, at) => row?.[`k${at}`]?.startsWith(prefix));
  const key = row?.[`k${index}`];
  if (key == null) throw badRequest('after or before is no cursor of this search any more: begin anew.');
  return { index, prefix, beyond: { key, id } };
};

const search = async (sql: Sql, filter: UserFilter, prefix: string, window: PageWindow): Promise<UserRow[]> => {
  if (window.after && window.before) throw badRequest('With filter.search give after or before, not both.');
  // Between a cursor and the other end: first after, last before. The rest of the specification would read what is not shown.
  if (window.backwards ? window.after : window.before) throw badRequest('With filter.search give first and after, or last and before.');
  const cursor = window.after ?? window.before;
  const step = window.backwards ? -1 : 1;
  const start = window.backwards ? keys.length - 1 : 0;
  const rows: UserRow[] = [];
  let leg: Leg = cursor ? await placeOf(sql, prefix, cursor) : { index: start, prefix, beyond: null };
  while (rows.length <= window.size && keys[leg.index]) {
    rows.push(...(await readLeg(sql, filter, leg, window, window.size + 1 - rows.length)));
    leg = { index: leg.index + step, prefix, beyond: null };
  }
  return rows;
};

const walk = (sql: Sql, filter: UserFilter, window: PageWindow): Promise<UserRow[]> => {
  const values: unknown[] = [];
  const bind: Binder = (value) => `$${values.push(value)}`;
  const { from, conditions } = sourceOf(filter, bind);
  const id = filter.role || filter.orgId ? 'a.user_id' : 'u.id';
  if (window.after) conditions.push(`${id} < ${bind(window.after)}::uuid`);
  if (window.before) conditions.push(`${id} > ${bind(window.before)}::uuid`);
  const order = window.backwards ? 'ASC' : 'DESC';
  const text = `SELECT ${userColumns} FROM ${from} WHERE ${conditions.join(' AND ')} ORDER BY ${id} ${order} LIMIT ${bind(window.size + 1)}::int`;
  return sql.run<UserRow>({ name: '', text }, values);
};

const count = async (sql: Sql, filter: UserFilter, prefix: string | null): Promise<number> => {
  const values: unknown[] = [];
  const bind: Binder = (value) => `$${values.push(value)}`;
  const { from, conditions } = sourceOf(filter, bind);
  const pattern = prefix === null ? null : bind(like(prefix));
  if (pattern) conditions.push(`(${keys.map((key) => `${key} LIKE ${pattern}`).join(' OR ')})`);
  const [row] = await sql.run<{ n: number }>(
    { name: '', text: `SELECT count(*)::int AS n FROM ${from} WHERE ${conditions.join(' AND ')}` },
    values,
  );
  return row?.n ?? 0;
};

/** A page, and how many there are in all for whoever asks that too. */
export type UserPage = Page<UserRow> & { readonly total: () => Promise<number> };

export const listUsers =
  ({ database }: { database: Database }) =>
  async (_caller: SignedInCaller, args: ListUsersArgs): Promise<UserPage> => {
    const window = windowOf(args);
    const filter = args.filter ?? {};
    if (filter.orgId && !isUuid(filter.orgId)) throw badRequest('filter.orgId is not an id.');
    const prefix = prefixOf(filter);
    const rows = prefix === null ? await walk(database, filter, window) : await search(database, filter, prefix, window);
    return { ...pageOf(window, rows), total: () => count(database, filter, prefix) };
  };
