/** How the users room's operations end. */
import type { Administration } from '../../auth/administration/index.ts';
import type { Identities } from '../../auth/identities/index.ts';
import type { Logins } from '../../auth/login/index.ts';
import type { Users } from '../../auth/users/index.ts';
import { builder } from '../builder.ts';
import { problems } from '../problems.ts';
import { type OutcomeOf, resultUnion } from '../result.ts';
import { User, UserStatus } from './user.ts';

export const Registration = builder
  .objectRef<{ kind: 'Registration'; email: string; status: 'PENDING_VERIFICATION' }>('Registration')
  .implement({
    description: 'The same whether or not the address was free: the mail that goes out says which.',
    fields: (t) => ({ email: t.expose('email', { type: 'EmailAddress' }), status: t.expose('status', { type: UserStatus }) }),
  });
export const MailAccepted = builder.objectRef<{ kind: 'MailAccepted'; email: string; deviceCode?: string }>('MailAccepted').implement({
  description: 'The same for a known and an unknown address.',
  fields: (t) => ({
    email: t.expose('email', { type: 'EmailAddress' }),
    deviceCode: t.string({
      nullable: true,
      description: 'Of a sign-in link: show it, so that the link can be opened on another device by whoever sees this one.',
      resolve: ({ deviceCode }) => deviceCode ?? null,
    }),
  }),
});
export const AccountDeleted = builder.objectRef<{ kind: 'AccountDeleted'; userId: string; erasedAt: Date }>('AccountDeleted').implement({
  fields: (t) => ({ userId: t.exposeID('userId'), erasedAt: t.expose('erasedAt', { type: 'DateTime' }) }),
});

const { WeakPassword, BreachedPassword, UsernameTaken, InvalidInput, TooManyAttempts, TokenInvalid, CodeInvalid } = problems;
const { NotFound, EmailTaken, Conflict, LastOwner, InvalidCredentials } = problems;

export const RegisterResult = resultUnion<OutcomeOf<Users['register']>>('RegisterResult', {
  Registration,
  WeakPassword,
  BreachedPassword,
  UsernameTaken,
  InvalidInput,
  TooManyAttempts,
});
export const VerifyEmailResult = resultUnion<OutcomeOf<Users['verifyEmail']>>('VerifyEmailResult', {
  User,
  TokenInvalid,
  CodeInvalid,
  TooManyAttempts,
});
export const MailResult = resultUnion<OutcomeOf<Users['resendVerification']> | OutcomeOf<Logins['requestMagicLink']>>('MailResult', {
  MailAccepted,
  TooManyAttempts,
});
export const UserResult = resultUnion<
  | OutcomeOf<Users['updateProfile']>
  | OutcomeOf<Administration['createUser' | 'updateUser' | 'activateUser']>
  | OutcomeOf<Identities['unlink']>
>('UserResult', {
  User,
  NotFound,
  UsernameTaken,
  EmailTaken,
  InvalidInput,
  Conflict,
  LastOwner,
});
export const DeleteAccountResult = resultUnion<OutcomeOf<Users['deleteAccount']>>('DeleteAccountResult', {
  AccountDeleted,
  InvalidCredentials,
  NotFound,
  LastOwner,
  Conflict,
});
