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
import { User } from '../schema/users/user.ts';

const about = 'Of the caller; of another user: permissions.check. A program names the user.';
const door = { open: 'signedIn', program: 'permissions.check' } as const;

builder.queryField('checkPermission', (t) =>
  t.field({
    type: PermissionDecision,
    door: { ...door, note: about },
    args: { input: t.arg({ type: PermissionCheckInput, required: true }) },
    resolve: async (_root, { input }, { auth, caller }) => (await auth.access.check(caller, [input]))[0] as never,
  }),
);

builder.queryField('checkPermissions', (t) =>
  t.field({
    type: [PermissionDecision],
    door: { ...door, note: `${about} At most 100 questions.` },
    args: { inputs: t.arg({ type: [PermissionCheckInput], required: true }) },
    resolve: (_root, { inputs }, { auth, caller }) => auth.access.check(caller, inputs),
  }),
);

builder.mutationField('grantPermission', (t) =>
  t.withAuth({ permission: 'permissions.grant', signedIn: true }).field({
    type: GrantResult,
    door: { open: { permission: 'permissions.grant' }, person: true, stepUp: 'always', note: 'Nobody gives what he does not hold.' },
    args: { input: t.arg({ type: GrantPermissionInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.access.grant(caller, input),
  }),
);

builder.mutationField('revokePermission', (t) =>
  t.withAuth({ permission: 'permissions.grant', signedIn: true }).field({
    type: DeleteResult,
    door: { open: { permission: 'permissions.grant' }, person: true, note: 'Of permissions that one holds.' },
    args: { input: t.arg({ type: RevokePermissionInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.access.revokeGrant(caller, input),
  }),
);

builder.objectFields(PermissionGrant, (t) => ({
  user: t.field({ type: User, resolve: (grant, _args, { loaders }) => loaders.userRef.load(grant.userId) as never }),
  grantedBy: t.field({
    type: User,
    nullable: true,
    resolve: (grant, _args, { loaders }) => (grant.grantedBy ? (loaders.userRef.load(grant.grantedBy) as never) : null),
  }),
}));
