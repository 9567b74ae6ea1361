/** An operation of this request has shown who the caller is: the rest of the answer may say so (see Proved in src/schema/context.ts). */
import type { Proved } from '../schema/context.ts';

/** A sign-in that has just been made: its session, and unless a second factor is due its user, are the caller's own for the rest of the answer. */
export const asProved = <S extends { userId: string; sessionId: string; restricted: boolean }>(proved: Proved, signedIn: S): S => {
  if (!signedIn.restricted) proved.userIds.add(signedIn.userId);
  proved.sessionIds.add(signedIn.sessionId);
  return signedIn;
};

/** Passes an outcome on; a `User` among the endings is the one whose mailed token was used. */
export const provedUser = <Outcome extends { kind: string }>(proved: Proved, outcome: Outcome): Outcome => {
  if (outcome.kind === 'User' && 'id' in outcome) proved.userIds.add(outcome.id as string);
  return outcome;
};
