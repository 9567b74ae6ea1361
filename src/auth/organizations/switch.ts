/** Which organization a session's tokens speak for. */
import type { Database } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { SignedIn } from '../login/model.ts';
import type { Refused } from '../outcome.ts';
import type { Grants } from '../sessions/grant.ts';
import { setOrganization } from '../sessions/store.ts';

export type SwitchNeeds = {
  database: Database;
  trail: AuditTrail;
  grants: Grants;
  isMember(userId: string, orgId: string): Promise<boolean>;
};
export type Switched = Omit<SignedIn, 'refreshToken' | 'sessionSeconds' | 'user'> & { readonly refreshToken: null };
export type SwitchOutcome = Switched | Refused<'NotFound'>;

/**
 * For members alone, as a sign-in and a refresh: whoever sees an organization from outside does not speak for it. The access token is a new
 * one, with the scopes of the organization. The refresh token stays, and is not told: whoever has an access token for some minutes, or a page
 * whose refresh token is in a cookie it cannot read, would have one for the whole session.
 */
export const switchOrganization =
  ({ database, trail, grants, isMember }: SwitchNeeds) =>
  async (caller: SignedInCaller, orgId: string): Promise<SwitchOutcome> => {
    const to = orgId.toLowerCase();
    if (!(await isMember(caller.identity.userId, to))) return { kind: 'NotFound' };
    const session = await database.transaction(async (sql) => {
      const moved = await setOrganization(sql, caller.identity.sessionId, to);
      if (moved) await trail.write(sql, [trail.fact(caller, { type: 'session.organization_changed', data: {}, orgId: to })]);
      return moved;
    });
    if (!session) return { kind: 'NotFound' };
    trail.committed();
    const { user_id: userId, session_id: sessionId } = session;
    return { kind: 'SignedIn', ...(await grants.accessToken(session)), refreshToken: null, userId, sessionId };
  };
