/** The nouns of signing in. */
import type { UserRow } from '../users/read.ts';

/** A sign-in or a refresh that is complete. `expiresIn` in seconds. */
export type SignedIn = {
  readonly kind: 'SignedIn';
  readonly accessToken: string;
  readonly expiresIn: number;
  readonly refreshToken: string;
  /** Seconds the refresh token's cookie may live: until the session ends for good. */
  readonly sessionSeconds: number;
  readonly userId: string;
  readonly sessionId: string;
  /** A second factor is required and has not been given: the tokens lead to it and to nothing else. */
  readonly restricted: boolean;
  /** The user's row as the sign-in left it; a refresh does not read it. */
  readonly user?: UserRow;
  /** For a device that is to be trusted. */
  readonly deviceToken?: string;
  /** How the client wanted the refresh token when it began to sign in. */
  readonly delivery?: string | null;
};
