/** The door of the passwords room. */
import { type ChangePasswordNeeds, changePassword } from './change-password.ts';
import { type RequestResetNeeds, requestPasswordReset } from './request-reset.ts';
import { type ResetPasswordNeeds, resetPassword } from './reset-password.ts';

export type { ChangePasswordOutcome } from './change-password.ts';
export type { ResetPasswordOutcome } from './reset-password.ts';

export type PasswordsNeeds = ChangePasswordNeeds & RequestResetNeeds & ResetPasswordNeeds;
export type Passwords = ReturnType<typeof openPasswords>;

export const openPasswords = (needs: PasswordsNeeds) => ({
  change: changePassword(needs),
  requestReset: requestPasswordReset(needs),
  reset: resetPassword(needs),
});
