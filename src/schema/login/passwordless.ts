/** The nouns of signing in without a password, and of disowning a sign-in. */
import type { Logins } from '../../auth/login/index.ts';
import type { PasskeyOptions as Options } from '../../auth/login/passkey.ts';
import { builder } from '../builder.ts';
import { problems } from '../problems.ts';
import { type OutcomeOf, resultUnion } from '../result.ts';
import { LoggedOut } from '../sessions/sessions.ts';
import { DeviceInput, TokenDelivery } from './login.ts';

export const PasskeyOptionsInput = builder.inputType('PasskeyOptionsInput', {
  description: 'The address changes nothing: a passkey says itself whose it is, and nobody learns which addresses have one.',
  fields: (t) => ({ email: t.field({ type: 'EmailAddress' }) }),
});
export const PasskeyOptions = builder.objectRef<Options>('PasskeyOptions').implement({
  fields: (t) => ({
    challengeToken: t.exposeString('challengeToken'),
    options: t.field({ type: 'JSON', description: 'PublicKeyCredentialRequestOptionsJSON.', resolve: ({ options }) => options }),
  }),
});
export const PasskeyLoginInput = builder.inputType('PasskeyLoginInput', {
  fields: (t) => ({
    challengeToken: t.string({ required: true }),
    credential: t.field({ type: 'JSON', required: true, description: 'AuthenticationResponseJSON.' }),
    persistent: t.boolean({ defaultValue: false }),
    device: t.field({ type: DeviceInput }),
    delivery: t.field({ type: TokenDelivery, defaultValue: 'BODY' }),
  }),
});
export const MagicLinkLoginInput = builder.inputType('MagicLinkLoginInput', {
  fields: (t) => ({
    token: t.string({ required: true }),
    code: t.string({ description: 'The `deviceCode` that is shown where the link was asked for. Needed on any other device.' }),
    persistent: t.boolean({ defaultValue: false }),
    device: t.field({ type: DeviceInput }),
    delivery: t.field({ type: TokenDelivery, defaultValue: 'BODY' }),
  }),
});
export const DisownSessionInput = builder.inputType('DisownSessionInput', { fields: (t) => ({ token: t.string({ required: true }) }) });

const { TokenInvalid } = problems;
export const DisownSessionResult = resultUnion<OutcomeOf<Logins['disown']>>('DisownSessionResult', { LoggedOut, TokenInvalid });
