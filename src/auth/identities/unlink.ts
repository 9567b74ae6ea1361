/** Taking an identity away. Never the last way in: of two that are taken away at once the second sees what the first left. */
import type { Clock, Database, IdentityProviders } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Post } from '../letters/post.ts';
import { endChallenges } from '../mfa/challenges.ts';
import type { UsableConfig } from '../mfa/model.ts';
import { findOwner } from '../mfa/store.ts';
import type { Refused } from '../outcome.ts';
import { isUuid } from '../paging.ts';
import { lockActive } from '../passwords/store.ts';
import type { UserOutcome } from '../users/model.ts';
import { listIdentities, otherWaysIn, removeIdentity } from './store.ts';

export type UnlinkNeeds = {
  database: Database;
  clock: Clock;
  trail: AuditTrail;
  post: Post;
  providers: IdentityProviders;
  config: UsableConfig;
};
export type UnlinkIdentityOutcome = UserOutcome | Refused<'NotFound' | 'Conflict'>;

const lastWayIn = 'This is the only way in: set a password, add a passkey or link another identity first.';

export const unlinkIdentity =
  ({ database, clock, trail, post, providers, config }: UnlinkNeeds) =>
  async (caller: SignedInCaller, input: { identityId: string }): Promise<UnlinkIdentityOutcome> => {
    const { userId } = caller.identity;
    const id = input.identityId.toLowerCase();
    if (!isUuid(id)) return { kind: 'NotFound' };
    const owner = await findOwner(database, userId);
    const identity = (await listIdentities(database, [userId])).find((one) => one.id === id);
    if (!owner || !identity) return { kind: 'NotFound' };
    const { provider } = identity;
    const data = { at: clock.now().toISOString(), ip: caller.ip, provider: providers.get(provider)?.name ?? provider };
    const queueLetter = await post.prepare(
      ...(owner.email ? [{ name: 'identity-unlinked' as const, to: owner.email, locale: owner.locale, data }] : []),
    );
    const outcome = await database.transaction(async (sql): Promise<UnlinkIdentityOutcome> => {
      if (!(await lockActive(sql, userId))) return { kind: 'NotFound' };
      const left = await otherWaysIn(
        sql,
        userId,
        id,
        [...providers.values()].map(({ issuer }) => issuer),
      );
      if (!left.password && !left.identity && !(left.passkey && config.MFA_TYPES.includes('WEBAUTHN')))
        return { kind: 'Conflict', message: lastWayIn };
      if (!(await removeIdentity(sql, id, userId))) return { kind: 'NotFound' };
      // A sign-in by it that waits for its second factor is over.
      await endChallenges(sql, userId, clock.now());
      await queueLetter(sql);
      await trail.write(sql, [trail.fact(caller, { type: 'identity.unlinked', data: { provider }, resource: `identity:${id}` })]);
      return { kind: 'User', id: userId };
    });
    trail.committed();
    return outcome;
  };
