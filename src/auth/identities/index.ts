/** The door of the room of identities: sign-in with other providers. */
import type { Clock, Database } from '../../infra/ports.ts';
import { type CompleteOAuthNeeds, completeOAuth } from './complete.ts';
import { identitiesOf } from './list.ts';
import { type StartNeeds, startOAuth } from './start.ts';
import { sweepStates } from './states.ts';
import { type UnlinkNeeds, unlinkIdentity } from './unlink.ts';

export type IdentitiesNeeds = StartNeeds & CompleteOAuthNeeds & UnlinkNeeds;
export type Identities = ReturnType<typeof openIdentities>;

const dayMs = 86_400_000;
const sweep =
  ({ database, clock }: { database: Database; clock: Clock }) =>
  (): Promise<void> =>
    sweepStates(database, new Date(clock.now().getTime() - dayMs));

export const openIdentities = (needs: IdentitiesNeeds) => ({
  start: startOAuth(needs),
  complete: completeOAuth(needs),
  unlink: unlinkIdentity(needs),
  of: identitiesOf(needs),
  /** What sign-ins on their way leave behind. */
  sweep: sweep(needs),
});
