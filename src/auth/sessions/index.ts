/** The door of the sessions room. */
import type { Clock, Database, Limiter, Log, Rate } from '../../infra/ports.ts';
import type { Follow } from '../audit/follow.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { MayIn } from '../audit/visible.ts';
import type { Post } from '../letters/post.ts';
import { requireLiving } from './authenticate.ts';
import type { Endings } from './ending.ts';
import { followSessions } from './events.ts';
import { expireSessions, removeOldSessions } from './expire.ts';
import type { Grants } from './grant.ts';
import { countSessions, findVisibleSessions, type ListNeeds, listSessions, sessionOfSignIn } from './list.ts';
import { refresh } from './refresh.ts';
import { logout, revokeSession, revokeSessions } from './revoke.ts';
import type { Revoked } from './revoked.ts';
import type { Seen } from './seen.ts';
import { tendWatched } from './watched.ts';

export type SessionsNeeds = ListNeeds & {
  database: Database;
  clock: Clock;
  limiter: Limiter;
  log: Log;
  trail: AuditTrail;
  post: Post;
  seen: Seen;
  revoked: Revoked;
  endings: Endings;
  grants: Grants;
  refreshSecret: Buffer;
  followFacts: Follow;
  mayIn: MayIn;
  isMember(userId: string, orgId: string): Promise<boolean>;
  config: { REFRESH_GRACE_SECONDS: number; RATE_LIMIT_REFRESH: Rate };
};
export type Sessions = ReturnType<typeof openSessions>;

export const openSessions = (needs: SessionsNeeds) => ({
  requireLiving: requireLiving(needs),
  refresh: refresh(needs),
  logout: logout(needs),
  revoke: revokeSession(needs),
  revokeAll: revokeSessions(needs),
  list: listSessions(needs),
  count: countSessions(needs),
  ofSignIn: sessionOfSignIn(needs),
  findVisible: findVisibleSessions(needs),
  follow: followSessions(needs),
  expire: expireSessions(needs),
  removeOld: removeOldSessions(needs),
  tendWatched: tendWatched(needs),
  seen: needs.seen.mark,
  flushSeen: needs.seen.flush,
});
