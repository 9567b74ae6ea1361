/** Acting as somebody else: the verb, and how a session and its user tell of it. */
import { ImpersonateInput } from '../schema/administration/administration.ts';
import { builder } from '../schema/builder.ts';
import { Session } from '../schema/sessions/session.ts';
import { RefreshResult } from '../schema/sessions/sessions.ts';
import { User } from '../schema/users/user.ts';
import { deliver } from './deliver.ts';

builder.mutationField('impersonate', (t) =>
  t.withAuth({ permission: 'users.impersonate', signedIn: true }).field({
    type: RefreshResult,
    description:
      'A session of the user for 30 minutes, marked everywhere; never of a user who may more. Its tokens come in the answer alone.',
    door: { open: { permission: 'users.impersonate' }, person: true, stepUp: 'always' },
    args: { input: t.arg({ type: ImpersonateInput, required: true }) },
    // Never the cookie: that is the administrator's own session.
    resolve: async (_root, { input }, { auth, caller, reply }) =>
      deliver(reply, 'BODY', await auth.administration.impersonate(caller, input)) as never,
  }),
);

builder.prismaObjectField(Session, 'impersonator', (t) =>
  t.field({
    type: User,
    nullable: true,
    description: 'The administrator who acts in this session as its user.',
    select: { impersonatorId: true },
    resolve: (session, _args, { loaders }) => (session.impersonatorId ? (loaders.userRef.load(session.impersonatorId) as never) : null),
  }),
);

builder.objectField(User, 'impersonator', (t) =>
  t.field({
    type: User,
    nullable: true,
    description: 'Of `me`: the administrator who acts as this user in the present session.',
    resolve: ({ id }, _args, { caller, loaders }) =>
      caller.identity?.userId === id && caller.identity.impersonatorId
        ? (loaders.userRef.load(caller.identity.impersonatorId) as never)
        : null,
  }),
);
