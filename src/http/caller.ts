/** Request → Caller: who calls, proved by a bearer token, and from where. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { unauthenticated } from '../auth/access/denial.ts';
import type { Caller, Identity, Origin } from '../auth/caller.ts';
import type { Addresses } from './addresses.ts';
import { cookieOf, csrfHeaderName, deviceCookieName, refreshCookieName } from './cookies.ts';
import type { House } from './house.ts';

const nobody: ReadonlySet<string> = new Set();
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
  const identify = async (authorization: string | undefined): Promise<Identity | null> => {
    const token = tokenOf(authorization);
    if (token === null) return null;
    const identity = await auth.sessions.authenticate(token);
    auth.sessions.seen(identity);
    return identity;
  };

  type Proofs = { identity: Identity | null; csrfHeader?: boolean; refreshCookie?: string | null; deviceCookie?: string | null };
  const callerOf = async (origin: Origin, proofs: Proofs): Promise<Caller> =>
    // Whose second factor is due may nothing, whatever an answer to its proof leads on to.
    assemble(
      origin,
      proofs,
      proofs.identity && !proofs.identity.restricted ? await auth.access.permissionsOf(proofs.identity.userId) : nobody,
    );
  const assemble = (
    { ip, network, userAgent, requestId }: Origin,
    { identity, csrfHeader = false, refreshCookie = null, deviceCookie = null }: Proofs,
    permissions: ReadonlySet<string>,
  ): Caller => ({ ip, network, userAgent, requestId, identity, csrfHeader, refreshCookie, deviceCookie, permissions });

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
      if (authorization === undefined)
        return assemble(origin, { identity: null, csrfHeader: carries, refreshCookie, deviceCookie }, nobody);
      return identify(authorization).then((identity) => callerOf(origin, { identity, csrfHeader: carries, refreshCookie, deviceCookie }));
    },
  };
};
export type Callers = ReturnType<typeof openCallers>;
