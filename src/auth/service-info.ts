/** What the service says of itself; each feature is named in the same commit that brings it. */
import { readFileSync } from 'node:fs';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };

export type ServiceInfo = {
  name: string;
  version: string;
  features: readonly string[];
  oauthProviders: readonly { id: string; name: string }[];
  passwordPolicy: { minLength: number; checksBreaches: boolean; rules: readonly string[] };
  mfaTypes: readonly ('TOTP' | 'EMAIL' | 'SMS' | 'WEBAUTHN' | 'BACKUP_CODE')[];
};

export const describeService = (config: {
  PASSWORD_MIN_LENGTH: number;
  PASSWORD_RULES: readonly string[];
  PASSWORD_BREACH_URL?: string | undefined;
}): ServiceInfo => ({
  name: 'latchkey',
  version,
  features: ['password', 'sessions', 'refresh-rotation', 'audit-log', 'subscriptions', 'federation'],
  oauthProviders: [],
  passwordPolicy: {
    minLength: config.PASSWORD_MIN_LENGTH,
    checksBreaches: config.PASSWORD_BREACH_URL !== undefined,
    rules: config.PASSWORD_RULES,
  },
  mfaTypes: [],
});
