/** The client credentials grant (RFC 6749 §4.4): an access token for a program, and no refresh token (§4.4.3). */
import type { Caller } from '../caller.ts';
import type { AccessTokens } from '../tokens/access-token.ts';
import { authenticateClient, type ClientInvalid, type ClientNeeds } from './authenticate-client.ts';
import { type ClientProof, narrow } from './model.ts';
import { useClient } from './store.ts';

export type IssueOutcome =
  | { readonly kind: 'TokenIssued'; readonly accessToken: string; readonly expiresIn: number; readonly scope: string }
  | { readonly kind: 'ScopeInvalid' }
  | ClientInvalid;

export const issueToken = (needs: ClientNeeds & { accessTokens: Pick<AccessTokens, 'signForClient'> }) => {
  const { database, clock, limiter, trail, accessTokens, config } = needs;
  const authenticate = authenticateClient(needs);
  return async (caller: Caller, { proof, scope }: { proof: ClientProof; scope: string | null }): Promise<IssueOutcome> => {
    const known = await authenticate(caller, proof);
    if (known.kind !== 'Client') return known;
    const { id: clientId, permissions } = known.client;
    const scopes = narrow(permissions, scope);
    if (!scopes) return { kind: 'ScopeInvalid' };
    // Each token is a fact: a program that asks for one with every call would fill the log.
    const place = await limiter.take(`service token:${clientId}`, config.RATE_LIMIT_SERVICE_TOKEN);
    if (!place.allowed) return { kind: 'TooManyAttempts', retryAfterSeconds: place.retryAfterSeconds };
    const { token, tokenId, expiresIn } = accessTokens.signForClient({ clientId, scopes });
    const issued = await database.transaction(async (sql) => {
      if (!(await useClient(sql, clientId, clock.now()))) return false;
      const data = { scope: scopes.join(' '), method: proof.method, token: tokenId };
      const fact = { type: 'service_client.token_issued', data, actorId: null, actorClient: clientId } as const;
      await trail.write(sql, [trail.fact(caller, { ...fact, resource: `service_client:${clientId}` })]);
      return true;
    });
    if (!issued) return { kind: 'ClientInvalid' };
    trail.committed();
    return { kind: 'TokenIssued', accessToken: token, expiresIn, scope: scopes.join(' ') };
  };
};
