/** A user's own figures. */
import type { Clock, Database } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';

export type UserDashboard = {
  activeSessions: number;
  tradingAccounts: number;
  organizations: number;
  unusedBackupCodes: number;
  lastLoginAt: Date | null;
  failedLogins30d: number;
  logins30d: { date: string; count: number }[];
};

const figures = statement(`
  WITH days AS (SELECT to_char(day, 'YYYY-MM-DD') AS day FROM generate_series($2::timestamptz - interval '29 days', $2::timestamptz, interval '1 day') AS day),
  happened AS (
    SELECT type, to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, count(*)::int AS n FROM audit_events
    WHERE subject_id = $1 AND type IN ('user.login', 'user.login_failed') AND id >= uuid_floor($2::timestamptz - interval '30 days') GROUP BY 1, 2)
  SELECT (SELECT count(*)::int FROM sessions WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2
      AND last_seen_at + idle_seconds * interval '1 second' > $2) AS "activeSessions",
    (SELECT count(*)::int FROM trading_accounts WHERE owner_id = $1 AND unlinked_at IS NULL) AS "tradingAccounts",
    (SELECT count(*)::int FROM org_members WHERE user_id = $1) AS "organizations",
    (SELECT count(*)::int FROM mfa_backup_codes WHERE user_id = $1 AND used_at IS NULL) AS "unusedBackupCodes",
    (SELECT last_login_at FROM users WHERE id = $1) AS "lastLoginAt",
    (SELECT coalesce(sum(h.n), 0)::int FROM days d JOIN happened h ON h.day = d.day AND h.type = 'user.login_failed') AS "failedLogins30d",
    (SELECT jsonb_agg(jsonb_build_object('date', d.day, 'count', coalesce(h.n, 0)) ORDER BY d.day)
      FROM days d LEFT JOIN happened h ON h.day = d.day AND h.type = 'user.login') AS "logins30d"`);

/** Thirty days of UTC, today's the last; a failed sign-in counts where it named this user. */
export const readDashboard =
  ({ database, clock }: { database: Database; clock: Clock }) =>
  async (userId: string): Promise<UserDashboard> =>
    (await database.run<UserDashboard>(figures, [userId, clock.now()]))[0] as UserDashboard;
