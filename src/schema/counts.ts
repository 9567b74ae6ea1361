/** What the count of a list says that may be long (src/auth/counting.ts, src/auth/users/search.ts). */
export const countedTo = 'Exact up to 10,000, of a search up to 1,000; beyond that an estimate.';
