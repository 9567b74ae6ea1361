/** The SQL of deliveries: how they are queued, given to a worker for a while, and done with. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import type { Delivery } from './model.ts';

const shown = `d.id, d.event_id AS "eventId", d.type, d.attempt, d.status_code AS "statusCode", d.error, d.duration_ms AS "durationMs", d.at,
  CASE WHEN w.disabled_at IS NULL THEN d.next_attempt_at END AS "nextAttemptAt"`;

const queue = statement(`INSERT INTO webhook_deliveries (id, endpoint_id, event_id, type, at, next_attempt_at)
  SELECT n.id, w.id, n."eventId", n.type, $2, $2 FROM jsonb_to_recordset($1::jsonb) AS n(id uuid, "endpointId" uuid, "eventId" uuid, type text, tx text)
  JOIN webhook_endpoints w ON w.id = n."endpointId" AND w.disabled_at IS NULL AND NOT pg_visible_in_snapshot(n.tx::xid8, w.created_snapshot)
  ON CONFLICT (endpoint_id, event_id) DO NOTHING RETURNING id`);
export type NewDelivery = { id: string; endpointId: string; eventId: string; type: string; tx: string };
/** For endpoints that are enabled, and of facts that were committed after they were made; how many. */
export const queueDeliveries = async (sql: Sql, deliveries: readonly NewDelivery[], at: Date): Promise<number> =>
  deliveries.length === 0 ? 0 : (await sql.run(queue, [JSON.stringify(deliveries), at])).length;

/** A delivery that a worker has, with what it needs of the endpoint. `dueAt` is what the row said. */
export type Claim = {
  id: string;
  lease: string;
  eventId: string;
  attempt: number;
  dueAt: Date;
  endpointId: string;
  orgId: string | null;
  url: string;
  sealed: Buffer;
  failing: boolean;
};
/** What stands for the platform where owners are counted. */
const platform = 'platform';
export const ownerOf = ({ orgId }: Pick<Claim, 'orgId'>): string => orgId ?? platform;

/** Distinct endpoints of `condition`'s rows, one step along the index for each, however many rows there are. */
const endpointsOf = (condition: string, index = '') => `RECURSIVE found AS (
  (SELECT endpoint_id FROM webhook_deliveries WHERE ${condition} ORDER BY endpoint_id${index} LIMIT 1)
  UNION ALL SELECT (SELECT d.endpoint_id FROM webhook_deliveries d WHERE ${condition} AND d.endpoint_id > f.endpoint_id ORDER BY d.endpoint_id${index} LIMIT 1)
  FROM found f WHERE f.endpoint_id IS NOT NULL)`;

// The limits of each endpoint and each owner are what keeps slow ones from taking all; chance, that of many no few always come first; SKIP LOCKED, that two workers
// do not take one row.
const claim = statement(`WITH ${endpointsOf('next_attempt_at IS NOT NULL')}, ready AS (
    SELECT d.id, coalesce(w.org_id::text, '${platform}') AS owner FROM (SELECT w.id, w.org_id FROM found f JOIN webhook_endpoints w ON w.id = f.endpoint_id
      AND w.disabled_at IS NULL AND (w.failing_since IS NOT NULL) = $1 ORDER BY random()) AS w
    CROSS JOIN LATERAL (SELECT id FROM webhook_deliveries WHERE endpoint_id = w.id AND next_attempt_at <= $2 AND (leased_until IS NULL OR leased_until <= $2)
      ORDER BY next_attempt_at LIMIT greatest(0, $3::int - coalesce(($4::jsonb ->> w.id::text)::int, 0)) FOR UPDATE SKIP LOCKED) AS d LIMIT 4 * $5), due AS (
    SELECT id FROM (SELECT id, owner, row_number() OVER (PARTITION BY owner) AS place FROM ready) AS placed
      WHERE place <= $8::int - coalesce(($9::jsonb ->> owner)::int, 0) LIMIT $5)
  UPDATE webhook_deliveries d SET lease = $6, leased_until = $7 FROM due, webhook_endpoints w WHERE d.id = due.id AND w.id = d.endpoint_id
  RETURNING d.id, d.lease, d.event_id AS "eventId", d.attempt, d.next_attempt_at AS "dueAt", d.endpoint_id AS "endpointId", w.org_id AS "orgId", w.url,
    w.sealed_secret AS sealed, w.failing_since IS NOT NULL AS failing`);
export type ClaimRequest = {
  /** Of endpoints that fail, or of the others. */
  failing: boolean;
  now: Date;
  /** At work at once for one endpoint, those of `running` (by endpoint) included. */
  perEndpoint: number;
  running: Readonly<Record<string, number>>;
  /** The same for all endpoints of one owner; `owners` by `ownerOf`. */
  perOwner: number;
  owners: Readonly<Record<string, number>>;
  room: number;
  lease: string;
  until: Date;
};
/** What is due, for the holder of `lease` alone until `until`. */
export const claimDue = (sql: Sql, asked: ClaimRequest): Promise<Claim[]> =>
  sql.run<Claim>(claim, [
    asked.failing,
    asked.now,
    asked.perEndpoint,
    JSON.stringify(asked.running),
    asked.room,
    asked.lease,
    asked.until,
    asked.perOwner,
    JSON.stringify(asked.owners),
  ]);

