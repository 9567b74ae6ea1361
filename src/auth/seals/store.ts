/** The SQL on sealed columns. The identifiers come from the rooms' own descriptions, never from outside. */
import type { Sql, Statement } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import { nameOf, type SealedColumn } from './model.ts';

export type StaleRow = { readonly key: string; readonly values: Readonly<Record<string, string>>; readonly sealed: Buffer };

const made = new Map<string, Statement>();
const once = (name: string, column: SealedColumn, text: () => string): Statement => {
  const id = `${name} ${nameOf(column)}`;
  const known = made.get(id) ?? statement(text());
  made.set(id, known);
  return known;
};
/** Under another master key than the current one, or of an older form. */
const isStale = (column: string): string =>
  `${column} IS NOT NULL AND substring(${column} from 1 for octet_length($1::bytea)) <> $1::bytea`;

/** The next rows by their key, from behind `after`, whose value does not begin with `head`. */
export const staleRows = async (sql: Sql, column: SealedColumn, head: Buffer, after: string | null, limit: number): Promise<StaleRow[]> => {
  const { table, key, keyType, needs } = column;
  const wanted = once('stale', column, () => {
    const values = [key, ...needs].map((name) => `'${name}', ${name}::text`).join(', ');
    return `SELECT ${key}::text AS key, jsonb_build_object(${values}) AS values, ${column.column} AS sealed FROM ${table}
      WHERE ${isStale(column.column)} AND ($2::text IS NULL OR ${key} > $2::text::${keyType}) ORDER BY ${key} LIMIT $3`;
  });
  return sql.run<StaleRow>(wanted, [head, after, limit]);
};

export const countStale = async (sql: Sql, column: SealedColumn, head: Buffer): Promise<number> => {
  const wanted = once('count', column, () => `SELECT count(*)::int AS n FROM ${column.table} WHERE ${isStale(column.column)}`);
  return (await sql.run<{ n: number }>(wanted, [head]))[0]?.n ?? 0;
};

/** Puts `fresh` where `old` still stands; whether it did: what somebody has written meanwhile stays. */
export const replaceSealed = async (sql: Sql, column: SealedColumn, key: string, old: Buffer, fresh: Buffer): Promise<boolean> => {
  const wanted = once('replace', column, () => {
    const { table, key: name, keyType } = column;
    return `UPDATE ${table} SET ${column.column} = $1 WHERE ${name} = $2::text::${keyType} AND ${column.column} = $3 RETURNING 1 AS done`;
  });
  return (await sql.run(wanted, [fresh, key, old])).length > 0;
};

export type InUse = { readonly column: string; readonly keyId: string; readonly values: number };
/** How many values name which master key. Bytes of an id that are no text come escaped. */
export const keysInUse = async (sql: Sql, column: SealedColumn): Promise<InUse[]> => {
  const { table, column: name } = column;
  const wanted = once('use', column, () => {
    const id = `CASE WHEN octet_length(${name}) > 2 THEN encode(substring(${name} from 3 for get_byte(${name}, 1)), 'escape') ELSE '' END`;
    return `SELECT ${id} AS "keyId", count(*)::int AS values FROM ${table} WHERE ${name} IS NOT NULL GROUP BY 1 ORDER BY 1`;
  });
  return (await sql.run<{ keyId: string; values: number }>(wanted)).map((row) => ({ column: nameOf(column), ...row }));
};
