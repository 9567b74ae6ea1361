/** The seals' SQL. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import type { CommittedFact, Position } from './model.ts';
import type { Seal } from './seal.ts';
import { committedColumns } from './store.ts';

type Row = {
  number: string;
  events: number;
  total: string;
  until_tx: string;
  until_seq: string;
  first_at: Date;
  last_at: Date;
  entries: Buffer;
  root: Buffer;
  previous: Buffer | null;
  kid: string;
  signature: Buffer;
  sealed_at: Date;
};
const sealFrom = (row: Row): Seal => ({
  number: Number(row.number),
  events: row.events,
  total: Number(row.total),
  until: { tx: row.until_tx, seq: row.until_seq },
  firstAt: row.first_at,
  lastAt: row.last_at,
  sealedAt: row.sealed_at,
  entries: row.entries,
  root: row.root,
  previous: row.previous,
  kid: row.kid,
  signature: row.signature,
});
const columns =
  'number, events, total, until_tx::text, until_seq::text, first_at, last_at, entries, root, previous, kid, signature, sealed_at';

const last = statement(`SELECT ${columns} FROM audit_seals ORDER BY number DESC LIMIT 1`);
export const findLastSeal = async (sql: Sql): Promise<Seal | null> => {
  const [row] = await sql.run<Row>(last);
  return row ? sealFrom(row) : null;
};

const one = statement(`SELECT ${columns} FROM audit_seals WHERE number = $1`);
export const findSeal = async (sql: Sql, number: number): Promise<Seal | null> => {
  const [row] = await sql.run<Row>(one, [number]);
  return row ? sealFrom(row) : null;
};

const insert =
  statement(`INSERT INTO audit_seals (number, events, total, until_tx, until_seq, first_at, last_at, entries, root, previous, kid, signature, sealed_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (number) DO NOTHING RETURNING number`);
/** False where another process has made this seal meanwhile. */
export const insertSeal = async (sql: Sql, seal: Seal): Promise<boolean> => {
  const { number, events, total, until, firstAt, lastAt, entries, root, previous, kid, signature, sealedAt } = seal;
  const values = [number, events, total, until.tx, until.seq, firstAt, lastAt, entries, root, previous, kid, signature, sealedAt];
  return (await sql.run(insert, values)).length > 0;
};

// By the first seal that has something of the range, and the last: clocks differ, so that the times of seals need not rise with their numbers.
const bounds = statement(`SELECT (SELECT min(number) FROM audit_seals WHERE last_at >= $1)::text AS first,
  (SELECT max(number) FROM audit_seals WHERE first_at < $2)::text AS last, (SELECT max(number) FROM audit_seals)::text AS newest`);
/**
 * By what the seals say of their times: the one before all that have facts at `from` or later, the one behind all that have facts before `to` (null:
 * none), and the newest.
 */
export const findBounds = async (
  sql: Sql,
  from: Date | null,
  to: Date | null,
): Promise<{ before: number | null; after: number | null; newest: number }> => {
  const [row] = await sql.run<Record<'first' | 'last' | 'newest', string | null>>(bounds, [from, to]);
  const newest = Number(row?.newest ?? 0);
  const before = from ? Number(row?.first ?? newest + 1) - 1 : 0;
  const after = to ? Number(row?.last ?? 0) + 1 : newest + 1;
  return { before: before > 0 ? before : null, after: after <= newest ? after : null, newest };
};

const within = statement(
  `SELECT ${committedColumns} FROM audit_events e WHERE (e.tx, e.seq) > ($1::xid8, $2::bigint) AND (e.tx, e.seq) <= ($3::xid8, $4::bigint)
   ORDER BY e.tx, e.seq LIMIT $5`,
);
/** At most `limit` facts after `after` up to `until`, in commit order. */
export const readWithin = (sql: Sql, after: Position, until: Position, limit: number): Promise<CommittedFact[]> =>
  sql.run<CommittedFact>(within, [after.tx, after.seq, until.tx, until.seq, limit]);
