/**
 * People found by how an address, a username or a name begins, in this order, each once. A page is a walk along the index of one of them after
 * the other, as long as the page; whom an earlier one has shown is passed over, so that only the page after the last address reads more.
 */
import type { Sql } from '../../infra/ports.ts';
import { badRequest } from '../access/denial.ts';
import { type Binder, countTo, estimate, type Query, query } from '../counting.ts';
import type { PageWindow } from '../paging.ts';
import { emailKey } from './model.ts';

/** What a text is compared with, in this order; a user whom two of them fit is found by the first. `u` is the table of users. */
const keys = ['u.email_key', 'u.username_key', 'lower(u.name)'] as const;
const longest = 254;
/** Up to here a count of what is found is exact: some of it has to be read from the table. */
const exactUpTo = 1_000;

/** Who is searched: FROM and what follows, with the users as `u`, and conditions. Only texts of this house reach the SQL. */
export type Source = (bind: Binder) => { from: string; conditions: string[] };

/** What is looked for, and what it is compared with. */
export type Search = { readonly prefix: string; readonly keys: readonly string[] };
/**
 * Null where nothing is looked for; throws the denial BAD_REQUEST. `byAddress`: only for whom addresses are shown to, since a search that grows
 * letter by letter spells them.
 */
export const searchOf = (search: string | null | undefined, { byAddress }: { byAddress: boolean }): Search | null => {
  const text = search?.trim() ?? '';
  if (text === '') return null;
  if (text.length > longest || text.includes('\0') || !text.isWellFormed())
    throw badRequest(`filter.search has at most ${longest} characters.`);
  return { prefix: emailKey(text), keys: byAddress ? keys : keys.slice(1) };
};
const like = (prefix: string): string => `${prefix.replaceAll(/[\\%_]/g, '\\$&')}%`;

/** `index`: the key that is walked; `beyond`: the place in it that is passed already. */
type Leg = Search & { index: number; beyond: { key: string; id: string } | null };

const legQuery = (columns: string, source: Source, { index, prefix, keys, beyond }: Leg, backwards: boolean): Query =>
  query((bind) => {
    const { from, conditions } = source(bind);
    const [key, pattern] = [keys[index] as string, bind(like(prefix))];
    const earlier = keys.slice(0, index).map((other) => `(${other} LIKE ${pattern}) IS NOT TRUE`);
    const all = [`u.status <> 'DELETED'`, ...conditions, `${key} LIKE ${pattern}`, ...earlier];
    // ~>~ compares as the index is ordered, byte by byte.
    if (beyond) {
      const [at, id] = [bind(beyond.key), bind(beyond.id)];
      const [past, same] = backwards ? ['~<~', '<'] : ['~>~', '>'];
      all.push(`${key} ~${backwards ? '<' : '>'}=~ ${at}`, `(${key} ${past} ${at} OR u.id ${same} ${id}::uuid)`);
    }
    const order = backwards ? `${key} USING ~>~, u.id DESC` : `${key} USING ~<~, u.id`;
    return `SELECT ${columns} ${from} WHERE ${all.join(' AND ')} ORDER BY ${order}`;
  });

/** Where the user of a cursor stands; throws the denial BAD_REQUEST where the search no longer finds it. */
const placeOf = async (sql: Sql, { prefix, keys }: Search, id: string): Promise<Leg> => {
  const text = `SELECT ${keys.map((key, at) => `${key} AS k${at}`).join(', ')} FROM users u WHERE u.id = $1`;
  const [row] = await sql.run<Record<string, string | null>>({ name: '', text }, [id]);
  const index = keys.findIndex((_, at) => row?.[`k${at}`]?.startsWith(prefix));
  const key = row?.[`k${index}`];
  if (key == null) throw badRequest('after or before is no cursor of this search any more: begin anew.');
  return { index, prefix, keys, beyond: { key, id } };
};

/** The rows of a page and one more, in the window's direction. */
export const searchUsers = async <Row>(sql: Sql, columns: string, source: Source, search: Search, window: PageWindow): Promise<Row[]> => {
  if (window.after && window.before) throw badRequest('With filter.search give after or before, not both.');
  // Between a cursor and the other end: first after, last before. The rest of the specification would read what is not shown.
  if (window.backwards ? window.after : window.before) throw badRequest('With filter.search give first and after, or last and before.');
  const cursor = window.after ?? window.before;
  const step = window.backwards ? -1 : 1;
  const start = window.backwards ? search.keys.length - 1 : 0;
  const rows: Row[] = [];
  let leg: Leg = cursor ? await placeOf(sql, search, cursor) : { ...search, index: start, beyond: null };
  while (rows.length <= window.size && search.keys[leg.index]) {
    const { text, values } = legQuery(columns, source, leg, window.backwards);
    rows.push(...(await sql.run<Row>({ name: '', text: `${text} LIMIT ${window.size + 1 - rows.length}` }, values)));
    leg = { ...search, index: leg.index + step, beyond: null };
  }
  return rows;
};

/** How many there are: exact up to a bound, beyond it as PostgreSQL estimates. */
export const countFound = async (sql: Sql, source: Source, search: Search): Promise<number> => {
  const { prefix, keys } = search;
  let counted = 0;
  for (let index = 0; index < keys.length && counted <= exactUpTo; index += 1)
    counted += await countTo(sql, legQuery('u.id', source, { ...search, index, beyond: null }, false), exactUpTo + 1 - counted);
  if (counted <= exactUpTo) return counted;
  const any = query((bind) => {
    const { from, conditions } = source(bind);
    const pattern = bind(like(prefix));
    const found = `(${keys.map((key) => `${key} LIKE ${pattern}`).join(' OR ')})`;
    return `SELECT u.id ${from} WHERE ${[`u.status <> 'DELETED'`, ...conditions, found].join(' AND ')}`;
  });
  return estimate(sql, any, exactUpTo);
};
