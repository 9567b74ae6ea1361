/** The nouns and pure rules of services: programs that call on their own behalf, and keys by which a person's programs call in the person's name. */
import type { Refused } from '../outcome.ts';

export type ServiceClient = {
  readonly id: string;
  readonly name: string;
  readonly permissions: readonly string[];
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  readonly disabledAt: Date | null;
};
export type ApiKey = {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly permissions: readonly string[];
  readonly expiresAt: Date | null;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
};

/** How long the secret just replaced still counts, so that a fleet can be given the new one in turn. */
export const rotationSeconds = 24 * 3600;
export const apiKeyQuota = 50;
/** A stream or socket that a key has opened looks at the key again after this time. */
export const apiKeyLookSeconds = 3600;

/** The ways a client proves itself, by their names in the registry of RFC 8414. */
export const clientMethods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const;
export type ClientMethod = (typeof clientMethods)[number];
/** What a request brings along to prove which client sends it. */
export type ClientProof =
  | { readonly method: 'client_secret_basic' | 'client_secret_post'; readonly clientId: string; readonly secret: string }
  | { readonly method: 'private_key_jwt'; readonly clientId: string | null; readonly assertion: string };

const invalid = (field: string, message: string): Refused<'InvalidInput'> => ({ kind: 'InvalidInput', field: `input.${field}`, message });

const longestName = 100;
const mostPermissions = 100;
/** What is wrong with a name and the permissions that `holder` wants to give, or null. What is not there and what the holder lacks are one answer. */
export const problemOf = (
  { name, permissions }: { name: string; permissions: readonly string[] },
  holder: ReadonlySet<string>,
): Refused<'InvalidInput'> | null => {
  const length = [...name.trim()].length;
  if (length < 1 || length > longestName || /\p{Cc}/u.test(name)) return invalid('name', `A name has 1 to ${longestName} characters.`);
  if (permissions.length > mostPermissions) return invalid('permissions', `There are at most ${mostPermissions} permissions.`);
  if (!permissions.every((permission) => holder.has(permission)))
    return invalid('permissions', 'Only permissions that you hold yourself can be given.');
  return null;
};
export const unique = (permissions: readonly string[]): string[] => [...new Set(permissions)].sort();

/**
 * The scopes of a token: all that the client may, or the part that was asked for (RFC 6749 §3.3); null where that is more than the client
 * may, or out of form.
 */
export const narrow = (permissions: readonly string[], scope: string | null): string[] | null => {
  if (scope === null) return [...permissions];
  const asked = unique(scope.split(' '));
  return asked.every((name) => permissions.includes(name)) ? asked : null;
};

// The prefix tells keys apart and is shown; what proves anything is the secret of 256 bits.
const apiKeyForm = /^lk_[0-9a-f]{8}_[\w-]{43}$/;
export const isApiKey = (token: string): boolean => apiKeyForm.test(token);
