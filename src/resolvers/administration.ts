/** The administration room's verbs. */
import type { UserPage } from '../auth/administration/list-users.ts';
import type { SignedInCaller } from '../auth/caller.ts';
import {
  AdminUpdateUserInput,
  AdminUserInput,
  CreateUserInput,
  ImportUsersInput,
  ImportUsersResult,
  SessionsCleaned,
  UserFilter,
} from '../schema/administration/administration.ts';
import { builder } from '../schema/builder.ts';
import { countedTo } from '../schema/counts.ts';
import { DeleteAccountResult, UserResult } from '../schema/users/results.ts';
import { User } from '../schema/users/user.ts';

// Counted only where it is asked for.
const UserConnection = builder.connectionObject(
  {
    type: User,
    name: 'UserConnection',
    fields: (t) => ({ totalCount: t.int({ description: countedTo, resolve: (page) => (page as unknown as UserPage).total() }) }),
  },
  { name: 'UserEdge' },
);

builder.queryField('users', (t) =>
  t.connection(
    {
      type: User,
      door: { permission: 'users.read' },
      args: { filter: t.arg({ type: UserFilter }) },
      resolve: (_root, args, { auth, caller }) => auth.administration.listUsers(caller as SignedInCaller, args) as never,
    },
    UserConnection as never,
  ),
);

builder.mutationField('createUser', (t) =>
  t.withAuth({ permission: 'users.write', signedIn: true }).field({
    type: UserResult,
    door: { open: { permission: 'users.write' }, person: true, stepUp: 'always' },
    args: { input: t.arg({ type: CreateUserInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.administration.createUser(caller, input),
  }),
);

builder.mutationField('adminUpdateUser', (t) =>
  t.withAuth({ permission: 'users.write', signedIn: true }).field({
    type: UserResult,
    door: { open: { permission: 'users.write' }, person: true, stepUp: 'always' },
    args: { input: t.arg({ type: AdminUpdateUserInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.administration.updateUser(caller, input),
  }),
);

builder.mutationField('activateUser', (t) =>
  t.withAuth({ permission: 'users.write', signedIn: true }).field({
    type: UserResult,
    door: { open: { permission: 'users.write' }, person: true, stepUp: 'always' },
    args: { input: t.arg({ type: AdminUserInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.administration.activateUser(caller, input),
  }),
);

builder.mutationField('deactivateUser', (t) =>
  t.withAuth({ permission: 'users.write', signedIn: true }).field({
    type: UserResult,
    description: 'Ends every session and live stream of the user at once.',
    door: { open: { permission: 'users.write' }, person: true },
    args: { input: t.arg({ type: AdminUserInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.administration.deactivateUser(caller, input),
  }),
);

builder.mutationField('unlockUser', (t) =>
  t.withAuth({ permission: 'users.unlock', signedIn: true }).field({
    type: UserResult,
    description: 'Lifts the locks of wrong passwords and of wrong second factors.',
    door: { open: { permission: 'users.unlock' }, person: true },
    args: { input: t.arg({ type: AdminUserInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.administration.unlockUser(caller, input),
  }),
);

builder.mutationField('deleteUser', (t) =>
  t.withAuth({ permission: 'users.delete', signedIn: true }).field({
    type: DeleteAccountResult,
    door: {
      open: { permission: 'users.delete' },
      person: true,
      stepUp: 'always',
      note: 'LastOwner for the only owner of an organization that others are in.',
    },
    args: { input: t.arg({ type: AdminUserInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.administration.deleteUser(caller, input),
  }),
);

builder.mutationField('importUsers', (t) =>
  t.withAuth({ permission: 'users.write', signedIn: true }).field({
    type: ImportUsersResult,
    description: 'At most 500 at a time. Who cannot be taken is skipped; the others come in.',
    door: { open: { permission: 'users.write' }, person: true, stepUp: 'always' },
    args: { input: t.arg({ type: ImportUsersInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.administration.importUsers(caller, input),
  }),
);

builder.mutationField('cleanupSessions', (t) =>
  t.withAuth({ permission: 'sessions.cleanup', signedIn: true }).field({
    type: SessionsCleaned,
    description: 'Marks sessions that time has ended, and removes those that ended more than 90 days ago.',
    door: { open: { permission: 'sessions.cleanup' }, person: true },
    resolve: (_root, _args, { auth, caller }) => auth.administration.cleanupSessions(caller),
  }),
);
