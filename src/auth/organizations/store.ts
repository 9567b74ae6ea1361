/** The organizations' SQL; whatever changes members holds the organization's row first. */
import type { Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import type { RoleRow } from '../access/role-store.ts';
import type { Invitation, Organization, Settings } from './model.ts';

const columns = `o.id, o.name, o.slug, o.created_at AS "createdAt", o.require_mfa AS "requireMfa", o.max_sessions_per_user AS "maxSessionsPerUser",
  coalesce(o.allowed_email_domains, '{}') AS "allowedEmailDomains", o.session_idle_seconds AS "sessionIdleSeconds", o.audit_retention_days AS "auditRetentionDays"`;

const byIds = statement(`SELECT ${columns} FROM organizations o WHERE o.id = ANY($1::uuid[])`);
export const findOrganizations = (sql: Sql, ids: readonly string[]): Promise<Organization[]> => sql.run<Organization>(byIds, [ids]);
const bySlug = statement(`SELECT ${columns} FROM organizations o WHERE o.slug = $1`);
export const findBySlug = async (sql: Sql, slug: string): Promise<Organization | undefined> =>
  (await sql.run<Organization>(bySlug, [slug]))[0];

const insert =
  statement(`INSERT INTO organizations (id, name, slug, created_at, updated_at, allowed_email_domains) VALUES ($1, $2, $3, $4, $4, '{}')
  ON CONFLICT (slug) DO NOTHING RETURNING id`);
/** Whether the slug was free. */
export const insertOrganization = async (sql: Sql, org: { id: string; name: string; slug: string; at: Date }): Promise<boolean> =>
  (await sql.run(insert, [org.id, org.name, org.slug, org.at])).length > 0;

const update = statement(`UPDATE organizations o SET
    name = coalesce(c->>'name', o.name), slug = coalesce(c->>'slug', o.slug), updated_at = $3,
    require_mfa = coalesce((c->>'requireMfa')::boolean, o.require_mfa),
    allowed_email_domains = CASE WHEN c ? 'allowedEmailDomains' THEN ARRAY(SELECT jsonb_array_elements_text(c->'allowedEmailDomains')) ELSE o.allowed_email_domains END,
    max_sessions_per_user = CASE WHEN c ? 'maxSessionsPerUser' THEN (c->>'maxSessionsPerUser')::int ELSE o.max_sessions_per_user END,
    session_idle_seconds = CASE WHEN c ? 'sessionIdleSeconds' THEN (c->>'sessionIdleSeconds')::int ELSE o.session_idle_seconds END,
    audit_retention_days = CASE WHEN c ? 'auditRetentionDays' THEN (c->>'auditRetentionDays')::int ELSE o.audit_retention_days END
  FROM (SELECT $2::jsonb AS c) AS given WHERE o.id = $1 RETURNING o.id`);
/** Throws what `isSlugTaken` knows. */
export const updateOrganizationRow = async (
  sql: Sql,
  id: string,
  changes: Partial<Settings> & { name?: string; slug?: string },
  at: Date,
): Promise<boolean> => (await sql.run(update, [id, JSON.stringify(changes), at])).length > 0;
export const isSlugTaken = (error: unknown): boolean =>
  (error as { code?: string } | null)?.code === '23505' && (error as { constraint?: string }).constraint === 'organizations_slug_key';

const lock = statement('SELECT id FROM organizations WHERE id = $1 FOR NO KEY UPDATE');
/** Held to the end of the transaction: who counts owners counts them alone. */
export const lockOrganization = async (sql: Sql, id: string): Promise<boolean> => (await sql.run(lock, [id])).length > 0;

const owned = statement(`SELECT count(*)::int AS n FROM org_members m JOIN roles r ON r.id = m.role_id
  WHERE m.user_id = $1 AND r.name = 'owner' AND r.built_in`);
export const countOwned = async (sql: Sql, userId: string): Promise<number> => (await sql.run<{ n: number }>(owned, [userId]))[0]?.n ?? 0;
const owners = statement(`SELECT count(*)::int AS n FROM org_members m JOIN roles r ON r.id = m.role_id JOIN users u ON u.id = m.user_id
  WHERE m.org_id = $1 AND m.user_id <> $2 AND r.name = 'owner' AND r.built_in AND u.status = 'ACTIVE'`);
/** Owners beside `exceptId` who can act: one who was deactivated stays an owner, and is none to leave an organization to. */
export const countOtherOwners = async (sql: Sql, orgId: string, exceptId: string): Promise<number> =>
  (await sql.run<{ n: number }>(owners, [orgId, exceptId]))[0]?.n ?? 0;

const put = statement(`INSERT INTO org_members (org_id, user_id, role_id, joined_at)
  SELECT $1, u.id, r.id, $4 FROM users u, roles r WHERE u.id = $2 AND u.status = 'ACTIVE' AND r.id = $3 ON CONFLICT DO NOTHING RETURNING user_id`);
/** Whether the active user was no member before, and the role is still there. */
export const insertMember = async (sql: Sql, orgId: string, userId: string, roleId: string, at: Date): Promise<boolean> =>
  (await sql.run(put, [orgId, userId, roleId, at])).length > 0;
const setRole = statement(
  'UPDATE org_members m SET role_id = r.id FROM roles r WHERE m.org_id = $1 AND m.user_id = $2 AND r.id = $3 RETURNING m.user_id',
);
/** Whether the user is a member, and the role is still there. */
export const setMemberRole = async (sql: Sql, orgId: string, userId: string, roleId: string): Promise<boolean> =>
  (await sql.run(setRole, [orgId, userId, roleId])).length > 0;
const remove = statement(`WITH roles_there AS (DELETE FROM role_assignments WHERE org_id = $1 AND user_id = $2),
  grants_there AS (DELETE FROM permission_grants WHERE org_id = $1 AND user_id = $2)
  DELETE FROM org_members WHERE org_id = $1 AND user_id = $2 RETURNING user_id`);
/** With all that the user was given there. */
export const deleteMember = async (sql: Sql, orgId: string, userId: string): Promise<boolean> =>
  (await sql.run(remove, [orgId, userId])).length > 0;
const memberRole = statement(
  `SELECT r.id, r.name, r.built_in AS "builtIn", u.status = 'ACTIVE' AS "isActive"
  FROM org_members m JOIN roles r ON r.id = m.role_id JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND m.user_id = $2`,
);
/** `isActive`: whether the member can use it. */
export type MemberRole = Pick<RoleRow, 'id' | 'name' | 'builtIn'> & { readonly isActive: boolean };
export const findMemberRole = async (sql: Sql, orgId: string, userId: string): Promise<MemberRole | undefined> =>
  (await sql.run<MemberRole>(memberRole, [orgId, userId]))[0];
const emailOf = statement(`SELECT email_key FROM users WHERE id = $1 AND status = 'ACTIVE' AND email_verified_at IS NOT NULL`);
/** The key of an active user's proved address. */
export const findEmailKey = async (sql: Sql, userId: string): Promise<string | null> =>
  (await sql.run<{ email_key: string | null }>(emailOf, [userId]))[0]?.email_key ?? null;

const addressee = statement(`SELECT email, locale FROM users WHERE id = $1`);
export const findAddressee = async (sql: Sql, userId: string): Promise<{ email: string; locale: string | null } | undefined> =>
  (await sql.run<{ email: string; locale: string | null }>(addressee, [userId]))[0];

const leave = statement('UPDATE sessions SET org_id = NULL WHERE user_id = $2 AND org_id = $1 AND revoked_at IS NULL');
/** The user's sessions no longer speak for the organization. */
export const leaveOrganization = async (sql: Sql, orgId: string, userId: string): Promise<void> => {
  await sql.run(leave, [orgId, userId]);
};

const invitation = `i.id, i.org_id AS "orgId", i.email, i.role_id AS "roleId", i.invited_by AS "invitedBy", i.created_at AS "createdAt", i.expires_at AS "expiresAt"`;
const endOld = statement(
  'UPDATE invitations SET ended_at = $3 WHERE org_id = $1 AND email_key = $2 AND ended_at IS NULL AND expires_at <= $3',
);
const invite = statement(`INSERT INTO invitations (id, org_id, email, email_key, role_id, invited_by, token_hash, created_at, expires_at)
  SELECT $1, $2, $3, $4, r.id, $6, $7, $8, $9 FROM roles r WHERE r.id = $5 ON CONFLICT DO NOTHING RETURNING id`);
/** Whether the address had no open invitation, and the role is still there. */
export const insertInvitation = async (
  sql: Sql,
  row: {
    id: string;
    orgId: string;
    email: string;
    emailKey: string;
    roleId: string;
    invitedBy: string;
    tokenHash: Buffer;
    at: Date;
    expiresAt: Date;
  },
): Promise<boolean> => {
  await sql.run(endOld, [row.orgId, row.emailKey, row.at]);
  const values = [row.id, row.orgId, row.email, row.emailKey, row.roleId, row.invitedBy, row.tokenHash, row.at, row.expiresAt];
  return (await sql.run(invite, values)).length > 0;
};
const invitedTo = statement('SELECT org_id FROM invitations WHERE token_hash = $1');
export const findInvitedOrg = async (sql: Sql, tokenHash: Buffer): Promise<string | null> =>
  (await sql.run<{ org_id: string }>(invitedTo, [tokenHash]))[0]?.org_id ?? null;
const use =
  statement(`UPDATE invitations SET ended_at = $3 WHERE token_hash = $1 AND email_key = $2 AND ended_at IS NULL AND expires_at > $3
  RETURNING id, org_id AS "orgId", role_id AS "roleId"`);
const sent = statement('SELECT org_id AS "orgId", role_id AS "roleId", invited_by AS "invitedBy" FROM invitations WHERE token_hash = $1');
/** By whom, to where and as what, whether or not it is still open. */
export const findSent = async (sql: Sql, tokenHash: Buffer): Promise<Pick<Invitation, 'orgId' | 'roleId' | 'invitedBy'> | undefined> =>
  (await sql.run<Pick<Invitation, 'orgId' | 'roleId' | 'invitedBy'>>(sent, [tokenHash]))[0];
type UsedInvitation = Pick<Invitation, 'id' | 'orgId' | 'roleId'>;
/** Uses an invitation up, by whom it was sent to; one of any number of parallel calls gets it. */
export const useInvitation = async (sql: Sql, tokenHash: Buffer, emailKey: string, at: Date): Promise<UsedInvitation | undefined> =>
  (await sql.run<UsedInvitation>(use, [tokenHash, emailKey, at]))[0];
const takeBack = statement('UPDATE invitations SET ended_at = $3 WHERE id = $1 AND org_id = $2 AND ended_at IS NULL RETURNING id');
export const endInvitation = async (sql: Sql, id: string, orgId: string, at: Date): Promise<boolean> =>
  (await sql.run(takeBack, [id, orgId, at])).length > 0;
const orgOf = statement('SELECT org_id FROM invitations WHERE id = $1');
export const findInvitationOrg = async (sql: Sql, id: string): Promise<string | null> =>
  (await sql.run<{ org_id: string }>(orgOf, [id]))[0]?.org_id ?? null;
const open = statement('SELECT count(*)::int AS n FROM invitations WHERE org_id = $1 AND ended_at IS NULL AND expires_at > $2');
export const countInvitations = async (sql: Sql, orgId: string, now: Date): Promise<number> =>
  (await sql.run<{ n: number }>(open, [orgId, now]))[0]?.n ?? 0;
const oneInvitation = statement(`SELECT ${invitation} FROM invitations i WHERE i.id = $1`);
export const findInvitation = async (sql: Sql, id: string): Promise<Invitation | undefined> =>
  (await sql.run<Invitation>(oneInvitation, [id]))[0];
const openOnes = statement(`SELECT ${invitation} FROM invitations i
  WHERE i.org_id = $1 AND i.ended_at IS NULL AND i.expires_at > $2 AND ($3::uuid IS NULL OR i.id < $3) ORDER BY i.id DESC LIMIT $4`);
export const readInvitations = (sql: Sql, orgId: string, now: Date, after: string | null, limit: number): Promise<Invitation[]> =>
  sql.run<Invitation>(openOnes, [orgId, now, after, limit]);
