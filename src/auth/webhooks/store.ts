/** The SQL of endpoints. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import { isAfter, type Position } from '../audit/model.ts';
import { type Endpoint, failingDays, mostEndpoints } from './model.ts';

const shown = `w.id, w.org_id AS "orgId", w.url, w.types, w.disabled_at IS NULL AS enabled, w.created_at AS "createdAt"`;

const list = statement(`SELECT ${shown} FROM webhook_endpoints w WHERE w.org_id IS NOT DISTINCT FROM $1 ORDER BY w.id DESC`);
export const listEndpoints = (sql: Sql, orgId: string | null): Promise<Endpoint[]> => sql.run<Endpoint>(list, [orgId]);
const byId = statement(`SELECT ${shown} FROM webhook_endpoints w WHERE w.id = $1`);
export const findEndpoint = async (sql: Sql, id: string): Promise<Endpoint | undefined> => (await sql.run<Endpoint>(byId, [id]))[0];

const lockPlatform = statement(`SELECT pg_advisory_xact_lock(hashtext('webhooks of the platform'))`);
const lockThere = statement('SELECT 1 FROM organizations WHERE id = $1 FOR NO KEY UPDATE');
/** Held to the end of the transaction: who counts an owner's endpoints counts them alone. False where the organization is gone. */
export const lockOwner = async (sql: Sql, orgId: string | null): Promise<boolean> =>
  (await (orgId === null ? sql.run(lockPlatform) : sql.run(lockThere, [orgId]))).length > 0;

const insert = statement(`INSERT INTO webhook_endpoints AS w (id, org_id, url, types, sealed_secret, created_at)
  SELECT $1, $2, $3, $4, $5, $6 WHERE (SELECT count(*) FROM webhook_endpoints o WHERE o.org_id IS NOT DISTINCT FROM $2) < ${mostEndpoints}
  RETURNING ${shown}`);
export type NewEndpoint = { id: string; orgId: string | null; url: string; types: string[]; sealed: Buffer; at: Date };
/** Undefined where the owner, who is locked, has as many as there may be. */
export const insertEndpoint = async (sql: Sql, made: NewEndpoint): Promise<Endpoint | undefined> =>
  (await sql.run<Endpoint>(insert, [made.id, made.orgId, made.url, made.types, made.sealed, made.at]))[0];

const remove = statement('DELETE FROM webhook_endpoints WHERE id = $1 AND org_id IS NOT DISTINCT FROM $2 RETURNING id');
/** Of parallel deletions one does. */
export const deleteEndpoint = async (sql: Sql, id: string, orgId: string | null): Promise<boolean> =>
  (await sql.run(remove, [id, orgId])).length > 0;

const enabled = statement(`SELECT w.id, w.org_id AS "orgId", w.types FROM webhook_endpoints w
  WHERE w.disabled_at IS NULL AND (w.org_id IS NULL OR w.org_id = ANY($1::uuid[]))`);
/** Whom facts of these organizations may be for: theirs, and the platform's. */
export const listEnabled = (sql: Sql, orgIds: readonly string[]): Promise<Pick<Endpoint, 'id' | 'orgId' | 'types'>[]> =>
  sql.run(enabled, [orgIds]);
const any = statement('SELECT 1 FROM webhook_endpoints WHERE disabled_at IS NULL LIMIT 1');
export const anyEnabled = async (sql: Sql): Promise<boolean> => (await sql.run(any)).length > 0;

const healthy = statement('UPDATE webhook_endpoints SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL');
export const noteSuccess = async (sql: Sql, id: string): Promise<void> => {
  await sql.run(healthy, [id]);
};
const failing = statement(`UPDATE webhook_endpoints SET failing_since = coalesce(failing_since, $2),
    disabled_at = CASE WHEN $3 OR failing_since <= $2::timestamptz - interval '${failingDays} days' THEN $2 END
  WHERE id = $1 AND disabled_at IS NULL RETURNING disabled_at IS NOT NULL AS disabled`);
/** Whether that has disabled it: by `gone` at once, else after days of nothing but failures. */
export const noteFailure = async (sql: Sql, id: string, at: Date, gone: boolean): Promise<boolean> =>
  (await sql.run<{ disabled: boolean }>(failing, [id, at, gone]))[0]?.disabled ?? false;

const cursor = statement('SELECT tx::text, seq::text FROM webhook_cursor WHERE id = 1 FOR UPDATE SKIP LOCKED');
// What was committed before any of them was made is nobody's to be sent.
const beginning = statement(`SELECT pg_snapshot_xmin(w.created_snapshot)::text AS tx, '0' AS seq FROM webhook_endpoints w
  WHERE w.disabled_at IS NULL ORDER BY pg_snapshot_xmin(w.created_snapshot) LIMIT 1`);
/**
 * Up to where the log has been queued, held to the end of the transaction; undefined where another process has it, or where there is nobody to
 * queue for. The log of a while in which there was nobody is left out.
 */
export const takeCursor = async (sql: Sql): Promise<Position | undefined> => {
  const [queued] = await sql.run<Position>(cursor);
  const [begun] = queued ? await sql.run<Position>(beginning) : [];
  return queued && begun && (isAfter(begun, queued) ? begun : queued);
};
const move = statement('UPDATE webhook_cursor SET tx = $1::text::xid8, seq = $2 WHERE id = 1');
export const moveCursor = async (sql: Sql, { tx, seq }: Position): Promise<void> => {
  await sql.run(move, [tx, seq]);
};
