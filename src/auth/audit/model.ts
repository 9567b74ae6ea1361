/**
 * The nouns of the log: which facts there are, what one holds, and where one stands in commit order.
 * One typed table: an event name that is not here does not compile.
 */

import type { Risk } from '../login/risk.ts';
import type { MfaType } from '../mfa/model.ts';
import type { ClientMethod } from '../services/model.ts';

/** Every fact's name and what its `data` holds beyond the columns. Names are the domain's in the past (DESIGN 7). */
export type FactData = {
  'user.registered': Record<string, never>;
  'user.registration_repeated': Record<string, never>;
  'user.registration_expired': Record<string, never>;
  'user.verified': { by: 'link' | 'code' | 'magic_link' | 'reset' | 'provider' };
  'user.verification_requested': { account: string };
  'user.verification_failed': { by: 'link' | 'code'; account: string | null };
  'user.login': Risk & { persistent: boolean; amr: string[] };
  'user.login_failed': {
    reason: 'InvalidCredentials' | 'AccountLocked' | 'AccountDeactivated' | 'EmailNotVerified' | 'NotFound' | 'TooManyAttempts';
    account: string;
  };
  'user.magic_link_requested': { account: string };
  'user.magic_link_failed': { reason: 'TokenInvalid' | 'CodeInvalid' };
  'user.passkey_failed': { reason: 'InvalidCredentials' };
  'user.stepped_up': { method: MfaType | 'PASSWORD' };
  'user.step_up_failed': { reason: 'InvalidCredentials' };
  'user.locked': { account: string; seconds: number };
  'user.logout': Record<string, never>;
  'user.updated': { fields: string[] };
  'user.deleted': { reason?: string };
  'user.created': { invited: boolean };
  'user.imported': { verified: boolean };
  'user.email_changed': Record<string, never>;
  'user.activated': { reason?: string };
  'user.deactivated': { reason?: string };
  'user.unlocked': { reason?: string };
  'user.impersonated': { reason: string };
  'user.impersonation_failed': { reason: string };
  'seals.rewrapped': { keyId: string; rewrapped: number; failed: number };
  'sessions.cleaned': { expired: number; removed: number };
  'user.deletion_failed': { reason: 'InvalidCredentials' };
  'password.changed': Record<string, never>;
  'password.change_failed': { reason: string };
  'password.rehashed': Record<string, never>;
  'password.reset_requested': { account: string };
  'password.reset_completed': Record<string, never>;
  'password.reset_failed': { reason: string };
  'password.breach_check_unavailable': Record<string, never>;
  'session.created': { persistent: boolean; newDevice: boolean };
  'session.refreshed': { generation: number };
  'session.refresh_repeated': { generation: number };
  'session.refresh_failed': { reason: 'SessionEnded' | 'RefreshReused' | 'AccountDeactivated' };
  'session.disowned': Record<string, never>;
  'session.revoked': { reason: RevokedReason };
  'session.expired': { reason: 'expired' | 'idle' };
  'mfa.setup_started': { method: MfaType };
  'mfa.setup_failed': { reason: 'CodeInvalid'; method: MfaType };
  'mfa.enabled': { method: MfaType };
  'mfa.disabled': { method: MfaType };
  'mfa.disable_failed': { reason: 'InvalidCredentials' };
  'mfa.challenged': { purpose: 'login'; methods: MfaType[] };
  'mfa.code_sent': { method: MfaType };
  'mfa.failed': { reason: 'CodeInvalid'; method: MfaType; purpose: 'login' | 'step_up' };
  'mfa.locked': { seconds: number };
  'mfa.backup_codes_renewed': Record<string, never>;
  'mfa.policy_changed': { phishingResistantOnly: boolean };
  'device.trusted': { device: string };
  'device.untrusted': { device: string };
  'organization.created': Record<string, never>;
  'organization.deleted': Record<string, never>;
  'organization.updated': { fields: string[] };
  'organization.member_invited': { invitation: string; role: string };
  'organization.invitation_accepted': { invitation: string };
  'organization.invitation_revoked': { invitation: string };
  'organization.member_added': { role: string };
  'organization.member_role_changed': { from: string; to: string };
  'organization.member_removed': { role: string };
  'organization.ownership_transferred': Record<string, never>;
  'organization.recovered': Record<string, never>;
  'session.organization_changed': Record<string, never>;
  'permission.granted': { permission: string; grant: string; expiresAt: string | null };
  'permission.revoked': { permission: string; grant: string };
  'role.assigned': { role: string };
  'role.unassigned': { role: string };
  'role.created': { role: string; permissions: string[]; inherits: string[] };
  'role.updated': { role: string; permissions: string[]; inherits: string[] };
  'role.deleted': { role: string };
  'export.requested': { export: string; kind: 'AUDIT' | 'PERSONAL'; format: string };
  'export.downloaded': { export: string };
  'key.rotated': { kid: string };
  'service_client.created': { name: string; permissions: string[]; jwks: boolean };
  'service_client.secret_rotated': Record<string, never>;
  'service_client.deleted': Record<string, never>;
  'service_client.authentication_failed': { method: ClientMethod };
  'service_client.token_issued': { scope: string; method: ClientMethod; token: string };
  'service_client.token_revoked': Record<string, never>;
  'api_key.created': { prefix: string; permissions: string[]; expiresAt: string | null };
  'api_key.deleted': { prefix: string };
  'identity.linked': { provider: string };
  'identity.unlinked': { provider: string };
  'identity.used': { provider: string };
  /** `error`: the code of an OAuthFailed. */
  'identity.login_failed': {
    provider: string;
    reason: 'TokenInvalid' | 'OAuthFailed' | 'IdentityTaken' | 'AccountDeactivated' | 'TooManyAttempts';
    error: string | null;
  };
  'identity.link_failed': FactData['identity.login_failed'];
  'trading_account.linked': { broker: string };
  'trading_account.link_failed': { broker: string; reason: 'BrokerRejected' | 'BrokerUnavailable' };
  'trading_account.updated': { fields: string[] };
  'trading_account.verified': { broker: string };
  'trading_account.verification_failed': { broker: string; reason: 'BrokerRejected' };
  'trading_account.credentials_updated': { broker: string };
  'trading_account.credentials_update_failed': { broker: string; reason: 'BrokerRejected' | 'BrokerUnavailable' };
  'trading_account.credentials_revealed': { service: string | null };
  'trading_account.reveal_failed': { reason: 'NotFound' };
  'trading_account.shared': { access: 'VIEW' | 'TRADE'; expiresAt: string | null; service: string | null };
  'trading_account.unshared': { service: string | null };
  'trading_account.unlinked': { broker: string };
  'webhook.created': { host: string; types: string[] };
  'webhook.deleted': { host: string };
  'webhook.disabled': { host: string; reason: 'gone' | 'failing' };
  'webhook.redelivered': { host: string; delivery: string; event: string };
};
export type FactType = keyof FactData;

