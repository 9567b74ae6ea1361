/** The same people for every side: addresses by number, one password, one hash made at the parameters of the bench. */
import { hash } from '@node-rs/argon2';

export const password = 'correct horse battery';
export const hashPassword = (): Promise<string> => hash(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 });
export const emailOf = (number: number): string => `person${number}@example.com`;

/** How many of the people are signed in by the API, each with `sessionsEach` sessions. */
export const signedIn = 64;
export const sessionsEach = 10;

/** The next number below `limit`, round and round. */
export const counter = (limit: number, start = 0): (() => number) => {
  let next = start;
  return () => next++ % limit;
};
