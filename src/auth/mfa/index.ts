/** The door of the room of second factors. */
import type { Clock, Database } from '../../infra/ports.ts';
import type { SignIn } from '../login/sign-in.ts';
import type { Grants } from '../sessions/grant.ts';
import { type AttemptNeeds, openAttempts } from './attempts.ts';
import { type ChallengeNeeds, challengeMfa } from './challenge.ts';
import { sweepChallenges } from './challenges.ts';
import { type ConfirmNeeds, confirmMfa } from './confirm.ts';
import { type DisableNeeds, disableMfa } from './disable.ts';
import { type DueNeeds, openSecondFactor } from './due.ts';
import { type FactorNeeds, openFactors } from './factors.ts';
import { methodsOf } from './list.ts';
import { setMfaPolicy } from './policy.ts';
import { type SetupNeeds, setupMfa } from './setup.ts';
import { requireStepUp, type StepUpNeeds, stepUp } from './step-up.ts';
import { sweepSetups } from './store.ts';
import { openTrustedDevices } from './trusted-devices.ts';
import { type VerifyNeeds, verifyMfa } from './verify.ts';

export type MfaNeeds = FactorNeeds & AttemptNeeds & DueNeeds & Omit<SetupNeeds & ConfirmNeeds & ChallengeNeeds, 'factors'>;
export type Mfa = ReturnType<typeof openMfa>;

/** What the other rooms stand on: opened before sign-in, which needs it, and which the operations below need. */
export const openMfaParts = (needs: MfaNeeds) => ({
  factors: openFactors(needs),
  attempts: openAttempts(needs),
  trusted: openTrustedDevices(needs),
  secondFactor: openSecondFactor(needs),
});
export type MfaParts = ReturnType<typeof openMfaParts>;

export const openMfa = (
  needs: MfaNeeds & MfaParts & Omit<DisableNeeds & StepUpNeeds & VerifyNeeds, keyof MfaParts> & { signIn: SignIn; grants: Grants },
) => ({
  setup: setupMfa(needs),
  confirm: confirmMfa(needs),
  challenge: challengeMfa(needs),
  verify: verifyMfa(needs),
  stepUp: stepUp(needs),
  requireStepUp: requireStepUp(needs),
  disable: disableMfa(needs),
  regenerateBackupCodes: needs.factors.backupCodes.regenerate,
  setPolicy: setMfaPolicy(needs),
  methodsOf: methodsOf(needs),
  trustedDevices: needs.trusted.list,
  forgetTrustedDevice: needs.trusted.forget,
  /** What challenges and setups leave behind. */
  sweep: sweepMfa(needs, needs.trusted),
});

const dayMs = 86_400_000;
const sweepMfa =
  ({ database, clock }: { database: Database; clock: Clock }, trusted: MfaParts['trusted']) =>
  async (): Promise<void> => {
    await sweepChallenges(database, new Date(clock.now().getTime() - dayMs));
    await sweepSetups(database, clock.now());
    await trusted.sweep();
  };
