/** The nouns of the passwords room. */
import type { Passwords } from '../../auth/passwords/index.ts';
import { builder } from '../builder.ts';
import { problems } from '../problems.ts';
import { type OutcomeOf, resultUnion } from '../result.ts';
import { User } from '../users/user.ts';

export const ResetPasswordInput = builder.inputType('ResetPasswordInput', {
  fields: (t) => ({ token: t.string({ required: true }), newPassword: t.string({ required: true }) }),
});
export const ChangePasswordInput = builder.inputType('ChangePasswordInput', {
  fields: (t) => ({
    currentPassword: t.string({ required: true }),
    newPassword: t.string({ required: true }),
    revokeOtherSessions: t.boolean({ defaultValue: false }),
  }),
});

const { InvalidCredentials, TokenInvalid, WeakPassword, BreachedPassword, PasswordReused, TooManyAttempts } = problems;
type Outcome = OutcomeOf<Passwords['change']> | OutcomeOf<Passwords['reset']>;
export const PasswordResult = resultUnion<Outcome>('PasswordResult', {
  User,
  InvalidCredentials,
  TokenInvalid,
  WeakPassword,
  BreachedPassword,
  PasswordReused,
  TooManyAttempts,
});
