/**
 * What caches must hear of, read straight from the log: without regard to commit order, a little again and again. Hearing a fact twice
 * does no harm here, and a transaction somewhere that stays open for long (and holds back commit order) cannot delay it.
 */
import type { Clock, Database } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';

/** How far back each look reaches: longer than any of our transactions may take (statement_timeout, 10 s) and clocks may differ. */
const overlapMs = 15_000;
export const newsTypes = [
  'session.revoked',
  'session.expired',
  'role.assigned',
  'role.unassigned',
  'role.updated',
  'permission.granted',
  'permission.revoked',
  'organization.updated',
  'organization.member_added',
  'organization.member_role_changed',
  'organization.member_removed',
  'organization.ownership_transferred',
  'organization.recovered',
  'user.verified',
  'user.deleted',
  'user.activated',
  'user.deactivated',
  'key.rotated',
  'service_client.deleted',
  'service_client.token_revoked',
  'api_key.deleted',
] as const;
export type News = {
  id: string;
  type: (typeof newsTypes)[number];
  subject_id: string | null;
  session_id: string | null;
  org_id: string | null;
  resource: string | null;
};

const recent = statement(
  'SELECT id, type, subject_id, session_id, org_id, resource FROM audit_events WHERE type = ANY($1::text[]) AND id >= uuid_floor($2::timestamptz)',
);
/** Each look gives what came since the one before it, and `overlapMs` more; a process that could not look for a while misses nothing. */
export const readNews = ({ database, clock }: { database: Database; clock: Clock }) => {
  let lookedAt = clock.now().getTime();
  return async (): Promise<News[]> => {
    const now = clock.now().getTime();
    const news = await database.run<News>(recent, [newsTypes, new Date(Math.min(lookedAt, now) - overlapMs)]);
    lookedAt = now;
    return news;
  };
};
