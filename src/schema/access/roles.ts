/** Roles, permissions, and who has which. */
import type { Access } from '../../auth/access/index.ts';
import type { AssignmentRow, RoleRow } from '../../auth/access/role-store.ts';
import { builder, Node } from '../builder.ts';
import { problems } from '../problems.ts';
import { type OutcomeOf, resultUnion } from '../result.ts';

export const Role = builder.objectRef<RoleRow>('Role').implement({
  description:
    'A named set of permissions. Built in: owner > admin > trader > viewer in an organization, `superadmin` and `support` on the platform; more can be made.',
  interfaces: [Node],
  fields: (t) => ({
    name: t.exposeString('name'),
    description: t.exposeString('description', { nullable: true }),
    builtIn: t.exposeBoolean('builtIn'),
    permissions: t.exposeStringList('permissions', { description: 'Its own; what it inherits comes on top.' }),
  }),
});
export const RoleAssignment = builder.objectRef<AssignmentRow>('RoleAssignment').implement({
  description: 'A role that a user holds: on the platform, or in an organization, by membership or beside it.',
  fields: (t) => ({ grantedAt: t.expose('grantedAt', { type: 'DateTime' }) }),
});
export const Permission = builder.objectRef<{ name: string; description: string }>('Permission').implement({
  fields: (t) => ({ name: t.exposeString('name'), description: t.exposeString('description') }),
});

export const AssignRoleInput = builder.inputType('AssignRoleInput', {
  description: 'In an organization: a further role for a member, beside that of the membership.',
  fields: (t) => ({ userId: t.id({ required: true }), role: t.string({ required: true }), orgId: t.id() }),
});
export const CreateRoleInput = builder.inputType('CreateRoleInput', {
  description: '`inherits` names roles of the same organization, or built-in ones; without `orgId`: of the platform.',
  fields: (t) => ({
    orgId: t.id(),
    name: t.string({ required: true }),
    description: t.string(),
    inherits: t.stringList({ defaultValue: [] }),
    permissions: t.stringList({ required: true }),
  }),
});
export const UpdateRoleInput = builder.inputType('UpdateRoleInput', {
  description: 'What is left out stays.',
  fields: (t) => ({
    roleId: t.id({ required: true }),
    description: t.string(),
    inherits: t.stringList(),
    permissions: t.stringList(),
  }),
});
export const DeleteRoleInput = builder.inputType('DeleteRoleInput', { fields: (t) => ({ roleId: t.id({ required: true }) }) });

const { NotFound, Conflict, InvalidInput } = problems;
export const RoleResult = resultUnion<OutcomeOf<Access['createRole']> | OutcomeOf<Access['updateRole']>>('RoleResult', {
  Role,
  NotFound,
  Conflict,
  InvalidInput,
});
