/**
 * Everything held about a person (GDPR articles 15 and 20), but for secrets and what is made of them: digests, sealed values, tokens on their way.
 * The facts of the log are told beside it.
 */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';

/** Tables that hold something of a person, and why one is not in the copy. `test/auth/exports/personal.test.ts` holds this against the models. */
export const leftOut: Readonly<Record<string, string>> = {
  password_history: 'digests of former passwords',
  one_time_tokens: 'digests of links and codes on their way',
  oauth_states: 'digests of sign-ins that are on their way through a provider, over in minutes',
  mfa_challenges: 'a sign-in or a setup under way, over in minutes',
};

/** What is told of each table, in SQL, for the user $1. */
export const sections: Readonly<Record<string, string>> = {
  users: `SELECT id, email, email_verified_at AS "emailVerifiedAt", username, name, phone, phone_verified_at AS "phoneVerifiedAt", timezone, locale,
    avatar_url AS "avatarUrl", preferences, status, created_at AS "createdAt", updated_at AS "updatedAt", last_login_at AS "lastLoginAt" FROM users WHERE id = $1`,
  passwords: `SELECT changed_at AS "changedAt" FROM passwords WHERE user_id = $1`,
  sessions: `SELECT id, org_id AS "organizationId", client_id AS "clientId", created_at AS "createdAt", last_seen_at AS "lastSeenAt", expires_at AS "expiresAt",
    revoked_at AS "revokedAt", revoked_reason AS "revokedReason", persistent, amr, authenticated_at AS "authenticatedAt", ip_address AS "ipAddress",
    user_agent AS "userAgent", browser, os, country, device_name AS "deviceName", device_fingerprint AS "deviceFingerprint"
    FROM sessions WHERE user_id = $1 AND impersonator_id IS NULL ORDER BY id`,
  devices: `SELECT first_seen_at AS "firstSeenAt", last_seen_at AS "lastSeenAt" FROM devices WHERE user_id = $1 ORDER BY first_seen_at`,
  trusted_devices: `SELECT id, name, browser, os, created_at AS "createdAt", expires_at AS "expiresAt", last_used_at AS "lastUsedAt" FROM trusted_devices WHERE user_id = $1 ORDER BY id`,
  mfa_methods: `SELECT id, type, label, phone, created_at AS "createdAt", confirmed_at AS "confirmedAt", last_used_at AS "lastUsedAt" FROM mfa_methods WHERE user_id = $1 ORDER BY id`,
  mfa_backup_codes: `SELECT created_at AS "createdAt", used_at AS "usedAt" FROM mfa_backup_codes WHERE user_id = $1 ORDER BY id`,
  identities: `SELECT id, provider, issuer, subject, email, linked_at AS "linkedAt", last_used_at AS "lastUsedAt" FROM identities WHERE user_id = $1 ORDER BY id`,
  org_members: `SELECT m.org_id AS "organizationId", o.name AS organization, r.name AS role, m.joined_at AS "joinedAt" FROM org_members m
    JOIN organizations o ON o.id = m.org_id JOIN roles r ON r.id = m.role_id WHERE m.user_id = $1 ORDER BY m.org_id`,
  invitations: `SELECT i.org_id AS "organizationId", o.name AS organization, i.email, i.created_at AS "createdAt", i.expires_at AS "expiresAt", i.ended_at AS "endedAt" FROM invitations i
    JOIN organizations o ON o.id = i.org_id WHERE i.email_key = (SELECT email_key FROM users WHERE id = $1 AND email_verified_at IS NOT NULL) ORDER BY i.id`,
  role_assignments: `SELECT r.name AS role, a.org_id AS "organizationId", a.granted_at AS "grantedAt" FROM role_assignments a JOIN roles r ON r.id = a.role_id WHERE a.user_id = $1 ORDER BY a.id`,
  permission_grants: `SELECT permission, org_id AS "organizationId", resource, granted_at AS "grantedAt", expires_at AS "expiresAt", reason FROM permission_grants WHERE user_id = $1 ORDER BY id`,
  api_keys: `SELECT id, name, prefix, permissions, created_at AS "createdAt", expires_at AS "expiresAt", last_used_at AS "lastUsedAt" FROM api_keys WHERE user_id = $1 ORDER BY id`,
  trading_accounts: `SELECT id, broker, broker_user_id AS "brokerUserId", nickname, preferences, status, api_key_hint AS "apiKeyHint", linked_at AS "linkedAt",
    last_verified_at AS "lastVerifiedAt", credentials_rotated_at AS "credentialsRotatedAt", unlinked_at AS "unlinkedAt" FROM trading_accounts WHERE owner_id = $1 ORDER BY id`,
  trading_account_shares: `SELECT account_id AS "tradingAccountId", access, granted_at AS "grantedAt", expires_at AS "expiresAt" FROM trading_account_shares WHERE user_id = $1 ORDER BY account_id`,
  exports: `SELECT id, kind, format, rows, created_at AS "createdAt", expires_at AS "expiresAt" FROM exports WHERE owner_id = $1 ORDER BY id`,
};

const camel = (table: string): string => table.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
const about = statement(
  `SELECT jsonb_build_object(${Object.entries(sections)
    .map(([table, text]) => `'${camel(table)}', (SELECT coalesce(jsonb_agg(to_jsonb(told)), '[]') FROM (${text}) AS told)`)
    .join(', ')}) AS about`,
);
/** By table, in the words of the API, each a list. */
export const readPersonal = async (sql: Sql, userId: string): Promise<Record<string, unknown>> => {
  const [row] = await sql.run<{ about: Record<string, unknown> }>(about, [userId]);
  return row?.about ?? {};
};
