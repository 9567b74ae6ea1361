/** Request → Caller: who calls, proved by a bearer token, and from where. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Caller, nobody, type Origin } from '../auth/caller.ts';
import { assemble, openBearers } from '../auth/services/bearers.ts';
import type { Addresses } from './addresses.ts';
import { cookieOf, csrfHeaderName, deviceCookieName, refreshCookieName } from './cookies.ts';
import type { House } from './house.ts';

const longestUserAgent = 512;
/** What a proxy may hand on as a request's id; it goes into logs, headers and audit facts. */
const saneId = /^[\w.:+/=-]{8,128}$/;

export const openCallers = ({ auth, addresses }: { auth: House['auth']; addresses: Addresses }) => {
  const { identify, callerOf } = openBearers(auth);
  const originOf = (req: IncomingMessage): Origin => {
    const { ip, network } = addresses.of(req);
    const given = req.headers['x-request-id'];
    const requestId = typeof given === 'string' && saneId.test(given) && addresses.viaProxy(req) ? given : randomUUID();
    return { ip, network, userAgent: req.headers['user-agent']?.slice(0, longestUserAgent) ?? null, requestId };
  };

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
      if (authorization === undefined) return assemble(origin, { whose: nobody, csrfHeader: carries, refreshCookie, deviceCookie });
      return identify(authorization).then((whose) => callerOf(origin, { whose, csrfHeader: carries, refreshCookie, deviceCookie }));
    },
  };
};
export type Callers = ReturnType<typeof openCallers>;
