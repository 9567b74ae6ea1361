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

/** What a person's token proved: an access token (RFC 9068 claims in the house's words), or an API key. */
export type Identity = {
  readonly userId: string;
  /** Of an API key the key's own id: it ends as a session does, and no session has that id. */
  readonly sessionId: string;
  readonly orgId: string | null;
  readonly scopes: readonly string[];
  readonly amr: readonly string[];
  readonly authenticatedAt: Date;
  readonly clientId: string;
  readonly tokenId: string;
  readonly generation: number;
  readonly issuedAt: Date | null;
  readonly expiresAt: Date;
  /** A second factor is required and has not been given: only the doors that lead to it are open. */
  readonly restricted: boolean;
  /** The API key that stands for the person, who is not there: it proves nothing anew, and opens no door that asks for that. */
  readonly apiKeyId: string | null;
  /** What that key names: no more is its caller's, on the platform or in an organization. Null where there is no key. */
  readonly keyPermissions: readonly string[] | null;
  /** The administrator who acts as the user (`act` of RFC 8693 §4.1); null where the user does. */
  readonly impersonatorId: string | null;
};

/** A program that calls on its own behalf (RFC 6749 §4.4), as its access token proved: it is nobody, and has no session. */
export type Client = {
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly tokenId: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
};

/** Whom a bearer token speaks for: a person or a program, never both. */
export type Bearer = { readonly identity: Identity; readonly client: null } | { readonly identity: null; readonly client: Client };
export const nobody = { identity: null, client: null } as const;

/** What ends with any of these ids, and at that time, at the latest: what a token opened and keeps open (a stream, a socket). */
export const lifeOf = ({ identity, client }: Pick<Caller, 'identity' | 'client'>): { ids: readonly string[]; expiresAt: Date } | null => {
  if (client) return { ids: [client.clientId, client.tokenId], expiresAt: client.expiresAt };
  return identity && { ids: [identity.sessionId], expiresAt: identity.expiresAt };
};

export type Caller = Origin & {
  /** Null for a program and an anonymous caller. A bad token never gets this far: it is UNAUTHENTICATED at the door. */
  readonly identity: Identity | null;
  /** The program that calls, where no person does. */
  readonly client: Client | null;
  /** Whether the request carried the CSRF header (x-latchkey-csrf), which no other site's form can. */
  readonly csrfHeader: boolean;
  /** The refresh token of the cookie, only where the request carried the CSRF header. */
  readonly refreshCookie: string | null;
  /** The token of a trusted device's cookie, under the same condition. */
  readonly deviceCookie: string | null;
  /** Permissions on the platform: a person's by `auth/access`, a program's by its token; empty for an anonymous caller. */
  readonly permissions: ReadonlySet<string>;
};

/** A caller whose door has been checked. */
export type SignedInCaller = Caller & { readonly identity: Identity };
