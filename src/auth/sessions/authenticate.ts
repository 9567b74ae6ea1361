/** Whether the session that a person's access token names has not been ended. No database in the common case. */
import type { Clock, Database } from '../../infra/ports.ts';
import { unauthenticated } from '../access/denial.ts';
import type { Identity } from '../caller.ts';
import { endedBecause } from './model.ts';
import type { Revoked } from './revoked.ts';
import { findSession } from './store.ts';

/** The identity again, or the denial UNAUTHENTICATED. */
export const requireLiving =
  (needs: { revoked: Revoked; database: Database; clock: Clock }) =>
  async (identity: Identity): Promise<Identity> => {
    if (needs.revoked.has(identity.sessionId)) throw unauthenticated('The session has ended.');
    if (needs.revoked.stale()) {
      const session = await findSession(needs.database, identity.sessionId);
      if (!session || endedBecause(session, needs.clock.now())) throw unauthenticated('The session has ended.');
    }
    return identity;
  };
