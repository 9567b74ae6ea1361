/** The log's SQL: how facts get in (in the statement or transaction of their change) and how consumers read them in commit order. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import type { CommittedFact, FactRow, Position } from './model.ts';

const columns =
  'id, type, occurred_at, outcome, actor_id, actor_client, impersonator_id, subject_id, org_id, session_id, resource, ip_address, user_agent, request_id, data';
const record = `f(id uuid, type text, occurred_at timestamptz, outcome audit_outcome, actor_id uuid, actor_client text, impersonator_id uuid,
  subject_id uuid, org_id uuid, session_id uuid, resource text, ip_address text, user_agent text, request_id text, data jsonb)`;

/**
 * The INSERT of the facts in JSON parameter `parameter`, to be a CTE of a room's own statement, so that change and fact are one.
 * With `person`, a relation with columns `user_id` and `session_id`: facts are written once for each of its rows (none: none), and
 * what a fact leaves open of actor, subject and session is taken from there.
 */
export const insertFacts = (parameter: string, person?: string): string =>
  person
    ? `INSERT INTO audit_events (${columns})
       SELECT f.id, f.type, f.occurred_at, f.outcome, coalesce(f.actor_id, p.user_id), f.actor_client, f.impersonator_id, coalesce(f.subject_id, p.user_id),
              f.org_id, coalesce(f.session_id, p.session_id), f.resource, f.ip_address, f.user_agent, f.request_id, f.data
       FROM jsonb_to_recordset(${parameter}::jsonb) AS ${record} CROSS JOIN ${person} AS p`
    : `INSERT INTO audit_events (${columns}) SELECT ${columns.replaceAll(/\b(\w+)/g, 'f.$1')} FROM jsonb_to_recordset(${parameter}::jsonb) AS ${record}`;

const insert = statement(insertFacts('$1'));
/** Writes facts in the transaction of `sql`. */
export const writeFacts = async (sql: Sql, facts: readonly FactRow[]): Promise<void> => {
  if (facts.length > 0) await sql.run(insert, [JSON.stringify(facts)]);
};

export const committedColumns = `id, tx::text, seq::text, type, occurred_at, outcome, actor_id, actor_client, impersonator_id, subject_id, org_id, session_id,
  resource, ip_address, user_agent, request_id, data`;

// Below the snapshot's xmin every transaction has ended, so none can still commit a fact between two that have been read:
// a sequence alone, or the time, would skip a late commit. `e.` in ORDER BY, because a bare name there is the output's text, and '10' < '9'.
const after = statement(
  `SELECT ${committedColumns} FROM audit_events e
   WHERE (e.tx, e.seq) > ($1::xid8, $2::bigint) AND e.tx < pg_snapshot_xmin(pg_current_snapshot())
   ORDER BY e.tx, e.seq LIMIT $3`,
);
/** At most `limit` facts after `position`, in commit order; never one that a later call could precede. */
export const readAfter = (sql: Sql, position: Position, limit: number): Promise<CommittedFact[]> =>
  sql.run<CommittedFact>(after, [position.tx, position.seq, limit]);

const end = statement('SELECT (pg_snapshot_xmin(pg_current_snapshot())::text::numeric - 1)::text AS tx');
/** The position after which everything is still to come: the end of what `readAfter` can give now. */
export const readEnd = async (sql: Sql): Promise<Position> => {
  const [row] = await sql.run<{ tx: string }>(end);
  return { tx: row?.tx ?? '0', seq: '9223372036854775807' };
};

const positionOf = statement('SELECT tx::text, seq::text FROM audit_events WHERE id = $1');
/** Where the fact `id` stands, or null where there is none. */
export const findPosition = async (sql: Sql, id: string): Promise<Position | null> =>
  (await sql.run<Position>(positionOf, [id]))[0] ?? null;

/** In SQL, the least id of what an organization keeps (`auditRetentionDays`); NULL: it keeps all. `org` and `at` name the parameters. */
export const leastKept = (org: string, at: string): string =>
  `(SELECT uuid_floor(${at}::timestamptz - make_interval(days => audit_retention_days)) FROM organizations WHERE id = ${org}::uuid)`;
const least = statement(`SELECT ${leastKept('$1', '$2')} AS id`);
/** The same, asked for by itself. */
export const findLeastKept = async (sql: Sql, orgId: string, now: Date): Promise<string | null> =>
  (await sql.run<{ id: string | null }>(least, [orgId, now]))[0]?.id ?? null;

const one = statement(`SELECT ${committedColumns} FROM audit_events e
  WHERE e.id = $1 AND ($2::uuid IS NULL OR (e.org_id = $2 AND e.id >= coalesce(${leastKept('$2', '$3')}, '00000000-0000-0000-0000-000000000000'::uuid)))`);
/** The fact, as long as it is kept; with `orgId` only one of that organization's. */
export const findFact = async (sql: Sql, id: string, orgId: string | null, now: Date): Promise<CommittedFact | null> =>
  (await sql.run<CommittedFact>(one, [id, orgId, now]))[0] ?? null;

const partitions = statement('SELECT audit_ensure_partitions($1, $2)');
/** Makes the month partitions from `start` on, so that facts of the coming months do not fall into the default one. */
export const ensurePartitions = async (sql: Sql, start: Date, months: number): Promise<void> => {
  await sql.run(partitions, [start, months]);
};
