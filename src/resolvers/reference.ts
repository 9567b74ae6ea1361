/** The door of entity references, the same as of `user(id:)`: a signed-in caller. Root fields declare theirs; these have no field of their own. */
import { unauthenticated } from '../auth/access/denial.ts';
import type { Caller } from '../auth/caller.ts';

export const signedInOnly = <T>(caller: Caller, load: () => Promise<T>): Promise<T> =>
  caller.identity ? load() : Promise.reject(unauthenticated());
