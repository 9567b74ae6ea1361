/** The nouns and pure rules of sessions: when one has ended, and what a presented refresh token means. */
import type { RevokedReason } from '../audit/model.ts';

/** What a refresh needs to know of a session; columns as PostgreSQL names them. */
export type SessionState = {
  session_id: string;
  user_id: string;
  org_id: string | null;
  client_id: string;
  amr: string[];
  authenticated_at: Date;
  persistent: boolean;
  expires_at: Date;
  last_seen_at: Date;
  idle_seconds: number;
  revoked_at: Date | null;
  revoked_reason: RevokedReason | null;
  generation: number;
  seen_generation: number;
  rotated_at: Date;
  salt: Buffer;
  trusted_device_id: string | null;
  impersonator_id: string | null;
};

/** What the tokens of a session say of it. */
export type Granted = Pick<
  SessionState,
  | 'session_id'
  | 'user_id'
  | 'org_id'
  | 'client_id'
  | 'amr'
  | 'authenticated_at'
  | 'expires_at'
  | 'generation'
  | 'salt'
  | 'trusted_device_id'
  | 'impersonator_id'
>;

export type EndReason = RevokedReason | 'expired' | 'idle';

/** Why the session is over at `now`, or null while it lives. */
export const endedBecause = (
  session: Pick<SessionState, 'revoked_at' | 'revoked_reason' | 'expires_at' | 'last_seen_at' | 'idle_seconds'>,
  now: Date,
): EndReason | null => {
  if (session.revoked_at) return session.revoked_reason ?? 'revoked';
  if (session.expires_at <= now) return 'expired';
  return session.last_seen_at.getTime() + session.idle_seconds * 1000 <= now.getTime() ? 'idle' : null;
};

/**
 * What a genuine refresh token of generation `presented` means (DESIGN 6):
 * - `rotate`: it is the current one;
 * - `repeat`: the one before, within the grace: tabs, retries, two replicas. The same successor again;
 * - `lost`: the one before, later, and no access token of the current generation was ever seen: the answer was lost. The same again;
 * - `reused`: anything else. Somebody has kept a token that its owner has replaced.
 */
export type RefreshMeaning = 'rotate' | 'repeat' | 'lost' | 'reused';

export const meaningOf = (
  session: { generation: number; seenGeneration: number; rotatedAt: Date },
  presented: number,
  now: Date,
  graceSeconds: number,
): RefreshMeaning => {
  if (presented === session.generation) return 'rotate';
  if (presented !== session.generation - 1) return 'reused';
  if (now.getTime() - session.rotatedAt.getTime() <= graceSeconds * 1000) return 'repeat';
  return session.seenGeneration < session.generation ? 'lost' : 'reused';
};
