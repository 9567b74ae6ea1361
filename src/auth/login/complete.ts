/** After the first factor: a session, or the second factor where one is due and no trusted device stands for it. Shared by every way of signing in. */
import type { Caller } from '../caller.ts';
import type { MfaRequired, SecondFactor } from '../mfa/due.ts';
import type { TrustedDevices } from '../mfa/trusted-devices.ts';
import type { SignedIn } from './model.ts';
import type { Proof } from './proof.ts';
import type { SignIn } from './sign-in.ts';

export type CompleteNeeds = { signIn: SignIn; secondFactor: SecondFactor; trusted: Pick<TrustedDevices, 'recognise'> };
export type Complete = ReturnType<typeof openComplete>;

/** Null where what was proved is no longer so. `hasFactor`: whether the user has any; `deviceToken`: what the device says for itself. */
export const openComplete =
  ({ signIn, secondFactor, trusted }: CompleteNeeds) =>
  async (
    caller: Caller,
    proof: Proof,
    hasFactor: boolean,
    deviceToken: string | null | undefined,
  ): Promise<SignedIn | MfaRequired | null> => {
    if (!hasFactor) return signIn.open(caller, proof);
    const trustedDeviceId = await trusted.recognise(proof.userId, deviceToken ?? caller.deviceCookie);
    if (trustedDeviceId) return signIn.open(caller, { ...proof, trustedDeviceId });
    const due = await secondFactor(caller, proof);
    if (due === 'spent') return null;
    return due === 'none' ? signIn.open(caller, proof) : due;
  };
