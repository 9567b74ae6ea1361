/** Ending sessions on demand: one, the others, all, or one's own (logout). */
import type { Database } from '../../infra/ports.ts';
import { badRequest, forbidden, unauthenticated } from '../access/denial.ts';
import { isStronger } from '../administration/target.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller, SignedInCaller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { isUuid } from '../paging.ts';
import { isGenuine, parseRefreshToken } from '../tokens/refresh-token.ts';
import type { Endings } from './ending.ts';
import { findSession } from './store.ts';

export type RevokeNeeds = { database: Database; endings: Endings; trail: AuditTrail; refreshSecret: Buffer };
export type LoggedOut = { readonly kind: 'LoggedOut'; readonly sessionIds: readonly string[] };
export type LogoutOutcome = LoggedOut | Refused<'NotFound'>;

const loggedOut = (sessionIds: readonly string[]): LoggedOut => ({ kind: 'LoggedOut', sessionIds });

/** Ends the session of the access token, or of the cookie where the access token is over. */
export const logout = ({ database, endings, trail, refreshSecret }: RevokeNeeds) => {
  const ofCookie = async (cookie: string | null) => {
    const token = cookie && parseRefreshToken(refreshSecret, cookie);
    const session = token && (await findSession(database, token.sessionId));
    return session && isGenuine(session.salt, token) ? { sessionId: session.session_id, userId: session.user_id } : null;
  };
  return async (caller: Caller): Promise<LogoutOutcome> => {
    // Both may be there, and of different sessions: whoever signs out is out.
    const all = [caller.identity, await ofCookie(caller.refreshCookie)].filter((own) => own !== null);
    if (all.length === 0) throw unauthenticated();
    const ids = await database.transaction(async (sql) => {
      const ended: string[] = [];
      for (const { sessionId, userId } of all) {
        const one = await endings.one(sql, caller, sessionId, 'logout', userId);
        const fact = { type: 'user.logout', data: {}, actorId: userId, sessionId } as const;
        if (one.length > 0) await trail.write(sql, [trail.fact(caller, fact)]);
        ended.push(...one);
      }
      return ended;
    });
    endings.announce(ids);
    return loggedOut(ids);
  };
};

/** Ends one session: the caller's own, or for a holder of sessions.revoke that of anybody who may no more. Absent and not one's own are one answer. */
export const revokeSession =
  ({ database, endings }: RevokeNeeds) =>
  async (caller: SignedInCaller, input: { sessionId: string }): Promise<LogoutOutcome> => {
    const { userId } = caller.identity;
    if (!isUuid(input.sessionId)) return { kind: 'NotFound' };
    const ids = await database.transaction(async (sql) => {
      const own = await endings.one(sql, caller, input.sessionId, 'revoked', userId);
      if (own.length > 0 || !caller.permissions.has('sessions.revoke')) return own;
      const session = await findSession(sql, input.sessionId);
      if (session && (await isStronger(sql, caller, session.user_id))) throw forbidden('This user may more than you.');
      return endings.one(sql, caller, input.sessionId, 'revoked_by_admin', null);
    });
    endings.announce(ids);
    return ids.length > 0 ? loggedOut(ids) : { kind: 'NotFound' };
  };

export type RevokeSessionsInput = { userId?: string | null; exceptCurrent?: boolean | null };

/** Ends all sessions of the caller (but the current one, unless told otherwise), or for a holder of sessions.revoke those of another user who may no more. */
export const revokeSessions =
  ({ database, endings }: RevokeNeeds) =>
  async (caller: SignedInCaller, input: RevokeSessionsInput): Promise<LogoutOutcome> => {
    const { userId: ownId, sessionId } = caller.identity;
    const userId = input.userId?.toLowerCase() ?? ownId;
    if (!isUuid(userId)) throw badRequest('input.userId is not an id.');
    if (userId !== ownId && !caller.permissions.has('sessions.revoke')) throw forbidden();
    const reason = userId === ownId ? 'revoked' : 'revoked_by_admin';
    const exceptId = (input.exceptCurrent ?? true) ? sessionId : null;
    const ids = await database.transaction(async (sql) => {
      if (await isStronger(sql, caller, userId)) throw forbidden('This user may more than you.');
      return endings.all(sql, caller, userId, reason, exceptId);
    });
    endings.announce(ids);
    return loggedOut(ids);
  };
