/** A person. What the viewer may not see of another user is null. */
import type { Caller } from '../../auth/caller.ts';
import { displayName } from '../../auth/users/model.ts';
import { builder, Node } from '../builder.ts';
import type { Context } from '../context.ts';

export const UserStatus = builder.enumType('UserStatus', {
  values: ['PENDING_VERIFICATION', 'ACTIVE', 'DEACTIVATED', 'DELETED'] as const,
});

/** Whether the viewer is the user, and owes no second factor. */
export const isSelf = (userId: string, { identity }: Caller): boolean => identity?.userId === userId && !identity.restricted;

/** Whether the viewer may see what is personal of the user. */
export const maySee = (userId: string, { caller, proved }: Context): boolean =>
  isSelf(userId, caller) || proved.userIds.has(userId) || caller.permissions.has('users.read');

type Row = { id: string };
/** `value` for those who may see it, null for the rest. */
const personal =
  <P extends Row, V>(value: (user: P) => V) =>
  (user: P, _args: object, context: Context): V | null =>
    maySee(user.id, context) ? value(user) : null;

export const User = builder.prismaObject('User', {
  description: 'A person. What the viewer may not see of another user is null.',
  interfaces: [Node],
  select: { id: true },
  fields: (t) => ({
    id: t.exposeID('id'),
    displayName: t.string({ select: { name: true, username: true, status: true }, resolve: displayName }),
    avatarUrl: t.field({ type: 'URL', nullable: true, select: { avatarUrl: true }, resolve: (user) => user.avatarUrl }),
    email: t.field({ type: 'EmailAddress', nullable: true, select: { email: true }, resolve: personal((user) => user.email) }),
    emailVerified: t.boolean({
      nullable: true,
      select: { emailVerifiedAt: true },
      resolve: personal((user) => user.emailVerifiedAt !== null),
    }),
    username: t.exposeString('username', { nullable: true }),
    name: t.string({ nullable: true, select: { name: true }, resolve: personal((user) => user.name) }),
    phone: t.string({ nullable: true, select: { phone: true }, resolve: personal((user) => user.phone) }),
    phoneVerified: t.boolean({
      nullable: true,
      select: { phoneVerifiedAt: true },
      resolve: personal((user) => user.phoneVerifiedAt !== null),
    }),
    timezone: t.string({ nullable: true, select: { timezone: true }, resolve: personal((user) => user.timezone) }),
    locale: t.string({ nullable: true, select: { locale: true }, resolve: personal((user) => user.locale) }),
    preferences: t.field({ type: 'JSON', nullable: true, select: { preferences: true }, resolve: personal((user) => user.preferences) }),
    status: t.field({ type: UserStatus, nullable: true, select: { status: true }, resolve: personal((user) => user.status) }),
    createdAt: t.field({ type: 'DateTime', nullable: true, select: { createdAt: true }, resolve: personal((user) => user.createdAt) }),
    updatedAt: t.field({ type: 'DateTime', nullable: true, select: { updatedAt: true }, resolve: personal((user) => user.updatedAt) }),
    strongMfaOnly: t.boolean({
      nullable: true,
      description: 'Whether of the second factors only WEBAUTHN (and backup codes) count.',
      select: { strongMfaOnly: true },
      resolve: personal((user) => user.strongMfaOnly),
    }),
    lastLoginAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { lastLoginAt: true },
      resolve: personal((user) => user.lastLoginAt),
    }),
  }),
});
