/** Token introspection (RFC 7662 §2.2): is this token good, and whose is it? Of a token that is not, nothing is told. */
import type { Clock, Database } from '../../infra/ports.ts';
import { Denial } from '../access/denial.ts';
import type { Bearer, Caller } from '../caller.ts';
import { endedBecause } from '../sessions/model.ts';
import { findSession } from '../sessions/store.ts';
import { isGenuine, parseRefreshToken } from '../tokens/refresh-token.ts';
import { authenticateClient, type ClientInvalid, type ClientNeeds } from './authenticate-client.ts';
import type { ClientProof } from './model.ts';

export type TokenIntrospection = {
  readonly active: boolean;
  readonly sub: string | null;
  readonly sid: string | null;
  readonly org: string | null;
  readonly scope: string | null;
  readonly clientId: string | null;
  readonly exp: number | null;
  readonly iat: number | null;
  readonly amr: readonly string[] | null;
  /** Who acts as the subject (RFC 8693 §4.1). */
  readonly act: { readonly sub: string } | null;
};
export type IntrospectNeeds = {
  database: Database;
  clock: Clock;
  refreshSecret: Buffer;
  authenticate: (token: string) => Promise<Bearer>;
};

const nothing = { sub: null, sid: null, org: null, scope: null, clientId: null, exp: null, iat: null, amr: null, act: null };
const inactive: TokenIntrospection = { active: false, ...nothing };
const actor = (impersonatorId: string | null) => (impersonatorId === null ? null : { sub: impersonatorId });
const seconds = (at: Date | null): number | null => at && Math.floor(at.getTime() / 1000);

export const introspectToken = ({ database, clock, refreshSecret, authenticate }: IntrospectNeeds) => {
  /** Only the current one of its session: an older one would be a reuse. */
  const ofRefreshToken = async (token: string): Promise<TokenIntrospection> => {
    const parts = parseRefreshToken(refreshSecret, token);
    const session = parts && (await findSession(database, parts.sessionId));
    if (!session || !isGenuine(session.salt, parts) || session.generation !== parts.generation) return inactive;
    if (endedBecause(session, clock.now())) return inactive;
    const { user_id: sub, session_id: sid, org_id: org, client_id: clientId, amr } = session;
    const [exp, iat, act] = [seconds(session.expires_at), seconds(session.rotated_at), actor(session.impersonator_id)];
    return { ...nothing, active: true, sub, sid, org, clientId, exp, iat, amr, act };
  };

  return async (token: string): Promise<TokenIntrospection> => {
    if (token.startsWith('lkr_')) return ofRefreshToken(token);
    const bearer = await authenticate(token).catch((error: unknown) => {
      if (error instanceof Denial) return null;
      throw error;
    });
    if (bearer?.client) {
      const { clientId, scopes, expiresAt, issuedAt } = bearer.client;
      const scope = scopes.join(' ');
      return { ...nothing, active: true, sub: clientId, clientId, scope, exp: seconds(expiresAt), iat: seconds(issuedAt) };
    }
    // A token whose second factor is due opens nothing at the services that ask here.
    if (!bearer || bearer.identity.restricted) return inactive;
    const { userId: sub, sessionId, apiKeyId, orgId: org, clientId, scopes, amr, issuedAt, expiresAt } = bearer.identity;
    const [sid, scope, act] = [apiKeyId ? null : sessionId, scopes.join(' '), actor(bearer.identity.impersonatorId)];
    return { active: true, sub, sid, org, clientId, scope, amr, act, exp: seconds(expiresAt), iat: seconds(issuedAt) };
  };
};

export type ClientIntrospection =
  | { readonly kind: 'Introspected'; readonly token: TokenIntrospection }
  | { readonly kind: 'Forbidden' }
  | ClientInvalid;

/** The same for a client that proves itself in the request, with the permission tokens.introspect. */
export const introspectAsClient = (needs: ClientNeeds & IntrospectNeeds) => {
  const knownClient = authenticateClient(needs);
  const introspect = introspectToken(needs);
  return async (caller: Caller, { proof, token }: { proof: ClientProof; token: string }): Promise<ClientIntrospection> => {
    const known = await knownClient(caller, proof);
    if (known.kind !== 'Client') return known;
    if (!known.client.permissions.includes('tokens.introspect')) return { kind: 'Forbidden' };
    return { kind: 'Introspected', token: await introspect(token) };
  };
};
