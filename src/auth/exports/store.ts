/** The exports' SQL. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import type { ExportRow } from './model.ts';

/** The queue's task that writes an export; its payload is the export's id. */
export const exportTask = 'export';

const columns =
  'id, kind, owner_id, session_id, format, status, visible, sees_addresses, rows, total, parts, cursor, created_at, expires_at';
export type NewExport = Omit<ExportRow, 'status' | 'rows' | 'parts' | 'cursor'>;
const insert =
  statement(`WITH made AS (INSERT INTO exports (id, kind, owner_id, session_id, format, visible, sees_addresses, total, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING ${columns}),
  queued AS (SELECT graphile_worker.add_job('${exportTask}', payload := json_build_object('id', id), queue_name := '${exportTask}', max_attempts := 8) FROM made)
  SELECT made.* FROM made, queued`);
/** Makes it, and queues the writing of it in the same transaction; one is written at a time, so that letters never wait for exports. */
export const insertExport = async (sql: Sql, made: NewExport): Promise<ExportRow> => {
  const { id, kind, owner_id, session_id, format, visible, sees_addresses, total, created_at, expires_at } = made;
  const values = [id, kind, owner_id, session_id, format, JSON.stringify(visible), sees_addresses, total, created_at, expires_at];
  return (await sql.run<ExportRow>(insert, values))[0] as ExportRow;
};

const one = statement(
  `SELECT ${columns}, (SELECT u.status = 'ACTIVE' FROM users u WHERE u.id = owner_id)
  AND EXISTS (SELECT 1 FROM sessions s WHERE s.id = session_id AND s.revoked_at IS NULL) AS active FROM exports WHERE id = $1`,
);
/** `active`: whether its owner is, and nobody has ended the session that asked for it. */
export const findExport = async (sql: Sql, id: string): Promise<(ExportRow & { active: boolean }) | undefined> =>
  (await sql.run<ExportRow & { active: boolean }>(one, [id]))[0];

const append = statement(`WITH mine AS (UPDATE exports SET parts = parts + 1, rows = rows + $4, cursor = coalesce($5, cursor), status = $6
    WHERE id = $1 AND parts = $2 AND status IN ('PENDING', 'RUNNING') RETURNING id)
  INSERT INTO export_parts (id, export_id, number, sealed) SELECT $3, mine.id, $2, $7 FROM mine RETURNING number`);
/** Writes part `number` where it is the next one; false where somebody else wrote it or the export is over. */
export const appendPart = async (
  sql: Sql,
  exportId: string,
  part: { number: number; id: string; rows: number; cursor: string | null; last: boolean; sealed: Buffer },
): Promise<boolean> => {
  const { number, id, rows, cursor, last, sealed } = part;
  return (await sql.run(append, [exportId, number, id, rows, cursor, last ? 'READY' : 'RUNNING', sealed])).length > 0;
};

const part = statement('SELECT id, sealed FROM export_parts WHERE export_id = $1 AND number = $2');
export const findPart = async (sql: Sql, exportId: string, number: number): Promise<{ id: string; sealed: Buffer } | undefined> =>
  (await sql.run<{ id: string; sealed: Buffer }>(part, [exportId, number]))[0];

const fail = statement(`UPDATE exports SET status = 'FAILED' WHERE status IN ('PENDING', 'RUNNING') AND created_at < $1`);
const empty = statement(
  `DELETE FROM export_parts p USING exports e WHERE e.id = p.export_id AND (e.expires_at <= $1 OR e.status = 'FAILED')`,
);
const forget = statement('DELETE FROM exports WHERE expires_at < $1');
/** What was not written in time has failed; what is over is emptied at once, and forgotten thirty days later. */
export const sweepExports = async (sql: Sql, now: Date, begunBefore: Date): Promise<void> => {
  await sql.run(fail, [begunBefore]);
  await sql.run(empty, [now]);
  await sql.run(forget, [new Date(now.getTime() - 30 * 86_400_000)]);
};
