/** Refresh (RFC 6749 §6, with rotation by RFC 9700 §4.14.2): never logs out an honest client, and still catches a thief (DESIGN 6). */
import type { Clock, Database, Limiter, Rate } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import type { Post } from '../letters/post.ts';
import type { SignedIn } from '../login/model.ts';
import { forgetTrustOfSessions } from '../mfa/trusted-devices.ts';
import type { Refused } from '../outcome.ts';
import { isGenuine, parseRefreshToken, type RefreshTokenParts } from '../tokens/refresh-token.ts';
import type { Endings } from './ending.ts';
import type { Grants } from './grant.ts';
import { endedBecause, meaningOf, type SessionState } from './model.ts';
import { openRotations } from './rotations.ts';
import type { Seen } from './seen.ts';
import { endSession, findSession, type SessionAndUser, setOrganization } from './store.ts';

export type RefreshNeeds = {
  database: Database;
  clock: Clock;
  limiter: Limiter;
  trail: AuditTrail;
  post: Post;
  seen: Seen;
  endings: Pick<Endings, 'record' | 'announce'>;
  grants: Grants;
  refreshSecret: Buffer;
  isMember(userId: string, orgId: string): Promise<boolean>;
  config: { REFRESH_GRACE_SECONDS: number; RATE_LIMIT_REFRESH: Rate };
};

export type RefreshInput = { refreshToken: string; orgId?: string | null };
export type RefreshOutcome =
  | SignedIn
  | Refused<'TokenInvalid'>
  | Refused<'SessionEnded'>
  | Refused<'RefreshReused'>
  | Refused<'AccountDeactivated'>
  | Refused<'NotFound'>
  | Refused<'TooManyAttempts'>;

export const refresh = (needs: RefreshNeeds) => {
  const { database, clock, limiter, trail, seen, grants, refreshSecret: secret, config } = needs;
  const rotations = openRotations(needs);

  const refuse = async (caller: Caller, session: SessionState, reason: 'SessionEnded' | 'AccountDeactivated'): Promise<void> => {
    const { user_id: userId, session_id: sessionId, impersonator_id: impersonatorId } = session;
    const who = { actorId: userId, impersonatorId, sessionId };
    const fact = { type: 'session.refresh_failed', outcome: 'FAILURE', data: { reason }, ...who } as const;
    await trail.write(database, [trail.fact(caller, fact)]);
    trail.committed();
  };

  const endReused = async (caller: Caller, session: SessionAndUser): Promise<RefreshOutcome> => {
    const at = clock.now();
    const { user_id: userId, session_id: sessionId, email, locale, browser, os } = session;
    const queueLetter = await needs.post.prepare(
      ...(email
        ? [{ name: 'refresh-reused' as const, to: email, locale, data: { at: at.toISOString(), ip: caller.ip, browser, os } }]
        : []),
    );
    const who = { actorId: null, impersonatorId: session.impersonator_id, subjectId: userId, sessionId };
    const ids = await database.transaction(async (sql) => {
      const facts = [trail.fact(caller, { type: 'session.refresh_failed', outcome: 'FAILURE', data: { reason: 'RefreshReused' }, ...who })];
      const ended = await endSession(sql, sessionId, at, 'refresh_reused', userId);
      const acting = ended.filter((one) => one.session_id !== sessionId);
      if (acting.length < ended.length) {
        facts.push(trail.fact(caller, { type: 'session.revoked', data: { reason: 'refresh_reused' }, ...who }));
        await forgetTrustOfSessions(sql, [sessionId]);
        await queueLetter(sql);
      }
      await trail.write(sql, facts);
      return needs.endings.record(sql, caller, acting, 'impersonator_gone', userId);
    });
    needs.endings.announce([sessionId, ...ids]);
    return { kind: 'RefreshReused' };
  };

  /** Why the conditional UPDATE moved nothing, and what follows from it. */
  const explain = async (caller: Caller, token: RefreshTokenParts): Promise<RefreshOutcome> => {
    await seen.flush();
    const session = await findSession(database, token.sessionId);
    if (!session || !isGenuine(session.salt, token)) {
      return { kind: 'TokenInvalid' };
    }
    const reason = endedBecause(session, clock.now());
    const away = session.status === 'DEACTIVATED';
    if (away || reason || session.status !== 'ACTIVE') {
      await refuse(caller, session, away ? 'AccountDeactivated' : 'SessionEnded');
      return away ? { kind: 'AccountDeactivated' } : { kind: 'SessionEnded', reason: reason ?? 'account_deleted' };
    }
    const rotation = { generation: session.generation, seenGeneration: session.seen_generation, rotatedAt: session.rotated_at };
    const meaning = meaningOf(rotation, token.generation, clock.now(), config.REFRESH_GRACE_SECONDS);
    if (meaning === 'reused') return endReused(caller, session);
    if (meaning === 'rotate') return rotated(caller, token);
    if (meaning === 'lost') await noteLost(caller, session);
    return grants.grant(session);
  };

  /** A lost answer and a thief who holds still look alike (ADR 2): each is a fact, so that many of one session can raise an alarm. */
  const noteLost = async (caller: Caller, session: SessionAndUser): Promise<void> => {
    const { user_id: actorId, session_id: sessionId, impersonator_id: impersonatorId, generation } = session;
    const who = { actorId, impersonatorId, sessionId };
    await trail.write(database, [trail.fact(caller, { type: 'session.refresh_repeated', data: { generation }, ...who })]);
    trail.committed();
  };

  const rotated = async (caller: Caller, token: RefreshTokenParts): Promise<RefreshOutcome> => {
    const fact = trail.fact(caller, {
      type: 'session.refreshed',
      data: { generation: token.generation + 1 },
      actorId: null,
      subjectId: null,
      sessionId: token.sessionId,
    });
    const session = await rotations.rotate({ token, fact });
    if (!session) return explain(caller, token);
    trail.committed();
    return grants.grant(session);
  };

  /** The pair speaks for another organization from now on. Where its user is not in that, nothing is rotated. */
  const moved = async (caller: Caller, token: RefreshTokenParts, orgId: string): Promise<RefreshOutcome> => {
    const session = await findSession(database, token.sessionId);
    const genuine = session !== undefined && isGenuine(session.salt, token);
    if (genuine && !(await needs.isMember(session.user_id, orgId))) return { kind: 'NotFound' };
    const outcome = await rotated(caller, token);
    if (outcome.kind !== 'SignedIn' || !session || session.org_id === orgId) return outcome;
    const { impersonator_id: impersonatorId, session_id: sessionId, user_id: actorId } = session;
    const there = await database.transaction(async (sql) => {
      const state = await setOrganization(sql, sessionId, orgId);
      const fact = { type: 'session.organization_changed', data: {}, actorId, impersonatorId, sessionId, orgId } as const;
      if (state) await trail.write(sql, [trail.fact(caller, fact)]);
      return state;
    });
    trail.committed();
    return there ? { ...outcome, ...(await grants.accessToken(there)) } : outcome;
  };

  return async (caller: Caller, input: RefreshInput): Promise<RefreshOutcome> => {
    const token = parseRefreshToken(secret, input.refreshToken);
    if (!token) return { kind: 'TokenInvalid' };
    const { allowed, retryAfterSeconds } = await limiter.take(`refresh:${token.sessionId}`, config.RATE_LIMIT_REFRESH);
    if (!allowed) return { kind: 'TooManyAttempts', retryAfterSeconds };
    return input.orgId ? moved(caller, token, input.orgId.toLowerCase()) : rotated(caller, token);
  };
};
