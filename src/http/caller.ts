/** Request → Caller: who calls, proved by a bearer token, and from where. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { unauthenticated } from '../auth/access/denial.ts';
import { type Bearer, type Caller, nobody, type Origin } from '../auth/caller.ts';
import type { Addresses } from './addresses.ts';
import { cookieOf, csrfHeaderName, deviceCookieName, refreshCookieName } from './cookies.ts';
import type { House } from './house.ts';

const none: ReadonlySet<string> = new Set();
type Whose = Bearer | typeof nobody;
const longestUserAgent = 512;
/** What a proxy may hand on as a request's id; it goes into logs, headers and audit facts. */
const saneId = /^[\w.:+/=-]{8,128}$/;
/** RFC 6750 §2.1; the scheme in any case (RFC 9110 §11.1). */
const bearer = /^bearer +([\w\-.~+/]+=*) *$/i;

/** The token of an Authorization header, or null where there is no header. Throws UNAUTHENTICATED for any other form: never anonymous by mistake. */
export const tokenOf = (authorization: string | undefined): string | null => {
  if (authorization === undefined) return null;
  const token = bearer.exec(authorization)?.[1];
  if (!token) throw unauthenticated('The Authorization header has to be a bearer token.');
  return token;
};

export const openCallers = ({ auth, addresses }: { auth: House['auth']; addresses: Addresses }) => {
  const originOf = (req: IncomingMessage): Origin => {
    const { ip, network } = addresses.of(req);
    const given = req.headers['x-request-id'];
    const requestId = typeof given === 'string' && saneId.test(given) && addresses.viaProxy(req) ? given : randomUUID();
    return { ip, network, userAgent: req.headers['user-agent']?.slice(0, longestUserAgent) ?? null, requestId };
  };

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

  type Proofs = { whose: Whose; csrfHeader?: boolean; refreshCookie?: string | null; deviceCookie?: string | null };
  const callerOf = async (origin: Origin, proofs: Proofs): Promise<Caller> => assemble(origin, proofs, await permissionsOf(proofs.whose));
  const assemble = (
    { ip, network, userAgent, requestId }: Origin,
    { whose: { identity, client }, csrfHeader = false, refreshCookie = null, deviceCookie = null }: Proofs,
    permissions: ReadonlySet<string>,
  ): Caller => ({ ip, network, userAgent, requestId, identity, client, csrfHeader, refreshCookie, deviceCookie, permissions });

  return {
    originOf,
    identify,
    callerOf,
    /** The caller of an HTTP request; at once where there is nothing to ask. */
    of: (req: IncomingMessage, origin: Origin): Caller | Promise<Caller> => {
      const { authorization, cookie } = req.headers;
      const carries = req.headers[csrfHeaderName] === '1';
      // The header cannot be set across origins without a preflight, so a forged request brings no cookie.
      const named = (name: string) => (cookie !== undefined && carries ? cookieOf(cookie, name) : null);
      const [refreshCookie, deviceCookie] = [named(refreshCookieName), named(deviceCookieName)];
      if (authorization === undefined) return assemble(origin, { whose: nobody, csrfHeader: carries, refreshCookie, deviceCookie }, none);
      return identify(authorization).then((whose) => callerOf(origin, { whose, csrfHeader: carries, refreshCookie, deviceCookie }));
    },
  };
};
export type Callers = ReturnType<typeof openCallers>;
