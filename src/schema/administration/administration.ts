/** What administrators give, and how their operations end. */
import type { UsersImported as Imported, Skipped } from '../../auth/administration/import-users.ts';
import type { Administration } from '../../auth/administration/index.ts';
import { builder } from '../builder.ts';
import { codeOf, messageOf, ProblemCode, problems } from '../problems.ts';
import { type OutcomeOf, resultUnion } from '../result.ts';
import { UserStatus } from '../users/user.ts';

export const UserFilter = builder.inputType('UserFilter', {
  description:
    '`search` is the beginning of an address, a username or a name. `orgId`: members of that organization. `role` is that of the membership there; without `orgId` one of the platform.',
  fields: (t) => ({
    search: t.string(),
    status: t.field({ type: UserStatus }),
    role: t.string(),
    orgId: t.id(),
    createdAfter: t.field({ type: 'DateTime' }),
    createdBefore: t.field({ type: 'DateTime' }),
  }),
});
export const CreateUserInput = builder.inputType('CreateUserInput', {
  description: 'With sendInvitation a mail brings a link by which the person sets a password and proves the address.',
  fields: (t) => ({
    email: t.field({ type: 'EmailAddress', required: true }),
    name: t.string(),
    username: t.string(),
    password: t.string(),
    role: t.string({ description: 'A role of the platform; asks for roles.assign.' }),
    sendInvitation: t.boolean({ defaultValue: true }),
  }),
});
export const AdminUpdateUserInput = builder.inputType('AdminUpdateUserInput', {
  description: 'What is left out stays; null clears. Another address is unproved, ends every session, and is told to the old one.',
  fields: (t) => ({
    userId: t.id({ required: true }),
    email: t.field({ type: 'EmailAddress' }),
    username: t.string(),
    name: t.string(),
    phone: t.string(),
    timezone: t.string(),
    locale: t.string(),
  }),
});
export const AdminUserInput = builder.inputType('AdminUserInput', {
  description: '`reason` is kept in the fact.',
  fields: (t) => ({ userId: t.id({ required: true }), reason: t.string() }),
});
export const ImpersonateInput = builder.inputType('ImpersonateInput', {
  fields: (t) => ({ userId: t.id({ required: true }), reason: t.string({ required: true }) }),
});

const ImportUserInput = builder.inputType('ImportUserInput', {
  description:
    'Import with hashes of other systems (argon2, bcrypt, scrypt, pbkdf2); each is replaced by argon2id at the next sign-in. bcrypt looked at the first 72 bytes of a password alone, and that is all it asks of that one sign-in.',
  fields: (t) => ({
    email: t.field({ type: 'EmailAddress', required: true }),
    emailVerified: t.boolean({ defaultValue: false }),
    username: t.string(),
    name: t.string(),
    passwordHash: t.string(),
  }),
});
export const ImportUsersInput = builder.inputType('ImportUsersInput', {
  fields: (t) => ({ users: t.field({ type: [ImportUserInput], required: true }) }),
});
const ImportSkipped = builder.objectRef<Skipped>('ImportSkipped').implement({
  fields: (t) => ({
    email: t.exposeString('email'),
    code: t.field({ type: ProblemCode, resolve: ({ kind }) => codeOf(kind) }),
    message: t.string({ resolve: messageOf }),
  }),
});
const UsersImported = builder.objectRef<Imported>('UsersImported').implement({
  fields: (t) => ({
    created: t.exposeInt('created'),
    skipped: t.field({ type: [ImportSkipped], resolve: ({ skipped }) => [...skipped] }),
  }),
});
export const ImportUsersResult = resultUnion<OutcomeOf<Administration['importUsers']>>('ImportUsersResult', {
  UsersImported,
  InvalidInput: problems.InvalidInput,
});
export const SessionsCleaned = builder.objectRef<{ removed: number }>('SessionsCleaned').implement({
  fields: (t) => ({ removed: t.exposeInt('removed') }),
});
