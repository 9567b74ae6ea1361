/** Taking a factor away. Never the last one where one is required, nor a passkey that is the only way in. */
import type { Clock, Database, Hasher, IdentityProviders, Limiter, Rate } from '../../infra/ports.ts';
import { rateLimited } from '../access/denial.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import { otherWaysIn } from '../identities/store.ts';
import type { Post } from '../letters/post.ts';
import type { Refused } from '../outcome.ts';
import { isUuid } from '../paging.ts';
import { lockActive } from '../passwords/store.ts';
import { verifyOwnPassword } from '../passwords/verify-own.ts';
import type { UserOutcome } from '../users/model.ts';
import { endChallenges } from './challenges.ts';
import { type MethodType, type UsableConfig, usableTypes } from './model.ts';
import type { Requirement } from './requirement.ts';
import { findOwner, removeMethod, replaceBackupCodes, setStrongOnly } from './store.ts';
import { forgetAllTrust } from './trusted-devices.ts';

export type DisableNeeds = {
  database: Database;
  clock: Clock;
  hasher: Hasher;
  limiter: Limiter;
  trail: AuditTrail;
  post: Post;
  requirement: Requirement;
  providers: IdentityProviders;
  config: UsableConfig & { RATE_LIMIT_LOGIN: Rate };
};
export type DisableMfaInput = { methodId: string; currentPassword?: string | null };
export type DisableMfaOutcome = UserOutcome | Refused<'InvalidCredentials' | 'NotFound' | 'Conflict'>;

const lastWayIn = 'This passkey is the only way in: set a password or link an identity first.';

export const disableMfa = (needs: DisableNeeds) => {
  const { database, clock, trail, post, requirement, providers, config } = needs;
  const verifyPassword = verifyOwnPassword(needs);
  return async (caller: SignedInCaller, input: DisableMfaInput): Promise<DisableMfaOutcome> => {
    const { userId, orgId } = caller.identity;
    if (!isUuid(input.methodId)) return { kind: 'NotFound' };
    if (input.currentPassword != null) {
      const verdict = await verifyPassword(caller, input.currentPassword);
      if (verdict.kind === 'TooManyAttempts') throw rateLimited(verdict.retryAfterSeconds);
      if (verdict.kind !== 'right') {
        const fact = { type: 'mfa.disable_failed', outcome: 'FAILURE', data: { reason: 'InvalidCredentials' } } as const;
        await trail.write(database, [trail.fact(caller, fact)]);
        trail.committed();
        return { kind: 'InvalidCredentials' };
      }
    }
    const owner = await findOwner(database, userId);
    const row = owner?.methods.find((method) => method.id === input.methodId);
    if (!owner || !row) return { kind: 'NotFound' };
    const required = await requirement.of(userId, orgId);
    const data = { at: clock.now().toISOString(), ip: caller.ip, method: row.type };
    const queueLetter = await post.prepare(
      ...(owner.email ? [{ name: 'mfa-disabled' as const, to: owner.email, locale: owner.locale, data }] : []),
    );
    const outcome = await database.transaction(async (sql): Promise<DisableMfaOutcome> => {
      // The user's row is held: of two that are taken away at once the second sees what the first left.
      if (!(await lockActive(sql, userId))) return { kind: 'NotFound' };
      const left = (await findOwner(sql, userId))?.methods.filter((method) => method.id !== row.id) ?? [];
      const counts = usableTypes({ methods: left, strongOnly: false, backupCodes: 0 }, config).length > 0;
      if (required && !counts) return { kind: 'Conflict' };
      if (row.type === 'WEBAUTHN' && !left.some((method) => method.type === row.type)) {
        const ways = await otherWaysIn(
          sql,
          userId,
          null,
          [...providers.values()].map(({ issuer }) => issuer),
        );
        if (!ways.password && !ways.identity) return { kind: 'Conflict', message: lastWayIn };
      }
      if (!(await removeMethod(sql, row.id, userId))) return { kind: 'NotFound' };
      if (left.length === 0) await replaceBackupCodes(sql, userId, clock.now(), []);
      if (!left.some((method) => method.type === ('WEBAUTHN' satisfies MethodType))) await setStrongOnly(sql, userId, false, clock.now());
      await forgetAllTrust(sql, userId);
      await endChallenges(sql, userId, clock.now());
      await queueLetter(sql);
      await trail.write(sql, [trail.fact(caller, { type: 'mfa.disabled', data: { method: row.type } })]);
      return { kind: 'User', id: userId };
    });
    trail.committed();
    return outcome;
  };
};
