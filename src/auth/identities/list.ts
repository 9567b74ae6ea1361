/** A user's identities, as they are shown. */
import type { Database } from '../../infra/ports.ts';
import type { LinkedIdentity } from './model.ts';
import { listIdentities } from './store.ts';

/** For each of `userIds`, in their order, the identities: one statement for any number of users. */
export const identitiesOf =
  ({ database }: { database: Database }) =>
  async (userIds: readonly string[]): Promise<LinkedIdentity[][]> => {
    const byUser = new Map(userIds.map((id) => [id, [] as LinkedIdentity[]]));
    for (const { userId, ...identity } of await listIdentities(database, userIds)) byUser.get(userId)?.push(identity);
    return userIds.map((id) => byUser.get(id) ?? []);
  };
