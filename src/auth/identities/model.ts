/** The nouns and pure rules of sign-in with other providers. */
import { createHmac } from 'node:crypto';
import type { ProviderClaims } from '../../infra/ports.ts';
import { emailKey, parseEmail } from '../users/model.ts';
import { checkProfile } from '../users/profile.ts';

/** As it is told to its owner. */
export type LinkedIdentity = {
  readonly id: string;
  readonly provider: string;
  readonly subject: string;
  readonly email: string | null;
  readonly linkedAt: Date;
};

/** How long somebody may be away at a provider. */
export const stateSeconds = 600;

/** RFC 8176 has no word for another provider's; this one is in common use. It is a first factor, whatever the provider says it asked for. */
export const federated = 'fed';

/**
 * What goes with a state and has to come back, so that none of it is kept: MACs of the state under a secret of the house. Whoever sees the state
 * (the browser, the provider, an address bar) makes neither; whoever reads the table sees only the state's digest.
 */
export const secretsOf = (pepper: Buffer, state: string): { codeVerifier: string; nonce: string } => {
  const mac = (use: string) => createHmac('sha256', pepper).update(`oauth ${use}\0${state}`).digest('base64url');
  return { codeVerifier: mac('verifier'), nonce: mac('nonce') };
};

/** What a client brings as the provider's `error` (RFC 6749 §4.1.2.1): a code, or none that is one. */
export const errorCode = (given: string): string => (/^[a-z_]{1,50}$/.test(given) ? given : 'server_error');

/** The address as it is shown beside an identity; nothing follows from it. */
export const shownAddress = ({ email }: ProviderClaims): string | null => (email === null ? null : parseEmail(email));

/** What a new account is made of; null where the provider does not vouch for an address. */
export type NewPerson = { email: string; key: string; name: string | null; locale: string | null };
export const personOf = ({ email, emailVerified, name, locale }: ProviderClaims): NewPerson | null => {
  const address = email !== null && emailVerified ? parseEmail(email) : null;
  if (!address) return null;
  // What is out of form is left out: nobody chose it here.
  const kept = <K extends 'name' | 'locale'>(key: K, value: string | null): string | null => {
    const checked = checkProfile({ [key]: value });
    return 'kind' in checked ? null : (checked[key] ?? null);
  };
  return { email: address, key: emailKey(address), name: kept('name', name), locale: kept('locale', locale) };
};
