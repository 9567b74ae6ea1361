/** Forward-auth for gateways that ask over HTTP (nginx auth_request, Traefik ForwardAuth): is this bearer token good, and whose is it? */
import { judgeBearer, type Vouched } from '../auth/services/vouch.ts';
import type { Callers } from './caller.ts';
import { tell } from './errors.ts';
import type { Desk, Exchange } from './exchange.ts';

const json = 'application/json; charset=utf-8';

/** What does not apply is an empty header, so that a client's own one is overwritten by a gateway that copies these. */
const headersOf = (vouched: Vouched): string[] => [
  ...['x-user-id', vouched.user, 'x-session-id', vouched.session, 'x-org-id', vouched.org, 'x-scopes', vouched.scope],
  ...['x-amr', vouched.amr, 'x-client-id', vouched.client, 'x-impersonator-id', vouched.impersonator],
  ...['x-auth-time', vouched.authTime, 'x-token-expires', vouched.expires],
];

/** 200 with the identity in headers, or 401 by RFC 6750 §3. Any method, since some gateways hand on the original one; the body is not read. */
export const openGateway = ({ desk, callers }: { desk: Desk; callers: Callers }) => {
  const judge = judgeBearer(callers.identify);
  return async (exchange: Exchange): Promise<void> => {
    exchange.req.resume();
    try {
      const judged = await judge(exchange.req.headers.authorization);
      if (judged.kind === 'Refused') return exchange.send(401, json, '{"active":false}', ['www-authenticate', judged.challenge]);
      exchange.userId = judged.bearer.identity?.userId ?? null;
      exchange.send(200, json, '{"active":true}', headersOf(judged.vouched));
    } catch (error) {
      const { extensions } = tell(error, { requestId: exchange.origin.requestId, log: desk.log });
      const away = extensions.code === 'UNAVAILABLE';
      exchange.send(away ? 503 : 500, json, '{"active":null}', away ? ['retry-after', String(extensions['retryAfterSeconds'])] : []);
    }
  };
};
