/** From a bearer token to an identity (RFC 6750): genuine, current, and of a session that has not been ended. No database in the common case. */
import type { Clock, Database } from '../../infra/ports.ts';
import { unauthenticated } from '../access/denial.ts';
import type { Identity } from '../caller.ts';
import type { AccessTokens } from '../tokens/access-token.ts';
import { endedBecause } from './model.ts';
import type { Revoked } from './revoked.ts';
import { findSession } from './store.ts';

export const authenticate =
  (needs: { accessTokens: AccessTokens; revoked: Revoked; database: Database; clock: Clock }) =>
  async (token: string): Promise<Identity> => {
    const identity = await needs.accessTokens.verify(token);
    if (needs.revoked.has(identity.sessionId)) throw unauthenticated('The session has ended.');
    if (needs.revoked.stale()) {
      const session = await findSession(needs.database, identity.sessionId);
      if (!session || endedBecause(session, needs.clock.now())) throw unauthenticated('The session has ended.');
    }
    return identity;
  };
