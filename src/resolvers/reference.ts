/** The door of entity references, the same as of `user(id:)`: a signed-in caller. Root fields declare theirs; these have no field of their own. */
import { forbidden, stepUpRequired, unauthenticated } from '../auth/access/denial.ts';
import type { Caller } from '../auth/caller.ts';

const refusalOf = ({ identity, client }: Caller) => (identity ? stepUpRequired([]) : client ? forbidden() : unauthenticated());

export const signedInOnly = <T>(caller: Caller, load: () => Promise<T>): Promise<T> =>
  caller.identity && !caller.identity.restricted ? load() : Promise.reject(refusalOf(caller));
