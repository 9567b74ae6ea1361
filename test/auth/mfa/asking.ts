/** What the tests of second factors ask, and when. */
import { expect } from 'vitest';
import type { Client } from '../../kit/client.ts';
import { ask, challengeMutation, confirmMutation, mfaLoginMutation, setupMutation, stepUpMutation, verifyMutation } from '../../kit/mfa.ts';
import { type Person, password, type SignedInPerson, type World } from '../../kit/world.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests read answers of any shape
export type Answered = any;
type Asking = (client: Client, input: object) => Promise<Answered>;
const asking =
  (mutation: string): Asking =>
  (client, input) =>
    ask(client, mutation, input);

export const setup = asking(setupMutation);
export const confirm = asking(confirmMutation);
export const challenge = asking(challengeMutation);
export const verify = asking(verifyMutation);
export const stepUp = asking(stepUpMutation);
/** The first factor. */
export const logIn = (client: Client, { email }: Person, input: object = {}): Promise<Answered> =>
  ask(client, mfaLoginMutation, { email, password, ...input });

/** Signs in as far as the second factor; the token of its challenge. */
export const challenged = async (world: World, person: Person, input: object = {}): Promise<string> => {
  const due = await logIn(world.anonymous, person, input);
  expect(due.__typename).toBe('MfaRequired');
  return due.challengeToken;
};

/** Moves the clock into the next time step, with 25 of its 30 s to run, so that no code's step goes by unseen. */
export const nextStep = (world: World): Date => {
  const now = world.clock.now().getTime();
  world.clock.move(30 - ((now / 1000) % 30) + 3);
  return world.clock.now();
};

/** Six digits that are not `code`. */
export const otherThan = (code: string): string => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

/** The code of the newest mail or text to `to` that has one, the `nth` of those (1 is the first). */
export const sentCode = async (world: World, to: string, nth = 1): Promise<string> => {
  for (let waited = 0; waited < 8000; waited += 20) {
    const codes = world.mailsTo(to).flatMap(({ text }) => /^(\d{6})\b/m.exec(text)?.[1] ?? []);
    const code = codes[nth - 1];
    if (code) return code;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`no code number ${nth} came to ${to}`);
};

/** Sets up a factor that is sent, by the first code that goes to `to`. */
export const withSent = async <P extends SignedInPerson>(world: World, person: P, input: { type: string; phone?: string }, nth = 1) => {
  const to = input.phone ?? person.email;
  const { method } = await setup(person.client, input);
  const enabled = await confirm(person.client, { methodId: method.id, code: await sentCode(world, to, nth) });
  expect(enabled.__typename).toBe('MfaEnabled');
  return { ...person, methodId: method.id as string, backupCodes: enabled.backupCodes as string[] };
};

/** How many facts of `type` there are about the user. */
export const factsOf = async (world: World, userId: string, type: string): Promise<Record<string, unknown>[]> =>
  world.sql('SELECT * FROM audit_events WHERE subject_id = $1 AND type = $2 ORDER BY seq', [userId, type]);

export const claimsOf = (accessToken: string): Record<string, Answered> =>
  JSON.parse(Buffer.from(accessToken.split('.')[1]!, 'base64url').toString());
