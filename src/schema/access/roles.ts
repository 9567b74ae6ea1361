/** Roles, permissions, and who has which. */
import type { AssignmentRow, RoleRow } from '../../auth/access/store.ts';
import { builder, Node } from '../builder.ts';

export const Role = builder.objectRef<RoleRow>('Role');
builder.objectType(Role, {
  description: 'A named set of permissions: `superadmin` and `support` on the platform.',
  interfaces: [Node],
  fields: (t) => ({
    name: t.exposeString('name'),
    description: t.exposeString('description', { nullable: true }),
    builtIn: t.exposeBoolean('builtIn'),
    inherits: t.field({ type: [Role], description: 'None yet: the built-in roles name all their permissions.', resolve: () => [] }),
    permissions: t.exposeStringList('permissions'),
  }),
});
export const RoleAssignment = builder.objectRef<AssignmentRow>('RoleAssignment').implement({
  fields: (t) => ({ role: t.expose('role', { type: Role }), grantedAt: t.expose('grantedAt', { type: 'DateTime' }) }),
});
export const Permission = builder.objectRef<{ name: string; description: string }>('Permission').implement({
  fields: (t) => ({ name: t.exposeString('name'), description: t.exposeString('description') }),
});
export const AssignRoleInput = builder.inputType('AssignRoleInput', {
  fields: (t) => ({ userId: t.id({ required: true }), role: t.string({ required: true }), orgId: t.id() }),
});
