/** The nouns of accounts: addresses, usernames, and what a user is called. */
import { domainToASCII } from 'node:url';
import { lockoutKeys } from '../throttle/index.ts';

export type UserStatus = 'PENDING_VERIFICATION' | 'ACTIVE' | 'DEACTIVATED' | 'DELETED';

/** The outcome of an operation that changed or proved a user. */
export type UserOutcome = { readonly kind: 'User'; readonly id: string };

// node:url would also read numbers as IPv4 addresses and undo percent-encoding: only plain international names are handed to it.
const internationalName = /^(?=.*[^\p{ASCII}])[\p{L}\p{M}\p{N}.-]+$/u;
const asciiDomain = (domain: string): string => (internationalName.test(domain) && domainToASCII(domain)) || domain;

/**
 * What makes two spellings one account: NFKC, trimmed, lower-case, the domain as A-labels (RFC 5890 §2.3.2.1). Total and idempotent.
 * RFC 5321 §2.4 lets a host tell `Bob` from `bob`; none does, so they are one here, and mail goes to the spelling on record alone.
 */
export const emailKey = (email: string): string => {
  const key = email.normalize('NFKC').toLowerCase().normalize('NFKC').trim();
  const at = key.lastIndexOf('@');
  return at < 0 ? key : key.slice(0, at + 1) + asciiDomain(key.slice(at + 1));
};

// Dot-string of RFC 5321 §4.1.2, with the letters of RFC 6531 §3.3; quoted strings are left out: nobody has one, and tools disagree on them.
const localPart = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u;
const hostName = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/i;

/**
 * The address, trimmed and in NFC, or null where `text` is none: at most 254 octets (RFC 5321 §4.5.3.1.3), 64 before the @, a domain name
 * of at least two labels after it. A spelling that NFKC would change is refused: it would share its key with an address that
 * is another mailbox (CVE-2019-19844).
 */
export const parseEmail = (text: string): string | null => {
  if (text.length > 320) return null;
  const email = text.trim().normalize('NFC');
  const at = email.lastIndexOf('@');
  const local = email.slice(0, Math.max(at, 0));
  if (Buffer.byteLength(email) > 254 || Buffer.byteLength(local) > 64) return null;
  if (!localPart.test(local) || email.normalize('NFKC') !== email) return null;
  return hostName.test(asciiDomain(email.slice(at + 1))) ? email : null;
};

/**
 * What facts and counters hold instead of an address: a hex HMAC of its key, the same for known and unknown ones, and the same as in the
 * facts of sign-ins, so that what was tried on one address can be seen together.
 */
export const accountDigest = (pepper: Buffer, key: string): string => lockoutKeys(pepper, key, '', null).account.toString('hex');

/** What makes two usernames one. */
export const usernameKey = (username: string): string => username.normalize('NFKC').toLowerCase();

// ASCII only: of the letters of all scripts some look alike (UTS #39), and a username is what people recognise each other by.
const usernameForm = /^[A-Za-z0-9][A-Za-z0-9._-]{1,30}[A-Za-z0-9]$/;
// Names that would speak for the house, and mailboxes of RFC 2142.
const reserved = new Set(
  `abuse account accounts admin administrator anonymous api billing deleted everyone guest help hostmaster info latchkey login mail me
   moderator no-reply nobody noreply null official operator owner password postmaster register root security service settings staff
   superadmin superuser support sysadmin system team undefined unknown user username users webmaster www`.split(/\s+/),
);

/** Why `username` cannot be one, or null where it can. */
export const usernameProblem = (username: string): string | null => {
  if (!usernameForm.test(username))
    return 'A username has 3 to 32 letters, digits, dots, underscores or hyphens, and begins and ends with a letter or digit.';
  return reserved.has(usernameKey(username)) ? 'This username is reserved.' : null;
};

/** What others see of a user. */
export const displayName = (user: { name: string | null; username: string | null }): string => user.name ?? user.username ?? 'User';
