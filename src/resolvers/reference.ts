/** The door of entity references, the same as of `user(id:)`: a signed-in caller. Root fields declare theirs; these have no field of their own. */
import { stepUpRequired, unauthenticated } from '../auth/access/denial.ts';
import type { Caller } from '../auth/caller.ts';

export const signedInOnly = <T>(caller: Caller, load: () => Promise<T>): Promise<T> =>
  caller.identity && !caller.identity.restricted ? load() : Promise.reject(caller.identity ? stepUpRequired([]) : unauthenticated());
