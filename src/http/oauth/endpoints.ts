/** OAuth 2.0 for programs: the token endpoint (RFC 6749 §3.2), introspection (RFC 7662), revocation (RFC 7009), metadata (RFC 8414). No browser's page is granted CORS here. */
import { nobody } from '../../auth/caller.ts';
import type { ClientInvalid } from '../../auth/services/authenticate-client.ts';
import type { Services } from '../../auth/services/index.ts';
import type { TokenIntrospection } from '../../auth/services/introspect.ts';
import type { ClientProof } from '../../auth/services/model.ts';
import type { Callers } from '../caller.ts';
import { tell } from '../errors.ts';
import type { Desk, Exchange } from '../exchange.ts';
import { proofOf, readForm } from './form.ts';

const json = 'application/json; charset=utf-8';
type OAuth = Services['oauth'];
type Form = ReadonlyMap<string, string>;
type Answer = { status: number; body?: object; headers?: string[] };
/** One word of §5.2, and a sentence that quotes nothing of the request. */
const failure = (status: number, error: string, description: string, headers: string[] = []): Answer => ({
  status,
  body: { error, error_description: description },
  headers,
});

/** §5.2: 401, and where the client used the Authorization header the scheme that it used. */
const clientFailure = (refused: ClientInvalid, proof: ClientProof | null): Answer => {
  if (refused.kind === 'TooManyAttempts')
    return failure(429, 'temporarily_unavailable', 'Too many attempts, or tokens.', ['retry-after', String(refused.retryAfterSeconds)]);
  const challenge = !proof || proof.method === 'client_secret_basic' ? ['www-authenticate', 'Basic realm="latchkey", charset="UTF-8"'] : [];
  return failure(401, 'invalid_client', 'The client is not known, or has not proved itself.', challenge);
};
const missing = (name: string): Answer => failure(400, 'invalid_request', `${name} is missing.`);
const unproved: ClientInvalid = { kind: 'ClientInvalid' };

/** RFC 7662 §2.2: what is not known is left out. */
const introspectionOf = ({ active, clientId, amr, ...claims }: TokenIntrospection): object => {
  const told = { active, ...claims, client_id: clientId, amr };
  return active ? Object.fromEntries(Object.entries(told).filter(([, value]) => value !== null)) : { active };
};

export const openOAuth = ({ oauth, desk, callers }: { oauth: OAuth; desk: Desk; callers: Callers }) => {
  type Asked = { form: Form; proof: ClientProof | null; caller: Awaited<ReturnType<Callers['callerOf']>> };

  const token = async ({ form, proof, caller }: Asked): Promise<Answer> => {
    const grant = form.get('grant_type');
    if (!grant) return missing('grant_type');
    if (grant !== 'client_credentials') return failure(400, 'unsupported_grant_type', 'The grant type has to be client_credentials.');
    if (!proof) return clientFailure(unproved, proof);
    const outcome = await oauth.issueToken(caller, { proof, scope: form.get('scope') ?? null });
    if (outcome.kind === 'ScopeInvalid') return failure(400, 'invalid_scope', 'The client may less than that.');
    if (outcome.kind !== 'TokenIssued') return clientFailure(outcome, proof);
    const { accessToken, expiresIn, scope } = outcome;
    return { status: 200, body: { access_token: accessToken, token_type: 'Bearer', expires_in: expiresIn, scope } };
  };

  const introspect = async ({ form, proof, caller }: Asked): Promise<Answer> => {
    if (!proof) return clientFailure(unproved, proof);
    const outcome = await oauth.introspect(caller, { proof, token: form.get('token') ?? '' });
    if (outcome.kind === 'Forbidden') return failure(403, 'unauthorized_client', 'The client lacks the permission tokens.introspect.');
    if (outcome.kind !== 'Introspected') return clientFailure(outcome, proof);
    return form.has('token') ? { status: 200, body: introspectionOf(outcome.token) } : missing('token');
  };

  const revoke = async ({ form, proof, caller }: Asked): Promise<Answer> => {
    const given = form.get('token');
    if (!given) return missing('token');
    const outcome = await oauth.revoke(caller, { proof, token: given });
    if (outcome.kind === 'Revoked') return { status: 200 };
    if (outcome.kind === 'Unsupported')
      return failure(400, 'unsupported_token_type', 'Only tokens of programs and refresh tokens are revoked here.');
    if (outcome.kind === 'NotYours') return failure(400, 'unauthorized_client', 'The token is another client’s.');
    return clientFailure(outcome, proof);
  };

  const send = (exchange: Exchange, { status, body, headers = [] }: Answer): void =>
    // §5.1: neither the answer nor what it is about is kept by anybody; Pragma for the caches of HTTP/1.0.
    exchange.send(status, json, body ? JSON.stringify(body) : '', [...headers, 'cache-control', 'no-store', 'pragma', 'no-cache']);

  const endpoint =
    (work: (asked: Asked) => Promise<Answer>) =>
    async (exchange: Exchange): Promise<void> => {
      const { req, origin } = exchange;
      const form = await readForm(req);
      if (form === null) return exchange.done(499);
      if ('error' in form) return send(exchange, failure(form.status, form.error, form.description));
      const proof = proofOf(req, form);
      if (proof && 'error' in proof) return send(exchange, failure(proof.status, proof.error, proof.description));
      try {
        send(exchange, await work({ form, proof, caller: await callers.callerOf(origin, { whose: nobody }) }));
      } catch (error) {
        const { message, extensions } = tell(error, { requestId: origin.requestId, log: desk.log });
        const away = extensions.code === 'UNAVAILABLE';
        const headers = away ? ['retry-after', String(extensions['retryAfterSeconds'])] : [];
        send(exchange, failure(away ? 503 : 500, away ? 'temporarily_unavailable' : 'server_error', message, headers));
      }
    };

  return {
    '/oauth/token': { POST: endpoint(token) },
    '/oauth/introspect': { POST: endpoint(introspect) },
    '/oauth/revoke': { POST: endpoint(revoke) },
  };
};

export const openMetadata = (metadata: object) => {
  const body = JSON.stringify(metadata);
  return (exchange: Exchange): void =>
    exchange.send(200, json, body, ['cache-control', 'public, max-age=300', 'access-control-allow-origin', '*']);
};
