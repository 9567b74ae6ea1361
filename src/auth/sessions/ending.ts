/** Ending sessions as part of another operation's transaction (a changed password, a deleted account), with their facts. */
import type { Clock, Sql } from '../../infra/ports.ts';
import type { RevokedReason } from '../audit/model.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import { forgetTrustOfSessions } from '../mfa/trusted-devices.ts';
import type { Revoked } from './revoked.ts';
import { type EndedSession, endImpersonations, endSession, endSessions } from './store.ts';

export type Endings = ReturnType<typeof openEndings>;

export const openEndings = ({ clock, trail, revoked }: { clock: Clock; trail: AuditTrail; revoked: Revoked }) => {
  const record = async (
    sql: Sql,
    caller: Caller,
    ended: readonly EndedSession[],
    reason: RevokedReason,
    byId?: string,
  ): Promise<string[]> => {
    const facts = ended.map(({ session_id: sessionId, user_id: userId }) =>
      trail.fact(caller, {
        type: 'session.revoked',
        data: { reason },
        actorId: caller.identity?.userId ?? byId ?? userId,
        subjectId: userId,
        sessionId,
      }),
    );
    await trail.write(sql, facts);
    // Whoever signs out, or is signed out for no fault, may be back on the same device; whoever is thrown out proves both factors again.
    if (reason !== 'logout' && reason !== 'session_limit')
      await forgetTrustOfSessions(
        sql,
        ended.map((session) => session.session_id),
      );
    return ended.map((session) => session.session_id);
  };
  return {
    /** The facts of sessions that a statement has just ended; their ids. */
    record,
    /**
     * Ends all of a user's sessions but `exceptId`, and those in which the user acts as somebody else: whoever has to be thrown out is out
     * of them too. The ids of those it ended. Call `announce` with them after the commit.
     */
    all: async (sql: Sql, caller: Caller, userId: string, reason: RevokedReason, exceptId: string | null = null): Promise<string[]> => {
      const ended = await endSessions(sql, userId, clock.now(), reason, exceptId);
      const [own, acting] = [ended.filter((one) => one.user_id === userId), ended.filter((one) => one.user_id !== userId)];
      return [...(await record(sql, caller, own, reason)), ...(await record(sql, caller, acting, 'impersonator_gone', userId))];
    },
    /** Ends every session in which the user acts as somebody else; the ids of those it ended. */
    impersonationsBy: async (sql: Sql, caller: Caller, userId: string, reason: RevokedReason): Promise<string[]> =>
      record(sql, caller, await endImpersonations(sql, userId, clock.now(), reason), reason),
    /**
     * Ends one session (of `userId`, where given), and those in which its user acts as somebody else: which of them it was begun from is not
     * known. The ids of those it ended, its own first; none where it does not live.
     */
    one: async (sql: Sql, caller: Caller, sessionId: string, reason: RevokedReason, userId: string | null): Promise<string[]> => {
      const ended = await endSession(sql, sessionId, clock.now(), reason, userId);
      const [own, acting] = [ended.filter((one) => one.session_id === sessionId), ended.filter((one) => one.session_id !== sessionId)];
      return [...(await record(sql, caller, own, reason)), ...(await record(sql, caller, acting, 'impersonator_gone', own[0]?.user_id))];
    },
    /** After the commit: dead here at once, everywhere within a second. */
    announce: (ids: readonly string[]): void => {
      revoked.end(ids);
      trail.committed();
    },
  };
};
