/** Linking an identity to whoever is signed in: to him who began it, in the session in which he did. */
import { type Clock, type Database, type IdentityProvider, type ProviderClaims, type Random, Unavailable } from '../../infra/ports.ts';
import { unauthenticated } from '../access/denial.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Post } from '../letters/post.ts';
import type { Refused } from '../outcome.ts';
import { lockActive } from '../passwords/store.ts';
import type { Grants } from '../sessions/grant.ts';
import { findSession } from '../sessions/store.ts';
import { shownAddress } from './model.ts';
import { findIdentity, holdSession, insertIdentity } from './store.ts';

export type LinkNeeds = { database: Database; clock: Clock; random: Random; trail: AuditTrail; post: Post; grants: Grants };
/**
 * The session goes on: a new access token for it. Its refresh token stays, and is not told, as by `switchOrganization`: whoever has an access
 * token for some minutes would have one for the whole session.
 */
export type Linked = {
  readonly kind: 'SignedIn';
  readonly accessToken: string;
  readonly expiresIn: number;
  readonly restricted: boolean;
  readonly refreshToken: null;
  readonly userId: string;
  readonly sessionId: string;
};
const taken = 'This identity belongs to another account.';

export const linkIdentity = (needs: LinkNeeds) => {
  const { database, clock, random, trail, post, grants } = needs;
  return async (caller: SignedInCaller, provider: IdentityProvider, claims: ProviderClaims): Promise<Linked | Refused<'IdentityTaken'>> => {
    const { userId, sessionId } = caller.identity;
    const session = await findSession(database, sessionId);
    if (!session) throw unauthenticated('The session has ended.');
    const at = clock.now();
    const data = { at: at.toISOString(), ip: caller.ip, provider: provider.name };
    const queueLetter = await post.prepare(
      ...(session.email ? [{ name: 'identity-linked' as const, to: session.email, locale: session.locale, data }] : []),
    );
    const { issuer, subject } = claims;
    const email = shownAddress(claims);
    const id = random.uuid(at);
    const ended = await database.transaction(async (sql): Promise<'linked' | 'taken'> => {
      // A session that has just been disowned or signed out leaves nothing behind.
      if (!(await lockActive(sql, userId)) || !(await holdSession(sql, sessionId, userId, at)))
        throw unauthenticated('The session has ended.');
      if (await insertIdentity(sql, { id, userId, provider: provider.id, issuer, subject, email, at }, sessionId)) {
        await queueLetter(sql);
        const fact = { type: 'identity.linked', data: { provider: provider.id }, resource: `identity:${id}` } as const;
        await trail.write(sql, [trail.fact(caller, fact)]);
        return 'linked';
      }
      const known = await findIdentity(sql, issuer, subject);
      if (!known) throw new Unavailable('the identity is being changed elsewhere');
      if (known.userId === userId) return 'linked';
      const failed = { provider: provider.id, reason: 'IdentityTaken', error: null } as const;
      await trail.write(sql, [trail.fact(caller, { type: 'identity.link_failed', outcome: 'FAILURE', data: failed })]);
      return 'taken';
    });
    trail.committed();
    if (ended === 'taken') return { kind: 'IdentityTaken', message: taken };
    return { kind: 'SignedIn', ...(await grants.accessToken(session)), refreshToken: null, userId, sessionId };
  };
};
