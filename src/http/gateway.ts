/** Forward-auth for gateways (nginx auth_request, Traefik ForwardAuth, Envoy ext_authz): is this bearer token good, and whose is it? */
import { Denial } from '../auth/access/denial.ts';
import type { Client, Identity } from '../auth/caller.ts';
import type { Callers } from './caller.ts';
import { tell } from './errors.ts';
import type { Desk, Exchange } from './exchange.ts';

const json = 'application/json; charset=utf-8';

/** RFC 9110 §5.5: what goes into a header is visible ASCII; ids, scopes and methods of the house are. */
const headersOf = (identity: Identity): string[] => [
  'x-user-id',
  identity.userId,
  'x-session-id',
  identity.apiKeyId ? '' : identity.sessionId,
  // An absent organization is an empty header, so that a client's own X-Org-Id is overwritten by a gateway that copies these.
  'x-org-id',
  identity.orgId ?? '',
  'x-scopes',
  identity.scopes.join(' '),
  'x-amr',
  identity.amr.join(' '),
  'x-client-id',
  identity.clientId,
  'x-auth-time',
  String(Math.floor(identity.authenticatedAt.getTime() / 1000)),
  'x-token-expires',
  String(Math.floor(identity.expiresAt.getTime() / 1000)),
];

/** The same names for a program; what only a person has is empty, so that a client's own headers are overwritten. */
const headersOfClient = ({ clientId, scopes, expiresAt }: Client): string[] => [
  ...['x-user-id', '', 'x-session-id', '', 'x-org-id', '', 'x-scopes', scopes.join(' '), 'x-amr', '', 'x-client-id', clientId],
  ...['x-auth-time', '', 'x-token-expires', String(Math.floor(expiresAt.getTime() / 1000))],
];

/** 200 with the identity in headers, or 401 by RFC 6750 §3. Any method, since some gateways hand on the original one; the body is not read. */
export const openGateway =
  ({ desk, callers }: { desk: Desk; callers: Callers }) =>
  async (exchange: Exchange): Promise<void> => {
    exchange.req.resume();
    try {
      const { identity, client } = await callers.identify(exchange.req.headers.authorization);
      if (client) return exchange.send(200, json, '{"active":true}', headersOfClient(client));
      // §3.1: no error code where no token was sent.
      if (!identity) return exchange.send(401, json, '{"active":false}', ['www-authenticate', 'Bearer']);
      exchange.userId = identity.userId;
      // RFC 9470 §3: genuine, but a second factor is due before it opens anything.
      if (identity.restricted)
        return exchange.send(401, json, '{"active":false}', ['www-authenticate', 'Bearer error="insufficient_user_authentication"']);
      exchange.send(200, json, '{"active":true}', headersOf(identity));
    } catch (error) {
      if (error instanceof Denial)
        return exchange.send(401, json, '{"active":false}', ['www-authenticate', 'Bearer error="invalid_token"']);
      const { extensions } = tell(error, { requestId: exchange.origin.requestId, log: desk.log });
      const away = extensions.code === 'UNAVAILABLE';
      exchange.send(away ? 503 : 500, json, '{"active":null}', away ? ['retry-after', String(extensions['retryAfterSeconds'])] : []);
    }
  };
