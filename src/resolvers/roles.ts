/** The verbs and edges of roles. */
import {
  AssignRoleInput,
  CreateRoleInput,
  DeleteRoleInput,
  Permission,
  Role,
  RoleAssignment,
  RoleResult,
  UpdateRoleInput,
} from '../schema/access/roles.ts';
import { builder } from '../schema/builder.ts';
import { DeleteResult } from '../schema/deleted.ts';
import { Invitation, Membership, Organization, OrgMember } from '../schema/organizations/organization.ts';
import { UserResult } from '../schema/users/results.ts';
import { maySee, User } from '../schema/users/user.ts';

builder.queryField('roles', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: [Role],
    door: { open: 'signedIn', note: 'With orgId: none, where that organization is not there for the caller.' },
    args: { orgId: t.arg.id() },
    resolve: (_root, { orgId }, { auth, caller }) => auth.access.roles(caller, orgId ?? null),
  }),
);
builder.queryField('permissions', (t) =>
  t
    .withAuth({ signedIn: true })
    .field({ type: [Permission], door: 'signedIn', resolve: (_root, _args, { auth }) => auth.access.permissions() }),
);

const rank = 'And every permission of the role.';
builder.mutationField('createRole', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: RoleResult,
    door: { open: 'signedIn', stepUp: 'always', note: `roles.manage; with orgId: org.roles.manage there. ${rank}` },
    args: { input: t.arg({ type: CreateRoleInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.access.createRole(caller, input),
  }),
);
builder.mutationField('updateRole', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: RoleResult,
    door: { open: 'signedIn', stepUp: 'always', note: `As createRole. ${rank}` },
    args: { input: t.arg({ type: UpdateRoleInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.access.updateRole(caller, input),
  }),
);
builder.mutationField('deleteRole', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: DeleteResult,
    door: { open: 'signedIn', stepUp: 'always', note: `As createRole; Conflict while it is held, invited to or inherited. ${rank}` },
    args: { input: t.arg({ type: DeleteRoleInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.access.deleteRole(caller, input),
  }),
);

const assigning = { open: 'signedIn', stepUp: 'always', note: `roles.assign; with orgId: org.members.manage there. ${rank}` } as const;
builder.mutationField('assignRole', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: UserResult,
    door: assigning,
    args: { input: t.arg({ type: AssignRoleInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.access.assignRole(caller, input),
  }),
);
builder.mutationField('unassignRole', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: UserResult,
    door: assigning,
    args: { input: t.arg({ type: AssignRoleInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.access.unassignRole(caller, input),
  }),
);

builder.objectFields(Role, (t) => ({
  organization: t.field({
    type: Organization,
    nullable: true,
    description: 'Whose own it is; null for the platform’s and the built-in ones.',
    resolve: (role, _args, { loaders }) => (role.orgId ? (loaders.organization.load(role.orgId) as never) : null),
  }),
  inherits: t.field({ type: [Role], resolve: (role, _args, { loaders }) => loaders.role.loadMany(role.inheritIds) as never }),
}));
builder.objectFields(RoleAssignment, (t) => ({
  role: t.field({ type: Role, resolve: (assignment, _args, { loaders }) => loaders.role.load(assignment.roleId) as never }),
  organization: t.field({
    type: Organization,
    nullable: true,
    resolve: (assignment, _args, { loaders }) => (assignment.orgId ? (loaders.organization.load(assignment.orgId) as never) : null),
  }),
}));
for (const held of [OrgMember, Membership, Invitation] as const)
  builder.objectField(held as typeof OrgMember, 'role', (t) =>
    t.field({ type: Role, resolve: (holding, _args, { loaders }) => loaders.role.load(holding.roleId) as never }),
  );
builder.objectField(Organization, 'roles', (t) =>
  t.field({
    type: [Role],
    nullable: true,
    description: 'Those that can be held there: the built-in ones and its own.',
    resolve: (organization, _args, { auth, caller }) => auth.access.roles(caller, organization.id),
  }),
);
builder.objectField(User, 'roles', (t) =>
  t.field({
    type: [RoleAssignment],
    nullable: true,
    resolve: (user, _args, context) => (maySee(user.id, context) ? context.loaders.roles.load(user.id) : null),
  }),
);