/** Why a session ended before its time. */
export type RevokedReason =
  | 'logout'
  | 'revoked'
  | 'revoked_by_admin'
  | 'disowned'
  | 'password_changed'
  | 'password_reset'
  | 'refresh_reused'
  | 'session_limit'
  | 'account_deleted'
  | 'account_deactivated'
  | 'email_changed'
  | 'impersonator_gone';

/** A fact as an operation states it; the caller's and the clock's parts are added by `AuditTrail.fact`. */
export type Fact<T extends FactType = FactType> = T extends FactType
  ? {
      type: T;
      data: FactData[T];
      outcome?: 'SUCCESS' | 'FAILURE';
      /** Who did it; the caller where left out, nobody where null. */
      actorId?: string | null;
      /** The program that did it; the caller's where left out. */
      actorClient?: string;
      /** Which administrator acted as the actor; the caller's where left out. */
      impersonatorId?: string | null;
      /** Whom it concerns; the actor where left out. */
      subjectId?: string | null;
      sessionId?: string | null;
      /** Which organization it concerns; the one the caller speaks for where left out, none where null. */
      orgId?: string | null;
      resource?: string | null;
    }
  : never;

/** A fact ready for the log: column names as PostgreSQL has them, so that a batch goes in as one JSON parameter. */
export type FactRow = {
  id: string;
  type: string;
  occurred_at: Date;
  outcome: 'SUCCESS' | 'FAILURE';
  actor_id: string | null;
  actor_client: string | null;
  impersonator_id: string | null;
  subject_id: string | null;
  org_id: string | null;
  session_id: string | null;
  resource: string | null;
  ip_address: string | null;
  user_agent: string | null;
  request_id: string | null;
  data: Record<string, unknown>;
};

/** Where a fact stands in commit order: its transaction's id and its number. Decimal strings, since both are 64 bits wide. */
export type Position = { readonly tx: string; readonly seq: string };

/** A fact that has been committed, as consumers of the log read it. */
export type CommittedFact = FactRow & Position;

/** Whether `a` comes after `b` in commit order. */
export const isAfter = (a: Position, b: Position): boolean => {
  const [aTx, bTx] = [BigInt(a.tx), BigInt(b.tx)];
  return aTx === bTx ? BigInt(a.seq) > BigInt(b.seq) : aTx > bTx;
};

/** `session.*` takes every name that begins with `session.`; anything else is a whole name; none takes all. */
export const typeMatches = (wanted: readonly string[] | null | undefined, type: string): boolean =>
  !wanted || wanted.length === 0 || wanted.some((name) => (name.endsWith('*') ? type.startsWith(name.slice(0, -1)) : type === name));
