/** The verbs of second factors, and a user's edges to them. */
import { builder } from '../schema/builder.ts';
import { DeleteResult } from '../schema/deleted.ts';
import { MfaMethod, TrustedDevice } from '../schema/mfa/methods.ts';
import * as mfa from '../schema/mfa/mfa.ts';
import { isSelf, maySee, User } from '../schema/users/user.ts';
import { deliverSignIn } from './deliver.ts';

builder.mutationField('setupMfa', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: mfa.SetupMfaResult,
    door: { open: 'signedIn', stepUp: 'always', whileDue: true },
    args: { input: t.arg({ type: mfa.SetupMfaInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.mfa.setup(caller, input),
  }),
);

builder.mutationField('confirmMfa', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: mfa.ConfirmMfaResult,
    door: { open: 'signedIn', inPerson: true, whileDue: true, note: 'Refresh afterwards: the new access token names the factor.' },
    args: { input: t.arg({ type: mfa.ConfirmMfaInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.mfa.confirm(caller, input),
  }),
);

builder.mutationField('challengeMfa', (t) =>
  t.field({
    type: mfa.ChallengeMfaResult,
    door: { open: 'anyone', note: 'With the challenge of a sign-in; without it, for a step-up, signed in.' },
    args: { input: t.arg({ type: mfa.ChallengeMfaInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.mfa.challenge(caller, input),
  }),
);

builder.mutationField('verifyMfa', (t) =>
  t.field({
    type: mfa.VerifyMfaResult,
    door: 'anyone',
    args: { input: t.arg({ type: mfa.VerifyMfaInput, required: true }) },
    resolve: async (_root, { input }, { auth, caller, reply }) => deliverSignIn(reply, await auth.mfa.verify(caller, input)) as never,
  }),
);

builder.mutationField('stepUp', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: mfa.StepUpResult,
    door: { open: 'signedIn', inPerson: true, whileDue: true },
    args: { input: t.arg({ type: mfa.StepUpInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.mfa.stepUp(caller, input),
  }),
);
builder.objectField(mfa.SteppedUp, 'session', (t) =>
  t.prismaField({
    type: 'Session',
    resolve: (query, steppedUp, _args, { auth }) => auth.sessions.ofSignIn(steppedUp, query) as never,
  }),
);

builder.mutationField('disableMfa', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: mfa.DisableMfaResult,
    door: { open: 'signedIn', stepUp: 'always' },
    args: { input: t.arg({ type: mfa.DisableMfaInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.mfa.disable(caller, input),
  }),
);

builder.mutationField('regenerateBackupCodes', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: mfa.BackupCodesResult,
    door: { open: 'signedIn', stepUp: 'always' },
    resolve: (_root, _args, { auth, caller }) => auth.mfa.regenerateBackupCodes(caller),
  }),
);

builder.mutationField('setMfaPolicy', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: mfa.MfaPolicyResult,
    door: { open: 'signedIn', stepUp: 'always' },
    args: { input: t.arg({ type: mfa.MfaPolicyInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.mfa.setPolicy(caller, input),
  }),
);

builder.mutationField('forgetTrustedDevice', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: DeleteResult,
    door: 'signedIn',
    args: { input: t.arg({ type: mfa.TrustedDeviceInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.mfa.forgetTrustedDevice(caller, input),
  }),
);

builder.objectFields(User, (t) => ({
  mfaEnabled: t.boolean({
    nullable: true,
    resolve: async (user, _args, context) =>
      maySee(user.id, context) ? (await context.loaders.mfaMethods.load(user.id)).some((method) => method.confirmed) : null,
  }),
  mfaMethods: t.field({
    type: [MfaMethod],
    nullable: true,
    resolve: (user, _args, context) => (maySee(user.id, context) ? context.loaders.mfaMethods.load(user.id) : null),
  }),
  trustedDevices: t.field({
    type: [TrustedDevice],
    nullable: true,
    description: 'Where the second factor is not asked for; for the user alone.',
    resolve: (user, _args, { auth, caller }) => (isSelf(user.id, caller) ? auth.mfa.trustedDevices(user.id) : null),
  }),
}));
