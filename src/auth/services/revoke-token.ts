/** Token revocation (RFC 7009): a client's own access token; or a refresh token, which ends its person's session. */

import { Denial } from '../access/denial.ts';
import type { Bearer, Caller } from '../caller.ts';
import type { Endings } from '../sessions/ending.ts';
import type { Revoked } from '../sessions/revoked.ts';
import { findSession } from '../sessions/store.ts';
import { isGenuine, parseRefreshToken } from '../tokens/refresh-token.ts';
import { authenticateClient, type ClientInvalid, type ClientNeeds } from './authenticate-client.ts';
import type { ClientProof } from './model.ts';
import { revokeTokenOnce } from './store.ts';

export type RevokeTokenNeeds = ClientNeeds & {
  refreshSecret: Buffer;
  endings: Endings;
  revoked: Pick<Revoked, 'end'>;
  authenticate: (token: string) => Promise<Bearer>;
};
/** `Revoked` also where there was nothing to revoke (§2.2). `Unsupported`: a kind of token that is not revoked here (§2.2.1). */
export type RevokeTokenOutcome =
  | { readonly kind: 'Revoked' }
  | { readonly kind: 'Unsupported' }
  | { readonly kind: 'NotYours' }
  | ClientInvalid;

export const revokeToken = (needs: RevokeTokenNeeds) => {
  const { database, trail, endings, revoked, refreshSecret, authenticate } = needs;
  const knownClient = authenticateClient(needs);

  /** Whoever has it may end its session, as by `logout`; the clients of people are public ones, which have no secret (RFC 6749 §2.1). */
  const endSessionOf = async (caller: Caller, token: string): Promise<void> => {
    const parts = parseRefreshToken(refreshSecret, token);
    const session = parts && (await findSession(database, parts.sessionId));
    if (!session || !isGenuine(session.salt, parts)) return;
    const { session_id: sessionId, user_id: userId } = session;
    const ended = await database.transaction(async (sql) => {
      const ids = await endings.one(sql, caller, sessionId, 'logout', userId);
      const fact = { type: 'user.logout', data: {}, actorId: userId, sessionId } as const;
      if (ids.length > 0) await trail.write(sql, [trail.fact(caller, fact)]);
      return ids;
    });
    endings.announce(ended);
  };

  const revokeOwn = async (caller: Caller, clientId: string, token: string): Promise<RevokeTokenOutcome> => {
    const bearer = await authenticate(token).catch((error: unknown) => {
      if (error instanceof Denial) return null;
      throw error;
    });
    if (!bearer) return { kind: 'Revoked' };
    if (!bearer.client) return { kind: 'Unsupported' };
    // §2.1: refused, and the client is told.
    if (bearer.client.clientId !== clientId) return { kind: 'NotYours' };
    const { tokenId, expiresAt } = bearer.client;
    // A minute more than it lives, for clocks that differ.
    const until = new Date(expiresAt.getTime() + 60_000);
    await database.transaction(async (sql) => {
      if (!(await revokeTokenOnce(sql, tokenId, until))) return;
      const fact = { type: 'service_client.token_revoked', data: {}, actorId: null, actorClient: clientId } as const;
      await trail.write(sql, [trail.fact(caller, { ...fact, resource: `service_token:${tokenId}` })]);
    });
    revoked.end([tokenId]);
    trail.committed();
    return { kind: 'Revoked' };
  };

  return async (caller: Caller, { token, proof }: { token: string; proof: ClientProof | null }): Promise<RevokeTokenOutcome> => {
    const known = proof && (await knownClient(caller, proof));
    if (known && known.kind !== 'Client') return known;
    if (token.startsWith('lkr_')) {
      await endSessionOf(caller, token);
      return { kind: 'Revoked' };
    }
    return known ? revokeOwn(caller, known.client.id, token) : { kind: 'ClientInvalid' };
  };
};
