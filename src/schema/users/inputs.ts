/** What callers give the users room. */
import { builder } from '../builder.ts';

export const RegisterInput = builder.inputType('RegisterInput', {
  fields: (t) => ({
    email: t.field({ type: 'EmailAddress', required: true }),
    password: t.string({ required: true }),
    username: t.string(),
    name: t.string(),
    timezone: t.string(),
    locale: t.string(),
  }),
});
export const VerifyEmailInput = builder.inputType('VerifyEmailInput', {
  description: 'Either the token of the mailed link, or the address and the mailed 6-digit code.',
  fields: (t) => ({ token: t.string(), email: t.field({ type: 'EmailAddress' }), code: t.string() }),
});
export const EmailInput = builder.inputType('EmailInput', {
  fields: (t) => ({ email: t.field({ type: 'EmailAddress', required: true }) }),
});
export const UpdateProfileInput = builder.inputType('UpdateProfileInput', {
  description: 'What is left out stays; null clears.',
  fields: (t) => ({
    username: t.string(),
    name: t.string(),
    phone: t.string(),
    timezone: t.string(),
    locale: t.string(),
    avatarUrl: t.field({ type: 'URL' }),
    preferences: t.field({ type: 'JSON' }),
  }),
});
export const DeleteAccountInput = builder.inputType('DeleteAccountInput', { fields: (t) => ({ currentPassword: t.string() }) });
