/** Handing over the refresh token: in the answer, or in the cookie and only there. */
import { badRequest } from '../auth/access/denial.ts';
import type { Caller } from '../auth/caller.ts';
import type { SignedIn } from '../auth/login/model.ts';
import { trustSeconds } from '../auth/mfa/model.ts';
import type { Reply } from '../schema/context.ts';
import type { Delivered } from '../schema/login/login.ts';

export type Delivery = 'BODY' | 'COOKIE';

/** Asked before the operation, so that a sign-in without the header (another site's form) opens no session and sets no cookie. */
export const mayDeliver = (caller: Caller, delivery: Delivery | null | undefined): void => {
  if (delivery === 'COOKIE' && !caller.csrfHeader) throw badRequest('Cookie delivery asks for the header x-latchkey-csrf.');
};

/** A refusal passes as it is, and never clears a cookie: a losing tab must not sign the others out. */
export const deliver = <Outcome extends { kind: string }>(
  reply: Reply,
  delivery: Delivery | null | undefined,
  outcome: Outcome | SignedIn,
): Exclude<Outcome, SignedIn> | Delivered => {
  if (outcome.kind !== 'SignedIn') return outcome as Exclude<Outcome, SignedIn>;
  const signedIn = outcome as SignedIn;
  if (delivery !== 'COOKIE') return signedIn;
  reply.setRefreshCookie(signedIn.refreshToken, signedIn.sessionSeconds);
  return { ...signedIn, refreshToken: null };
};

/** The end of a sign-in in two steps: as the first one asked for it. A device that is to be trusted keeps its token the same way. */
export const deliverSignIn = <Outcome extends { kind: string }>(
  reply: Reply,
  outcome: Outcome | SignedIn,
): Exclude<Outcome, SignedIn> | Delivered => {
  const { delivery, deviceToken } = outcome as SignedIn;
  const delivered = deliver(reply, delivery as Delivery | undefined, outcome);
  if (outcome.kind !== 'SignedIn' || delivery !== 'COOKIE' || !deviceToken) return delivered;
  reply.setDeviceCookie(deviceToken, trustSeconds);
  return { ...(delivered as Delivered), deviceToken: null };
};
