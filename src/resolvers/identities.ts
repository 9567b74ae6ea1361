/** The verbs of sign-in with other providers, and a user's edge to the identities. */
import { builder } from '../schema/builder.ts';
import * as identities from '../schema/identities/identities.ts';
import { LoginResult } from '../schema/login/login.ts';
import { UserResult } from '../schema/users/results.ts';
import { maySee, User } from '../schema/users/user.ts';
import { deliver, mayDeliver } from './deliver.ts';

builder.mutationField('startOAuth', (t) =>
  t.field({
    type: identities.StartOAuthResult,
    // Signed in it links, which is adding a way in: as setupMfa. Nobody who is not signed in is asked for anything.
    door: { open: 'anyone', stepUp: 'always', whileDue: false, note: 'Signed in: links the identity, and that asks for the step-up.' },
    args: { input: t.arg({ type: identities.StartOAuthInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.identities.start(caller, input),
  }),
);

builder.mutationField('completeOAuth', (t) =>
  t.field({
    type: LoginResult,
    door: {
      open: 'anyone',
      note: 'What was begun signed in is completed by the same user in the same session, which goes on: its new access token, and no refresh token.',
    },
    args: { input: t.arg({ type: identities.CompleteOAuthInput, required: true }) },
    resolve: async (_root, { input }, { auth, caller, reply }) => {
      mayDeliver(caller, input.delivery);
      const outcome = await auth.identities.complete(caller, input);
      const isLinked = outcome.kind === 'SignedIn' && outcome.refreshToken === null;
      return (isLinked ? outcome : deliver(reply, input.delivery, outcome)) as never;
    },
  }),
);

builder.mutationField('unlinkIdentity', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: UserResult,
    door: { open: 'signedIn', stepUp: 'always', note: 'Conflict for the last way in.' },
    args: { input: t.arg({ type: identities.UnlinkIdentityInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.identities.unlink(caller, input),
  }),
);

builder.objectField(User, 'identities', (t) =>
  t.field({
    type: [identities.LinkedIdentity],
    nullable: true,
    description: 'Accounts with other providers by which the user signs in.',
    resolve: (user, _args, context) => (maySee(user.id, context) ? context.loaders.identities.load(user.id) : null),
  }),
);
