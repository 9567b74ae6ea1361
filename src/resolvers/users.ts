/** The users room's verbs and edges. */
import { builder } from '../schema/builder.ts';
import { UserDashboard } from '../schema/users/dashboard.ts';
import { DeleteAccountInput, EmailInput, RegisterInput, UpdateProfileInput, VerifyEmailInput } from '../schema/users/inputs.ts';
import { DeleteAccountResult, MailResult, RegisterResult, UserResult, VerifyEmailResult } from '../schema/users/results.ts';
import { isSelf, maySee, User } from '../schema/users/user.ts';
import { provedUser } from './proved.ts';
import { signedInOnly } from './reference.ts';

builder.queryField('me', (t) =>
  t.prismaField({
    type: 'User',
    nullable: true,
    door: { open: 'anyone', whileDue: false },
    description: 'The signed-in user; null for an anonymous caller. A bad or expired token is UNAUTHENTICATED, never null.',
    resolve: (query, _root, _args, { auth, caller }) => auth.users.me(caller, query),
  }),
);

builder.queryField('user', (t) =>
  t.withAuth({ signedIn: true }).prismaField({
    type: 'User',
    nullable: true,
    door: 'signedIn',
    args: { id: t.arg.id({ required: true }) },
    resolve: (query, _root, { id }, { auth, caller }) => auth.users.byId(caller, id, query),
  }),
);

builder.mutationField('register', (t) =>
  t.field({
    type: RegisterResult,
    door: 'anyone',
    args: { input: t.arg({ type: RegisterInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.users.register(caller, input),
  }),
);

builder.mutationField('verifyEmail', (t) =>
  t.field({
    type: VerifyEmailResult,
    door: 'anyone',
    args: { input: t.arg({ type: VerifyEmailInput, required: true }) },
    resolve: async (_root, { input }, { auth, caller, proved }) => provedUser(proved, await auth.users.verifyEmail(caller, input)),
  }),
);

builder.mutationField('resendVerification', (t) =>
  t.field({
    type: MailResult,
    door: 'anyone',
    args: { input: t.arg({ type: EmailInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.users.resendVerification(caller, input),
  }),
);

builder.mutationField('updateProfile', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: UserResult,
    door: 'signedIn',
    args: { input: t.arg({ type: UpdateProfileInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.users.updateProfile(caller, input),
  }),
);

builder.mutationField('deleteAccount', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: DeleteAccountResult,
    door: { open: 'signedIn', stepUp: 'always', note: 'LastOwner to the only owner of an organization that others are in.' },
    args: { input: t.arg({ type: DeleteAccountInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.users.deleteAccount(caller, input),
  }),
);

builder.objectField(User, 'permissions', (t) =>
  t.stringList({
    nullable: true,
    description: 'Effective permissions: by role (inherited ones too) and by direct grant; in `orgId` where given.',
    args: { orgId: t.arg.id() },
    resolve: async (user, { orgId }, context) => {
      if (!maySee(user.id, context)) return null;
      return [...(await context.auth.access.permissionsIn(user.id, orgId?.toLowerCase() ?? null))].sort();
    },
  }),
);

builder.objectField(User, 'dashboard', (t) =>
  t.field({
    type: UserDashboard,
    nullable: true,
    description: 'For the user alone.',
    resolve: (user, _args, { auth, caller }) => (isSelf(user.id, caller) ? auth.users.dashboard(user.id) : null),
  }),
);

builder.asEntity(User, {
  key: builder.selection<{ id: string }>('id'),
  resolveReference: ({ id }, { loaders, caller }) => signedInOnly(caller, () => loaders.userRef.load(id)) as never,
});
