/** The nouns of authorization: grants, questions and decisions. */
import type { Access } from '../../auth/access/index.ts';
import type { Decision } from '../../auth/access/model.ts';
import { builder, Node } from '../builder.ts';
import { problems } from '../problems.ts';
import { type OutcomeOf, resultUnion } from '../result.ts';

type Grant = Extract<OutcomeOf<Access['grant']>, { kind: 'PermissionGrant' }>;
export const PermissionGrant = builder.objectRef<Grant>('PermissionGrant').implement({
  description: 'One permission, given to one person: on everything or on one thing, for good or until a date.',
  interfaces: [Node],
  fields: (t) => ({
    id: t.exposeID('id'),
    permission: t.exposeString('permission'),
    resource: t.exposeString('resource', { nullable: true }),
    grantedAt: t.expose('grantedAt', { type: 'DateTime' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true }),
    reason: t.exposeString('reason', { nullable: true }),
  }),
});
export const PermissionDecision = builder.objectRef<Decision>('PermissionDecision').implement({
  fields: (t) => ({ allowed: t.exposeBoolean('allowed'), reason: t.exposeString('reason') }),
});

export const PermissionCheckInput = builder.inputType('PermissionCheckInput', {
  description: '`resource` is `type:id`. Ownership counts: a user holds every permission on what is its own.',
  fields: (t) => ({ permission: t.string({ required: true }), orgId: t.id(), resource: t.string(), userId: t.id() }),
});
export const GrantPermissionInput = builder.inputType('GrantPermissionInput', {
  fields: (t) => ({
    userId: t.id({ required: true }),
    permission: t.string({ required: true }),
    orgId: t.id(),
    resource: t.string(),
    expiresAt: t.field({ type: 'DateTime' }),
    reason: t.string(),
  }),
});
export const RevokePermissionInput = builder.inputType('RevokePermissionInput', { fields: (t) => ({ grantId: t.id({ required: true }) }) });

const { NotFound, InvalidInput } = problems;
export const GrantResult = resultUnion<OutcomeOf<Access['grant']>>('GrantResult', { PermissionGrant, NotFound, InvalidInput });
