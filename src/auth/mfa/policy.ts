/** A user's own rule: only what cannot be phished counts as the second factor. */
import type { Clock, Database } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { lockActive } from '../passwords/store.ts';
import type { UserOutcome } from '../users/model.ts';
import { findOwner, setStrongOnly } from './store.ts';
import { forgetAllTrust } from './trusted-devices.ts';

export type PolicyNeeds = { database: Database; clock: Clock; trail: AuditTrail };
export type SetMfaPolicyInput = { phishingResistantOnly: boolean };
export type SetMfaPolicyOutcome = UserOutcome | Refused<'MfaNotEnabled' | 'NotFound'>;

export const setMfaPolicy =
  ({ database, clock, trail }: PolicyNeeds) =>
  async (caller: SignedInCaller, { phishingResistantOnly: on }: SetMfaPolicyInput): Promise<SetMfaPolicyOutcome> => {
    const { userId } = caller.identity;
    const outcome = await database.transaction(async (sql): Promise<SetMfaPolicyOutcome> => {
      if (!(await lockActive(sql, userId))) return { kind: 'NotFound' };
      const owner = await findOwner(sql, userId);
      if (on && !owner?.methods.some((method) => method.type === 'WEBAUTHN')) return { kind: 'MfaNotEnabled' };
      await setStrongOnly(sql, userId, on, clock.now());
      // Devices that were trusted on a weaker factor's word are not.
      if (on) await forgetAllTrust(sql, userId);
      await trail.write(sql, [trail.fact(caller, { type: 'mfa.policy_changed', data: { phishingResistantOnly: on } })]);
      return { kind: 'User', id: userId };
    });
    trail.committed();
    return outcome;
  };
