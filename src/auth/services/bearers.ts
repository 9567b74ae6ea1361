/** From an Authorization header to a caller: one way for every front door. */
import { unauthenticated } from '../access/denial.ts';
import { type Bearer, type Caller, type Identity, nobody, type Origin } from '../caller.ts';

/** What it needs of the house, so that a test can wire a small one. */
export type BearersAuth = {
  access: { permissionsOf(userId: string): Promise<ReadonlySet<string>> };
  sessions: { seen(identity: Pick<Identity, 'sessionId' | 'generation'>): void };
  services: { authenticate(token: string): Promise<Bearer> };
};
export type Whose = Bearer | typeof nobody;
/** What a request brings along beside its token. */
export type Proofs = { whose: Whose; csrfHeader?: boolean; refreshCookie?: string | null; deviceCookie?: string | null };

const none: ReadonlySet<string> = new Set();
/** RFC 6750 §2.1; the scheme in any case (RFC 9110 §11.1). */
const bearer = /^bearer +([\w\-.~+/]+=*) *$/i;

/** The token of an Authorization header, or null where there is no header. Throws UNAUTHENTICATED for any other form: never anonymous by mistake. */
const tokenOf = (authorization: string | undefined): string | null => {
  if (authorization === undefined) return null;
  const token = bearer.exec(authorization)?.[1];
  if (!token) throw unauthenticated('The Authorization header has to be a bearer token.');
  return token;
};

export const assemble = (
  { ip, network, userAgent, requestId }: Origin,
  { whose: { identity, client }, csrfHeader = false, refreshCookie = null, deviceCookie = null }: Proofs,
  permissions: ReadonlySet<string> = none,
): Caller => ({ ip, network, userAgent, requestId, identity, client, csrfHeader, refreshCookie, deviceCookie, permissions });

export const openBearers = (auth: BearersAuth) => {
  /** Throws a `Denial` UNAUTHENTICATED for a bad token, `Unavailable` where it cannot be told. A token that got this far counts as seen. */
  const identify = async (authorization: string | undefined): Promise<Whose> => {
    const token = tokenOf(authorization);
    if (token === null) return nobody;
    const bearer = await auth.services.authenticate(token);
    if (bearer.identity && !bearer.identity.apiKeyId) auth.sessions.seen(bearer.identity);
    return bearer;
  };

  /** A program may what its token says; a person what the database says now; an API key what both it and its owner may. */
  const permissionsOf = async ({ identity, client }: Whose): Promise<ReadonlySet<string>> => {
    if (client) return new Set(client.scopes);
    // Whose second factor is due may nothing, whatever an answer to its proof leads on to.
    if (!identity || identity.restricted) return none;
    const held = await auth.access.permissionsOf(identity.userId);
    return identity.apiKeyId ? new Set(identity.scopes.filter((name) => held.has(name))) : held;
  };

  const callerOf = async (origin: Origin, proofs: Proofs): Promise<Caller> => assemble(origin, proofs, await permissionsOf(proofs.whose));
  return { identify, callerOf };
};
export type Bearers = ReturnType<typeof openBearers>;
