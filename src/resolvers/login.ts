/** The login room's verbs, and what a sign-in leads to. */
import { builder } from '../schema/builder.ts';
import { LoginInput, LoginResult, SignedIn } from '../schema/login/login.ts';
import { deliver, mayDeliver } from './deliver.ts';
import { asProved } from './proved.ts';

builder.mutationField('login', (t) =>
  t.field({
    type: LoginResult,
    door: 'anyone',
    args: { input: t.arg({ type: LoginInput, required: true }) },
    resolve: async (_root, { input }, { auth, caller, reply }) => {
      mayDeliver(caller, input.delivery);
      return deliver(reply, input.delivery, await auth.login.withPassword(caller, input)) as never;
    },
  }),
);

builder.objectField(SignedIn, 'user', (t) =>
  t.prismaField({
    type: 'User',
    resolve: (query, signedIn, _args, { auth, proved }) => auth.users.ofSignIn(asProved(proved, signedIn), query) as never,
  }),
);
builder.objectField(SignedIn, 'session', (t) =>
  t.prismaField({
    type: 'Session',
    resolve: (query, signedIn, _args, { auth, proved }) => auth.sessions.ofSignIn(asProved(proved, signedIn), query) as never,
  }),
);
