/** The door of the users room. */
import { readDashboard } from './dashboard.ts';
import { type DeleteAccountNeeds, deleteAccount } from './delete-account.ts';
import { type RegisterNeeds, register } from './register.ts';
import { removeUnverified } from './remove-unverified.ts';
import { type ResendVerificationNeeds, resendVerification } from './resend-verification.ts';
import { type UpdateProfileNeeds, updateProfile } from './update-profile.ts';
import { type VerifyEmailNeeds, verifyEmail } from './verify-email.ts';

export type { DeleteAccountOutcome } from './delete-account.ts';
export type { MailOutcome } from './mail.ts';
export type { UserOutcome } from './model.ts';
export type { RegisterOutcome } from './register.ts';
export type { UpdateProfileOutcome } from './update-profile.ts';
export type { VerifyEmailOutcome } from './verify-email.ts';

export type UsersNeeds = RegisterNeeds & VerifyEmailNeeds & ResendVerificationNeeds & UpdateProfileNeeds & DeleteAccountNeeds;
export type Users = ReturnType<typeof openUsers>;

export const openUsers = (needs: UsersNeeds) => ({
  register: register(needs),
  verifyEmail: verifyEmail(needs),
  resendVerification: resendVerification(needs),
  updateProfile: updateProfile(needs),
  deleteAccount: deleteAccount(needs),
  removeUnverified: removeUnverified(needs),
  dashboard: readDashboard(needs),
});
