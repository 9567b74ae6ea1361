/** latchkey.v1.Identity: what other services ask, by the operations that GraphQL and OAuth 2.0 have too. */
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { badRequest, forbidden, rateLimited, stepUpRequired, unauthenticated } from '../auth/access/denial.ts';
import type { PermissionCheckInput } from '../auth/access/index.ts';
import { type Caller, nobody } from '../auth/caller.ts';
import { basicOf } from '../auth/services/basic.ts';
import { assemble, type Bearers } from '../auth/services/bearers.ts';
import type { TokenIntrospection } from '../auth/services/introspect.ts';
import type { Asked, Calls } from './calls.ts';
import type { GrpcHouse } from './house.ts';
import { NotFound } from './status.ts';

/** Empty is absent (proto3). */
type Question = { permission: string; userId: string; orgId: string; resource: string };

const inputOf = ({ permission, userId, orgId, resource }: Question): PermissionCheckInput => ({
  permission,
  userId: userId || null,
  orgId: orgId || null,
  resource: resource || null,
});

const introspectionOf = ({ active, sub, sid, org, scope, clientId, exp, iat, amr, act }: TokenIntrospection): object => ({
  active,
  sub: sub ?? '',
  sid: sid ?? '',
  org: org ?? '',
  scope: scope ?? '',
  clientId: clientId ?? '',
  exp: exp ?? 0,
  iat: iat ?? 0,
  amr: amr ?? [],
  actSub: act?.sub ?? '',
});

export const openIdentity = ({
  auth,
  bearers,
  calls,
}: {
  auth: GrpcHouse['auth'];
  bearers: Bearers;
  calls: Calls;
}): UntypedServiceImplementation => {
  /** Whoever is behind the door `signedIn`: a person, an API key or a program; nobody whose second factor is due. */
  const callerOf = async ({ authorization, origin }: Asked<unknown>): Promise<Caller> => {
    const whose = await bearers.identify(authorization);
    if (whose === nobody) throw unauthenticated('The metadata "authorization" has to be a bearer token.');
    if (whose.identity?.restricted) throw stepUpRequired([], 'Set up, or give, a second factor first.');
    return bearers.callerOf(origin, { whose });
  };

  const check = async (asked: Asked<Question>) => auth.access.check(await callerOf(asked), inputOf(asked.request));
  const batchCheck = async (asked: Asked<{ checks: Question[] }>) => ({
    results: await auth.access.checkAll(await callerOf(asked), asked.request.checks.map(inputOf)),
  });

  /** RFC 7662 §2.1: the client proves itself as at the token endpoint, with the same count of failures and the same facts. */
  const introspectAsClient = async (authorization: string, { request, origin }: Asked<{ token: string }>): Promise<TokenIntrospection> => {
    const proof = basicOf(authorization);
    if (!proof) throw unauthenticated('The metadata "authorization" is out of form.');
    const asked = { proof: { method: 'client_secret_basic', ...proof } as const, token: request.token };
    const outcome = await auth.services.oauth.introspect(assemble(origin, { whose: nobody }), asked);
    if (outcome.kind === 'TooManyAttempts') throw rateLimited(outcome.retryAfterSeconds);
    if (outcome.kind === 'ClientInvalid') throw unauthenticated('The client is not known, or has not proved itself.');
    if (outcome.kind === 'Forbidden') throw forbidden('tokens.introspect is needed.');
    return outcome.token;
  };
  const introspectAsBearer = async (asked: Asked<{ token: string }>): Promise<TokenIntrospection> => {
    const caller = await callerOf(asked);
    if (!caller.permissions.has('tokens.introspect')) throw forbidden('tokens.introspect is needed.');
    return auth.services.introspect(asked.request.token);
  };
  const introspect = async (asked: Asked<{ token: string }>) => {
    const { authorization, request } = asked;
    const basic = authorization !== undefined && /^basic /i.test(authorization);
    const told = basic ? await introspectAsClient(authorization, asked) : await introspectAsBearer(asked);
    if (request.token === '') throw badRequest('token is missing.');
    return introspectionOf(told);
  };

  /** For programs: a person proves anew who he is before he sees them, which he cannot here. */
  const reveal = async (asked: Asked<{ accountId: string }>) => {
    const caller = await callerOf(asked);
    if (!caller.client) throw forbidden('This is for programs: people read their credentials in the graph.');
    const outcome = await auth.tradingAccounts.reveal(caller, asked.request);
    if (outcome.kind === 'NotFound') throw new NotFound('There is no such account that its owner lets you trade with.');
    const { apiKey, apiSecret, accessToken } = outcome;
    return { apiKey, apiSecret, accessToken: accessToken ?? '' };
  };

  return {
    Check: calls.unary(check),
    BatchCheck: calls.unary(batchCheck),
    Introspect: calls.unary(introspect),
    RevealTradingCredentials: calls.unary(reveal),
  };
};
