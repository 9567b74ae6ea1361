/** The providers that are configured. None is asked before somebody signs in by it. */
import type { Config } from '../../config.ts';
import type { IdentityProviders, Log } from '../ports.ts';
import { createProvider } from './openid.ts';

export const openProviders = ({ oauthProviders, OAUTH_TIMEOUT_MS: timeoutMs }: Config, log: Log): IdentityProviders => {
  const several = oauthProviders.length > 1;
  return new Map(oauthProviders.map((settings) => [settings.id, createProvider(settings, { timeoutMs, several }, log)]));
};
