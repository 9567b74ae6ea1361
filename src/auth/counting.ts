/** How many rows a list has, at a price that does not grow with them: counted up to a bound, beyond it as PostgreSQL estimates. */
import type { Sql } from '../infra/ports.ts';

/** A query as it is built: its texts are of this house, its values are bound. */
export type Binder = (value: unknown) => string;
export type Query = { readonly text: string; readonly values: readonly unknown[] };
export const query = (write: (bind: Binder) => string): Query => {
  const values: unknown[] = [];
  return { text: write((value) => `$${values.push(value)}`), values };
};

/** Up to here a count is exact. */
export const exactUpTo = 10_000;

type Plan = { 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] };
/** How many rows PostgreSQL expects of the query, and more than `atLeast`: so many are known. */
export const estimate = async (sql: Sql, { text, values }: Query, atLeast: number): Promise<number> => {
  const [row] = await sql.run<Plan>({ name: '', text: `EXPLAIN (FORMAT JSON) ${text}` }, values);
  return Math.max(atLeast + 1, Math.round(row?.['QUERY PLAN'][0].Plan['Plan Rows'] ?? 0));
};

/** How many rows the query gives, counted no further than `most`. One in the order of an index is read from the index alone. */
export const countTo = async (sql: Sql, { text, values }: Query, most: number): Promise<number> => {
  const [row] = await sql.run<{ n: number }>(
    { name: '', text: `SELECT count(*)::int AS n FROM (${text} LIMIT ${Math.trunc(most)}) AS found` },
    values,
  );
  return row?.n ?? 0;
};

export const countRows = async (sql: Sql, rows: Query): Promise<number> => {
  const counted = await countTo(sql, rows, exactUpTo + 1);
  return counted <= exactUpTo ? counted : estimate(sql, rows, exactUpTo);
};
