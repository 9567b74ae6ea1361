/** The verbs of authorization. */
import {
  GrantPermissionInput,
  GrantResult,
  PermissionCheckInput,
  PermissionDecision,
  PermissionGrant,
  RevokePermissionInput,
} from '../schema/access/access.ts';
import { builder } from '../schema/builder.ts';
import { DeleteResult } from '../schema/deleted.ts';
import { Organization } from '../schema/organizations/organization.ts';
import { User } from '../schema/users/user.ts';

const about =
  'Of the caller; of another user: permissions.check, or, with orgId, permissions.check there and about a member. A program names the user.';
const door = { open: 'signedIn', program: 'permissions.check' } as const;

builder.queryField('checkPermission', (t) =>
  t.field({
    type: PermissionDecision,
    door: { ...door, note: about },
    args: { input: t.arg({ type: PermissionCheckInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.access.check(caller, input),
  }),
);

builder.queryField('checkPermissions', (t) =>
  t.field({
    type: [PermissionDecision],
    door: { ...door, note: `${about} At most 100 questions.` },
    args: { inputs: t.arg({ type: [PermissionCheckInput], required: true }) },
    resolve: (_root, { inputs }, { auth, caller }) => auth.access.checkAll(caller, inputs),
  }),
);

const granting = 'permissions.grant, there where orgId is given; nobody gives what he does not hold there.';
builder.mutationField('grantPermission', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: GrantResult,
    door: { open: 'signedIn', stepUp: 'always', note: granting },
    args: { input: t.arg({ type: GrantPermissionInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.access.grant(caller, input),
  }),
);

builder.mutationField('revokePermission', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: DeleteResult,
    door: {
      open: 'signedIn',
      inPerson: true,
      asOneself: true,
      note: 'permissions.grant, there where it was granted; of permissions that one holds there.',
    },
    args: { input: t.arg({ type: RevokePermissionInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.access.revokeGrant(caller, input),
  }),
);

builder.objectFields(PermissionGrant, (t) => ({
  user: t.field({ type: User, resolve: (grant, _args, { loaders }) => loaders.userRef.load(grant.userId) as never }),
  organization: t.field({
    type: Organization,
    nullable: true,
    resolve: (grant, _args, { loaders }) => (grant.orgId ? (loaders.organization.load(grant.orgId) as never) : null),
  }),
  grantedBy: t.field({
    type: User,
    nullable: true,
    resolve: (grant, _args, { loaders }) => (grant.grantedBy ? (loaders.userRef.load(grant.grantedBy) as never) : null),
  }),
}));
