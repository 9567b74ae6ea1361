/**
 * Who calls, and from where: made by the front door from one request (src/http/caller.ts), handed to every operation.
 */

/** Where a request came from, as far as the configured proxies let it be believed. */
export type Origin = {
  /** The client's address in its canonical text form. */
  readonly ip: string;
  /** What limits count as one network: an IPv4 address, or the /64 of an IPv6 one. */
  readonly network: string;
  readonly userAgent: string | null;
  readonly requestId: string;
};

/** What an access token proved (RFC 9068 claims in the house's words). */
export type Identity = {
  readonly userId: string;
  readonly sessionId: string;
  readonly orgId: string | null;
  readonly scopes: readonly string[];
  readonly amr: readonly string[];
  readonly authenticatedAt: Date;
  readonly clientId: string;
  readonly tokenId: string;
  readonly generation: number;
  readonly expiresAt: Date;
  /** A second factor is required and has not been given: only the doors that lead to it are open. */
  readonly restricted: boolean;
  /** The administrator who acts as the user (`act` of RFC 8693 §4.1); null where the user does. */
  readonly impersonatorId: string | null;
};

export type Caller = Origin & {
  /** Null for an anonymous caller. A bad token never gets this far: it is UNAUTHENTICATED at the door. */
  readonly identity: Identity | null;
  /** Whether the request carried the CSRF header (x-latchkey-csrf), which no other site's form can. */
  readonly csrfHeader: boolean;
  /** The refresh token of the cookie, only where the request carried the CSRF header. */
  readonly refreshCookie: string | null;
  /** The token of a trusted device's cookie, under the same condition. */
  readonly deviceCookie: string | null;
  /** Permissions on the platform, compiled by `auth/access`; empty for an anonymous caller. */
  readonly permissions: ReadonlySet<string>;
};

/** A caller whose door has been checked. */
export type SignedInCaller = Caller & { readonly identity: Identity };
