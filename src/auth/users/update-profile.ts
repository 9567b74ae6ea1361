/** A signed-in user changes the own profile: what is left out stays, null clears. */
import type { Clock, Database } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { type UserOutcome, usernameKey } from './model.ts';
import { checkProfile, type ProfileInput } from './profile.ts';
import { isUsernameConflict, updateAccount } from './store.ts';

export type UpdateProfileNeeds = { database: Database; clock: Clock; trail: AuditTrail };
export type UpdateProfileOutcome = UserOutcome | Refused<'NotFound' | 'UsernameTaken' | 'InvalidInput'>;

export const updateProfile =
  ({ database, clock, trail }: UpdateProfileNeeds) =>
  async (caller: SignedInCaller, input: ProfileInput): Promise<UpdateProfileOutcome> => {
    const profile = checkProfile(input);
    if ('kind' in profile) return profile;
    const { userId } = caller.identity;
    const fields = Object.keys(profile);
    if (fields.length === 0) return { kind: 'User', id: userId };
    const { username } = profile;
    const changes = username === undefined ? profile : { ...profile, usernameKey: username && usernameKey(username) };
    try {
      const found = await database.transaction(async (sql) => {
        if (!(await updateAccount(sql, userId, clock.now(), changes))) return false;
        await trail.write(sql, [trail.fact(caller, { type: 'user.updated', data: { fields } })]);
        return true;
      });
      if (!found) return { kind: 'NotFound' };
    } catch (error) {
      if (isUsernameConflict(error)) return { kind: 'UsernameTaken' };
      throw error;
    }
    trail.committed();
    return { kind: 'User', id: userId };
  };
