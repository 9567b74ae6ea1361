/**
 * envoy.service.auth.v3.Authorization: Envoy asks before it hands a request on. Judged as by /auth/validate (auth/services/vouch.ts); where the
 * route's configuration names a permission, the caller has to hold that too.
 */
import { status, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { badRequest, unauthenticated } from '../auth/access/denial.ts';
import type { Bearer, Origin } from '../auth/caller.ts';
import type { Bearers } from '../auth/services/bearers.ts';
import { judgeBearer, type Vouched } from '../auth/services/vouch.ts';
import { sameSecret } from '../infra/same-secret.ts';
import type { Asked, Calls } from './calls.ts';
import type { GrpcHouse } from './house.ts';

type Header = { key: string; value: string; rawValue: Buffer };
type CheckRequest = {
  attributes: {
    request: { http: { headers: Record<string, string>; headerMap: { headers: Header[] } | null } | null } | null;
    contextExtensions: Record<string, string>;
  } | null;
};
type Wanted = { permission: string; resource: string | null; org: string | null };

/** The request's headers by lower-case name; what comes twice is joined, and so is no bearer token. */
const headersOf = ({ attributes }: CheckRequest): ReadonlyMap<string, string> => {
  const http = attributes?.request?.http;
  const raw = (http?.headerMap?.headers ?? []).map(({ key, value, rawValue }): [string, string] => [key, value || rawValue.toString()]);
  const headers = new Map<string, string>();
  for (const [key, value] of [...Object.entries(http?.headers ?? {}), ...raw]) {
    const [name, before] = [key.toLowerCase(), headers.get(key.toLowerCase())];
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
};

/** What the route asks for beyond a good token. A half of it would let everybody through: it is refused. */
const wantedOf = ({ attributes }: CheckRequest): Wanted | null => {
  const said = new Map(Object.entries(attributes?.contextExtensions ?? {}));
  const [permission, resource, org] = ['permission', 'resource', 'org'].map((name) => said.get(name) ?? null);
  if (permission) return { permission, resource: resource ?? null, org: org ?? null };
  if (said.has('permission') || resource != null || org != null) throw badRequest('context_extensions name no permission.');
  return null;
};

const prefix = 'x-latchkey-';
const told = ['user', 'session', 'org', 'client', 'impersonator', 'scope'] as const satisfies (keyof Vouched)[];
/** Also as services read it that do not tell `_` from `-` (CGI, WSGI). */
const ours = /^x[-_]latchkey[-_]/;

/** Overwrites what the client may have sent of these, and removes the rest: upstreams may trust every x-latchkey- header. */
const goOn = (vouched: Vouched, sent: Iterable<string>): object => {
  const set = new Map(told.filter((name) => vouched[name] !== '').map((name) => [prefix + name, vouched[name]]));
  const strange = [...told.map((name) => prefix + name), ...[...sent].filter((name) => ours.test(name))];
  return {
    status: { code: status.OK, message: '' },
    okResponse: {
      headers: [...set].map(([key, value]) => ({ header: { key, value }, append: { value: false } })),
      // Envoy removes last: a header that is set here must not be among them.
      headersToRemove: [...new Set(strange)].filter((name) => !set.has(name)),
    },
  };
};

const refuse = (httpCode: 401 | 403, challenge: string): object => ({
  status: { code: httpCode === 401 ? status.UNAUTHENTICATED : status.PERMISSION_DENIED, message: '' },
  deniedResponse: {
    status: { code: httpCode },
    headers: Object.entries({
      'www-authenticate': challenge,
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
    }).map(([key, value]) => ({ header: { key, value }, append: { value: false } })),
    body: httpCode === 401 ? '{"active":false}' : '{"active":true,"allowed":false}',
  },
});

type Needs = { auth: GrpcHouse['auth']; bearers: Bearers; calls: Calls; token: string | undefined };
export const openEnvoy = ({ auth, bearers, calls, token }: Needs): UntypedServiceImplementation => {
  const judge = judgeBearer(bearers.identify);

  /** A program by its scopes; a person, and an API key within what it names, by what the database says now. */
  const may = async (bearer: Bearer, origin: Origin, { permission, resource, org }: Wanted): Promise<boolean> => {
    const caller = await bearers.callerOf(origin, { whose: bearer });
    if (bearer.client) return caller.permissions.has(permission);
    // In the organization that the token speaks for, where the route names none.
    const question = { permission, resource, orgId: org ?? bearer.identity.orgId };
    return (await auth.access.check(caller, question)).allowed;
  };

  const check = async ({ request, authorization, origin }: Asked<CheckRequest>): Promise<object> => {
    if (token && !sameSecret(authorization ?? '', `Bearer ${token}`)) throw unauthenticated('Envoy has to send its token.');
    const wanted = wantedOf(request);
    const headers = headersOf(request);
    const judged = await judge(headers.get('authorization'));
    if (judged.kind === 'Refused') return refuse(401, judged.challenge);
    // RFC 6750 §3.1; the name as it may stand in a quoted string.
    if (wanted && !(await may(judged.bearer, origin, wanted)))
      return refuse(403, `Bearer error="insufficient_scope", scope="${wanted.permission.replace(/[^\w.:]/g, '')}"`);
    return goOn(judged.vouched, headers.keys());
  };
  return { Check: calls.unary(check) };
};
