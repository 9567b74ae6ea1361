/** An account that another provider's word makes: active at once, without a password. An address that has an account is never enough to get into it. */
import type { Clock, Database, Limiter, ProviderClaims, Random, Rate } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { emailKey } from '../users/model.ts';
import { findByEmail } from '../users/store.ts';
import { personOf } from './model.ts';
import { isIdentityConflict, registerWithIdentity } from './store.ts';

export type RegisterByProviderNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  limiter: Limiter;
  trail: AuditTrail;
  config: { RATE_LIMIT_OAUTH: Rate; BOOTSTRAP_ADMIN_EMAIL?: string | undefined };
};
/** `changed`: somebody has the identity or the address by now; look again. */
export type RegisterByProviderOutcome = 'made' | 'changed' | Refused<'OAuthFailed' | 'IdentityTaken' | 'TooManyAttempts'>;

const unproved = 'The provider does not vouch for an address. Sign in another way, then link this identity.';
const byMail = 'This address is proved by mail here. Register with it, then link this identity.';
const taken = 'An account has this address. Sign in to it first, then link this identity.';

export const registerByProvider = (needs: RegisterByProviderNeeds) => {
  const { database, clock, random, limiter, trail, config } = needs;
  const adminKey = config.BOOTSTRAP_ADMIN_EMAIL === undefined ? null : emailKey(config.BOOTSTRAP_ADMIN_EMAIL);

  return async (caller: Caller, provider: string, claims: ProviderClaims): Promise<RegisterByProviderOutcome> => {
    const person = personOf(claims);
    if (!person) return { kind: 'OAuthFailed', error: 'access_denied', message: unproved };
    if (await findByEmail(database, person.key)) return { kind: 'IdentityTaken', message: taken };
    // Whoever proves it becomes the first administrator, and a provider's word is not that proof.
    if (person.key === adminKey) return { kind: 'OAuthFailed', error: 'access_denied', message: byMail };
    // Not the limit of open registration: each has proved an address to a provider, and a company's first day comes from one network.
    const limitKey = `register by provider:${caller.network}`;
    const { allowed, retryAfterSeconds } = await limiter.take(limitKey, config.RATE_LIMIT_OAUTH);
    if (!allowed) return { kind: 'TooManyAttempts', retryAfterSeconds };
    const at = clock.now();
    const [id, userId] = [random.uuid(at), random.uuid(at)];
    const { issuer, subject } = claims;
    let made = false;
    try {
      made = await database.transaction(async (sql) => {
        if (!(await registerWithIdentity(sql, { id, userId, provider, issuer, subject, email: person.email, at }, person))) return false;
        const who = { actorId: userId, sessionId: null };
        await trail.write(sql, [
          trail.fact(caller, { type: 'user.registered', data: {}, ...who }),
          trail.fact(caller, { type: 'user.verified', data: { by: 'provider' }, ...who }),
          trail.fact(caller, { type: 'identity.linked', data: { provider }, resource: `identity:${id}`, ...who }),
        ]);
        return true;
      });
    } catch (fault) {
      if (!isIdentityConflict(fault)) throw fault;
    } finally {
      if (!made) await limiter.giveBack(limitKey);
    }
    if (made) trail.committed();
    return made ? 'made' : 'changed';
  };
};
