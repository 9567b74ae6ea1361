/** A user's methods, as they are shown. */
import type { Clock, Database } from '../../infra/ports.ts';
import type { MfaMethod } from './model.ts';
import { type ListedRow, listMethods } from './store.ts';

export const methodOf = (row: ListedRow): MfaMethod => ({
  id: row.id,
  type: row.type,
  label: row.label,
  confirmed: row.confirmed_at !== null,
  createdAt: row.created_at,
  lastUsedAt: row.last_used_at,
});

/** For each of `userIds`, in their order, the methods: one statement for any number of users. */
export const methodsOf =
  ({ database, clock }: { database: Database; clock: Clock }) =>
  async (userIds: readonly string[]): Promise<MfaMethod[][]> => {
    const byUser = new Map(userIds.map((id) => [id, [] as MfaMethod[]]));
    for (const row of await listMethods(database, userIds, clock.now())) byUser.get(row.user_id)?.push(methodOf(row));
    return userIds.map((id) => byUser.get(id) ?? []);
  };
