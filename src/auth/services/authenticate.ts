/** From a bearer token (RFC 6750) to whom it speaks for: a person by a session or an API key, or a program. For JWTs no database in the common case. */
import type { Clock, Database } from '../../infra/ports.ts';
import { unauthenticated } from '../access/denial.ts';
import type { Bearer, Identity } from '../caller.ts';
import { requireLiving } from '../sessions/authenticate.ts';
import type { Revoked } from '../sessions/revoked.ts';
import type { AccessTokens } from '../tokens/access-token.ts';
import { tokenDigest } from '../tokens/one-time.ts';
import { findApiKey, type KeyRow, noteKeyUse } from './key-store.ts';
import { apiKeyLookSeconds, isApiKey } from './model.ts';
import { tokenLives } from './store.ts';

export type BearerNeeds = {
  database: Database;
  clock: Clock;
  revoked: Revoked;
  accessTokens: Pick<AccessTokens, 'read'>;
  permissionsOf: (userId: string) => Promise<ReadonlySet<string>>;
  isMember: (userId: string, orgId: string) => Promise<boolean>;
  mayActAs: (adminId: string, userId: string) => Promise<boolean>;
};
const resolutionMs = 60_000;

/** Throws the denial UNAUTHENTICATED unless the token is genuine, current, and its session, client, token or key has not been ended. */
export const authenticate = (needs: BearerNeeds) => {
  const { database, clock, revoked, accessTokens, permissionsOf, isMember, mayActAs } = needs;
  const living = requireLiving(needs);

  const identityOf = async (key: KeyRow, now: Date): Promise<Identity> => {
    const held = await permissionsOf(key.user_id);
    const soon = new Date(now.getTime() + apiKeyLookSeconds * 1000);
    return {
      userId: key.user_id,
      sessionId: key.id,
      orgId: null,
      // Fewer than its owner's, as the owner's are now.
      scopes: key.permissions.filter((permission) => held.has(permission)),
      amr: [],
      authenticatedAt: key.created_at,
      clientId: 'api-key',
      tokenId: key.id,
      generation: -1,
      issuedAt: key.created_at,
      expiresAt: key.expires_at && key.expires_at < soon ? key.expires_at : soon,
      restricted: false,
      apiKeyId: key.id,
      keyPermissions: key.permissions,
      impersonatorId: null,
    };
  };
  const byKey = async (token: string): Promise<Identity> => {
    const now = clock.now();
    const key = isApiKey(token) ? await findApiKey(database, tokenDigest(token), now) : undefined;
    if (!key) throw unauthenticated('The API key is not valid.');
    const minuteAgo = new Date(now.getTime() - resolutionMs);
    if (!key.last_used_at || key.last_used_at < minuteAgo) await noteKeyUse(database, key.id, now, minuteAgo);
    return identityOf(key, now);
  };

  /** Membership as it is now, not as the token says: who has left an organization speaks for it no more, nor by what a role there gave. */
  const present = async (identity: Identity): Promise<Identity> => {
    const { impersonatorId } = identity;
    // The user may have been given more meanwhile, or the administrator less.
    if (impersonatorId && !(await mayActAs(impersonatorId, identity.userId)))
      throw unauthenticated('This user cannot be acted as any more.');
    if (identity.orgId === null || (await isMember(identity.userId, identity.orgId))) return identity;
    const held = await permissionsOf(identity.userId);
    return { ...identity, orgId: null, scopes: identity.scopes.filter((scope) => held.has(scope)) };
  };

  return async (token: string): Promise<Bearer> => {
    if (token.startsWith('lk_')) return { identity: await byKey(token), client: null };
    const { identity, client } = await accessTokens.read(token);
    if (identity) return { identity: await present(await living(identity)), client: null };
    const { clientId, tokenId } = client;
    const ended = revoked.has(clientId) || revoked.has(tokenId);
    if (ended || (revoked.stale() && !(await tokenLives(database, clientId, tokenId))))
      throw unauthenticated('The access token has been revoked.');
    return { identity: null, client };
  };
};
