/** The nouns of sign-in with other providers. */
import type { Identities } from '../../auth/identities/index.ts';
import type { LinkedIdentity as Linked } from '../../auth/identities/model.ts';
import { builder, Node } from '../builder.ts';
import { DeviceInput, TokenDelivery } from '../login/login.ts';
import { problems } from '../problems.ts';
import { type OutcomeOf, resultUnion } from '../result.ts';

export const LinkedIdentity = builder.objectRef<Linked>('LinkedIdentity').implement({
  description: 'An account with another provider by which its user signs in.',
  interfaces: [Node],
  fields: (t) => ({
    id: t.exposeID('id'),
    provider: t.exposeString('provider', { description: 'An id of serviceInfo.oauthProviders.' }),
    subject: t.exposeString('subject', { description: 'Who the user is there.' }),
    email: t.expose('email', { type: 'EmailAddress', nullable: true, description: 'As the provider said it last.' }),
    linkedAt: t.expose('linkedAt', { type: 'DateTime' }),
  }),
});

export const StartOAuthInput = builder.inputType('StartOAuthInput', {
  description: '`redirectUri` must be on the allow-list. Signed in: links the identity; else: signs in or registers.',
  fields: (t) => ({
    provider: t.string({ required: true, description: 'An id of serviceInfo.oauthProviders.' }),
    redirectUri: t.field({ type: 'URL', required: true }),
    reauthenticate: t.boolean({
      defaultValue: false,
      description:
        'Asks the provider to have the person prove it once more, as a sensitive field may want of whoever has no password here.',
    }),
  }),
});
type Begun = Extract<OutcomeOf<Identities['start']>, { kind: 'OAuthStart' }>;
export const OAuthStart = builder.objectRef<Begun>('OAuthStart').implement({
  fields: (t) => ({
    authorizationUrl: t.expose('authorizationUrl', { type: 'URL', description: 'Where the browser goes.' }),
    state: t.exposeString('state', {
      description:
        'Comes back beside the code within ten minutes. Keep it in this browser, and complete nothing whose state is another: somebody else began that.',
    }),
  }),
});
export const CompleteOAuthInput = builder.inputType('CompleteOAuthInput', {
  fields: (t) => ({
    provider: t.string({ required: true }),
    code: t.string({ required: true, description: 'Empty where an `error` came back in its place.' }),
    state: t.string({ required: true }),
    iss: t.string({ description: 'The parameter `iss`, where one came back (RFC 9207).' }),
    error: t.string({ description: 'The parameter `error`, where one came back: the attempt is over, and recorded.' }),
    persistent: t.boolean({ defaultValue: false }),
    device: t.field({ type: DeviceInput }),
    delivery: t.field({ type: TokenDelivery, defaultValue: 'BODY' }),
  }),
});
export const UnlinkIdentityInput = builder.inputType('UnlinkIdentityInput', { fields: (t) => ({ identityId: t.id({ required: true }) }) });

const { NotFound, InvalidInput } = problems;
export const StartOAuthResult = resultUnion<OutcomeOf<Identities['start']>>('StartOAuthResult', { OAuthStart, NotFound, InvalidInput });
