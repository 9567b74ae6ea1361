/** What this service is and can do, for clients that adapt to it. */
import type { ServiceInfo as Info } from '../../auth/service-info.ts';
import { builder } from '../builder.ts';

export const MfaType = builder.enumType('MfaType', { values: ['TOTP', 'EMAIL', 'SMS', 'WEBAUTHN', 'BACKUP_CODE'] as const });
export const OAuthProvider = builder.objectRef<{ id: string; name: string }>('OAuthProvider').implement({
  fields: (t) => ({ id: t.exposeString('id'), name: t.exposeString('name') }),
});
export const PasswordPolicy = builder.objectRef<Info['passwordPolicy']>('PasswordPolicy').implement({
  fields: (t) => ({
    minLength: t.exposeInt('minLength'),
    checksBreaches: t.exposeBoolean('checksBreaches'),
    rules: t.stringList({ resolve: (policy) => [...policy.rules] }),
  }),
});
export const ServiceInfo = builder.objectRef<Info>('ServiceInfo').implement({
  fields: (t) => ({
    name: t.exposeString('name'),
    version: t.exposeString('version'),
    features: t.stringList({ resolve: (info) => [...info.features] }),
    oauthProviders: t.field({ type: [OAuthProvider], resolve: (info) => [...info.oauthProviders] }),
    passwordPolicy: t.expose('passwordPolicy', { type: PasswordPolicy }),
    mfaTypes: t.field({ type: [MfaType], resolve: (info) => [...info.mfaTypes] }),
  }),
});
