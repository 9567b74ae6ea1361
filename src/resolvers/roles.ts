/** The access room's verbs and edges. */
import { AssignRoleInput, Permission, Role, RoleAssignment } from '../schema/access/roles.ts';
import { builder } from '../schema/builder.ts';
import { UserResult } from '../schema/users/results.ts';
import { maySee, User } from '../schema/users/user.ts';

builder.queryField('roles', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: [Role],
    door: 'signedIn',
    args: { orgId: t.arg.id() },
    resolve: (_root, { orgId }, { auth }) => auth.access.roles(orgId ?? null),
  }),
);

builder.queryField('permissions', (t) =>
  t
    .withAuth({ signedIn: true })
    .field({ type: [Permission], door: 'signedIn', resolve: (_root, _args, { auth }) => auth.access.permissions() }),
);

builder.mutationField('assignRole', (t) =>
  t.withAuth({ permission: 'roles.assign', signedIn: true }).field({
    type: UserResult,
    door: { open: { permission: 'roles.assign' }, person: true, stepUp: 'always', note: 'And for every permission of the role.' },
    args: { input: t.arg({ type: AssignRoleInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.access.assignRole(caller, input),
  }),
);

builder.mutationField('unassignRole', (t) =>
  t.withAuth({ permission: 'roles.assign', signedIn: true }).field({
    type: UserResult,
    door: { open: { permission: 'roles.assign' }, person: true, stepUp: 'always', note: 'And for every permission of the role.' },
    args: { input: t.arg({ type: AssignRoleInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.access.unassignRole(caller, input),
  }),
);

builder.objectField(User, 'roles', (t) =>
  t.field({
    type: [RoleAssignment],
    nullable: true,
    resolve: (user, _args, context) => (maySee(user.id, context) ? context.loaders.roles.load(user.id) : null),
  }),
);
