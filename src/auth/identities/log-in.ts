/** Signing in by an identity: the one that is linked, or the one of an account that is made for it. */
import { type Clock, type Database, type ProviderClaims, Unavailable } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import type { Complete } from '../login/complete.ts';
import type { SignedIn } from '../login/model.ts';
import { proofOf } from '../login/proof.ts';
import type { SignIn } from '../login/sign-in.ts';
import { findPerson } from '../login/store.ts';
import type { MfaRequired } from '../mfa/due.ts';
import type { Refused } from '../outcome.ts';
import { lockActive } from '../passwords/store.ts';
import type { DeviceInput } from '../sessions/device.ts';
import { federated, shownAddress } from './model.ts';
import { type RegisterByProviderNeeds, registerByProvider } from './register.ts';
import { findIdentity, type IdentityRow, useIdentity } from './store.ts';

export type LogInNeeds = RegisterByProviderNeeds & {
  database: Database;
  clock: Clock;
  trail: AuditTrail;
  signIn: SignIn;
  complete: Complete;
};
export type LogInInput = { persistent?: boolean | null; device?: DeviceInput | null; delivery?: string | null };
export type LogInOutcome =
  | SignedIn
  | MfaRequired
  | Refused<'TokenInvalid' | 'OAuthFailed' | 'IdentityTaken' | 'AccountDeactivated' | 'TooManyAttempts'>;

/** An account can come or go between looking and writing; that it does so this often in a row is no longer chance. */
const mostTries = 5;

/** How far the clocks of a provider may be before ours. */
const skewMs = 60_000;
/** What lies further ahead, or is no time at all (milliseconds for seconds), proves nothing: long ago. */
const provedAt = (told: Date, now: Date): Date =>
  told.getTime() <= now.getTime() + skewMs ? new Date(Math.min(told.getTime(), now.getTime())) : new Date(0);

export const logInByIdentity = (needs: LogInNeeds) => {
  const { database, clock, trail, signIn, complete } = needs;
  const register = registerByProvider(needs);

  const logIn = async (
    caller: Caller,
    input: LogInInput,
    identity: IdentityRow,
    claims: ProviderClaims,
  ): Promise<SignedIn | MfaRequired | Refused<'TokenInvalid' | 'AccountDeactivated'>> => {
    const { device, key } = signIn.device(caller, input.device);
    const person = await findPerson(database, identity.userId, key, device.country);
    if (!person || person.status === 'DELETED') return { kind: 'TokenInvalid' };
    if (person.status === 'DEACTIVATED') return { kind: 'AccountDeactivated' };
    const now = clock.now();
    const proof = {
      ...proofOf(person, device, input),
      amr: [federated],
      // A provider that has known him for hours has just proved nothing: sensitive doors ask when he did.
      ...(claims.authenticatedAt && { authenticatedAt: provedAt(claims.authenticatedAt, now) }),
      claim: async (sql: Parameters<typeof useIdentity>[0]): Promise<boolean> => {
        if (!(await lockActive(sql, identity.userId))) return false;
        if (!(await useIdentity(sql, identity.id, identity.userId, now, shownAddress(claims)))) return false;
        const who = { actorId: identity.userId, sessionId: null, resource: `identity:${identity.id}` };
        await trail.write(sql, [trail.fact(caller, { type: 'identity.used', data: { provider: identity.provider }, ...who })]);
        return true;
      },
    };
    const completed = await complete(caller, proof, person.has_factor, input.device?.token);
    trail.committed();
    return completed ?? { kind: 'TokenInvalid' };
  };

  return async (caller: Caller, input: LogInInput, provider: string, claims: ProviderClaims): Promise<LogInOutcome> => {
    const find = () => findIdentity(database, claims.issuer, claims.subject);
    for (let tries = 0; tries < mostTries; tries += 1) {
      const identity = await find();
      if (identity) return logIn(caller, input, identity, claims);
      const registered = await register(caller, provider, claims);
      if (typeof registered === 'string') continue;
      // The account of the address may be his own: made by the same identity, in another tab, just now.
      if (registered.kind !== 'IdentityTaken' || !(await find())) return registered;
    }
    throw new Unavailable('the account is being changed elsewhere');
  };
};
