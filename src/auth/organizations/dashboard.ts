/** An organization's figures, for its administrators. */
import type { Clock, Database } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';

export type DailyCount = { date: string; count: number };
export type Dashboard = {
  members: number;
  activeMembers30d: number;
  pendingInvitations: number;
  mfaAdoption: number;
  activeSessions: number;
  logins30d: DailyCount[];
  failedLogins30d: DailyCount[];
};

const figures = statement(`
  WITH who AS (SELECT user_id FROM org_members WHERE org_id = $1),
  days AS (SELECT to_char(day, 'YYYY-MM-DD') AS day FROM generate_series($2::timestamptz - interval '29 days', $2::timestamptz, interval '1 day') AS day),
  happened AS (
    SELECT e.type, to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, count(*)::int AS n
    FROM audit_events e JOIN who w ON w.user_id = e.subject_id
    WHERE e.type IN ('user.login', 'user.login_failed') AND e.id >= uuid_floor($2::timestamptz - interval '30 days') GROUP BY 1, 2)
  SELECT (SELECT count(*)::int FROM who) AS members,
    (SELECT count(DISTINCT s.user_id)::int FROM sessions s JOIN who w ON w.user_id = s.user_id WHERE s.last_seen_at > $2::timestamptz - interval '30 days') AS "activeMembers30d",
    (SELECT count(*)::int FROM invitations WHERE org_id = $1 AND ended_at IS NULL AND expires_at > $2) AS "pendingInvitations",
    (SELECT count(DISTINCT f.user_id)::int FROM mfa_methods f JOIN who w ON w.user_id = f.user_id WHERE f.confirmed_at IS NOT NULL) AS "withMfa",
    (SELECT count(*)::int FROM sessions s JOIN who w ON w.user_id = s.user_id WHERE s.revoked_at IS NULL AND s.expires_at > $2) AS "activeSessions",
    (SELECT jsonb_agg(jsonb_build_object('date', d.day, 'count', coalesce(h.n, 0)) ORDER BY d.day) FROM days d LEFT JOIN happened h ON h.day = d.day AND h.type = 'user.login') AS "logins30d",
    (SELECT jsonb_agg(jsonb_build_object('date', d.day, 'count', coalesce(h.n, 0)) ORDER BY d.day) FROM days d LEFT JOIN happened h ON h.day = d.day AND h.type = 'user.login_failed') AS "failedLogins30d"`);

/** Sign-ins are those of members, wherever they signed in to; days are UTC's, oldest first. */
export const readDashboard =
  ({ database, clock }: { database: Database; clock: Clock }) =>
  async (orgId: string): Promise<Dashboard> => {
    const [row] = await database.run<Omit<Dashboard, 'mfaAdoption'> & { withMfa: number }>(figures, [orgId, clock.now()]);
    const { withMfa, ...rest } = row!;
    return { ...rest, mfaAdoption: rest.members === 0 ? 0 : withMfa / rest.members };
  };
