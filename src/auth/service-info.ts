/** What the service says of itself; each feature is named in the same commit that brings it. */
import { readFileSync } from 'node:fs';
import type { MethodType, MfaType } from './mfa/model.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };

export type ServiceInfo = {
  name: string;
  version: string;
  features: readonly string[];
  oauthProviders: readonly { id: string; name: string }[];
  passwordPolicy: { minLength: number; checksBreaches: boolean; rules: readonly string[] };
  mfaTypes: readonly MfaType[];
};

export const describeService = (config: {
  PASSWORD_MIN_LENGTH: number;
  PASSWORD_RULES: readonly string[];
  PASSWORD_BREACH_URL?: string | undefined;
  MFA_TYPES: readonly MethodType[];
  MFA_BACKUP_CODES: number;
  oauthProviders: readonly { id: string; name: string }[];
}): ServiceInfo => ({
  name: 'latchkey',
  version,
  features: [
    'password',
    'sessions',
    'refresh-rotation',
    'audit-log',
    'subscriptions',
    'federation',
    'mfa',
    'passkeys',
    'magic-link',
    'step-up',
    'oauth',
    'service-clients',
    'api-keys',
    'token-introspection',
    'webhooks',
  ],
  oauthProviders: config.oauthProviders.map(({ id, name }) => ({ id, name })),
  passwordPolicy: {
    minLength: config.PASSWORD_MIN_LENGTH,
    checksBreaches: config.PASSWORD_BREACH_URL !== undefined,
    rules: config.PASSWORD_RULES,
  },
  mfaTypes: config.MFA_BACKUP_CODES > 0 && config.MFA_TYPES.length > 0 ? [...config.MFA_TYPES, 'BACKUP_CODE'] : config.MFA_TYPES,
});