// What somebody has asked to be sent again meanwhile stays due.
const finish = statement(`UPDATE webhook_deliveries SET attempt = attempt + 1, status_code = $3, error = $4, duration_ms = $5, at = $6,
    next_attempt_at = CASE WHEN next_attempt_at = $8 THEN $7 ELSE next_attempt_at END, lease = NULL, leased_until = NULL
  WHERE id = $1 AND lease = $2 RETURNING id`);
export type Finished = {
  statusCode: number | null;
  error: string | null;
  durationMs: number;
  at: Date;
  nextAttemptAt: Date | null;
};
/** False where the lease was over and somebody else has it. */
export const finishDelivery = async (sql: Sql, { id, lease, dueAt }: Claim, done: Finished): Promise<boolean> =>
  (await sql.run(finish, [id, lease, done.statusCode, done.error, done.durationMs, done.at, done.nextAttemptAt, dueAt])).length > 0;

const giveBack = statement(
  `UPDATE webhook_deliveries SET lease = NULL, leased_until = NULL, next_attempt_at = $3 WHERE id = $1 AND lease = $2`,
);
/** Nothing was tried: it is due again at `at`. */
export const giveBackDelivery = async (sql: Sql, { id, lease }: Claim, at: Date): Promise<void> => {
  await sql.run(giveBack, [id, lease, at]);
};

const page = statement(`SELECT ${shown} FROM webhook_deliveries d JOIN webhook_endpoints w ON w.id = d.endpoint_id
  WHERE d.endpoint_id = $1 AND ($2::uuid IS NULL OR d.id < $2) AND ($3::uuid IS NULL OR d.id > $3) ORDER BY d.id DESC LIMIT $4`);
const pageBack = statement(`SELECT ${shown} FROM webhook_deliveries d JOIN webhook_endpoints w ON w.id = d.endpoint_id
  WHERE d.endpoint_id = $1 AND ($2::uuid IS NULL OR d.id < $2) AND ($3::uuid IS NULL OR d.id > $3) ORDER BY d.id LIMIT $4`);
export type Between = { older: string | null; newer: string | null; backwards: boolean; limit: number };
/** An endpoint's deliveries, newest first (`backwards`: oldest first). */
export const readDeliveries = (sql: Sql, endpointId: string, { older, newer, backwards, limit }: Between): Promise<Delivery[]> =>
  sql.run<Delivery>(backwards ? pageBack : page, [endpointId, older, newer, limit]);

export type Placed = { eventId: string; endpointId: string; orgId: string | null; url: string };
const place = statement(`SELECT d.event_id AS "eventId", w.id AS "endpointId", w.org_id AS "orgId", w.url
  FROM webhook_deliveries d JOIN webhook_endpoints w ON w.id = d.endpoint_id WHERE d.id = $1 AND w.disabled_at IS NULL`);
/** Whose a delivery is, of an endpoint that is enabled. */
export const findDelivery = async (sql: Sql, id: string): Promise<Placed | undefined> => (await sql.run<Placed>(place, [id]))[0];
const again = statement(`UPDATE webhook_deliveries d SET next_attempt_at = $3 FROM webhook_endpoints w
  WHERE d.id = $1 AND w.id = d.endpoint_id AND w.org_id IS NOT DISTINCT FROM $2 AND w.disabled_at IS NULL RETURNING ${shown}`);
/** Makes it due at once; undefined where the endpoint is gone or disabled. */
export const requeueDelivery = async (sql: Sql, id: string, orgId: string | null, at: Date): Promise<Delivery | undefined> =>
  (await sql.run<Delivery>(again, [id, orgId, at]))[0];

const waiting = statement(
  `SELECT count(*)::int AS n FROM (SELECT 1 FROM webhook_deliveries WHERE next_attempt_at IS NOT NULL LIMIT 10000) AS some`,
);
/** Deliveries that are still to be made, counted to ten thousand. */
export const countWaiting = async (sql: Sql): Promise<number> => (await sql.run<{ n: number }>(waiting))[0]?.n ?? 0;

const batch = 5_000;
const old = statement(`DELETE FROM webhook_deliveries WHERE id IN
  (SELECT id FROM webhook_deliveries WHERE id < uuid_floor($1::timestamptz) ORDER BY id LIMIT ${batch}) RETURNING id`);
const orphaned = statement(`WITH ${endpointsOf('true', ', id')} DELETE FROM webhook_deliveries WHERE id IN (
    SELECT d.id FROM found f JOIN webhook_deliveries d ON d.endpoint_id = f.endpoint_id
    WHERE NOT EXISTS (SELECT 1 FROM webhook_endpoints w WHERE w.id = f.endpoint_id) LIMIT ${batch}) RETURNING id`);
const silenced =
  statement(`WITH ${endpointsOf('next_attempt_at IS NOT NULL')} UPDATE webhook_deliveries SET next_attempt_at = NULL WHERE id IN (
    SELECT d.id FROM found f JOIN webhook_endpoints w ON w.id = f.endpoint_id AND w.disabled_at IS NOT NULL
    JOIN webhook_deliveries d ON d.endpoint_id = w.id AND d.next_attempt_at IS NOT NULL LIMIT ${batch}) RETURNING id`);
/** Removes deliveries older than `before` and those of endpoints that are gone; what waits for a disabled one waits no more. */
export const sweepDeliveries = async (sql: Sql, before: Date): Promise<void> => {
  for (const [wanted, values] of [
    [old, [before]],
    [orphaned, []],
    [silenced, []],
  ] as const)
    for (;;) if ((await sql.run(wanted, values)).length < batch) break;
};
