/** The passwords room's verbs. */
import { builder } from '../schema/builder.ts';
import { ChangePasswordInput, PasswordResult, ResetPasswordInput } from '../schema/passwords/passwords.ts';
import { EmailInput } from '../schema/users/inputs.ts';
import { MailResult } from '../schema/users/results.ts';

builder.mutationField('requestPasswordReset', (t) =>
  t.field({
    type: MailResult,
    door: 'anyone',
    args: { input: t.arg({ type: EmailInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.passwords.requestReset(caller, input),
  }),
);

builder.mutationField('resetPassword', (t) =>
  t.field({
    type: PasswordResult,
    door: 'anyone',
    args: { input: t.arg({ type: ResetPasswordInput, required: true }) },
    // Whoever reads the mail has proved one factor: of the user no more is told than to anybody.
    resolve: (_root, { input }, { auth, caller }) => auth.passwords.reset(caller, input),
  }),
);

builder.mutationField('changePassword', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: PasswordResult,
    door: { open: 'signedIn', stepUp: 'withFactor' },
    args: { input: t.arg({ type: ChangePasswordInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.passwords.change(caller, input),
  }),
);
