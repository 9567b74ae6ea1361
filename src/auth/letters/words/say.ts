/** Times, places and devices in a reader's language. What a client says of itself is taken for hostile. */
import { isIP } from 'node:net';

/** `iso` to the minute, in UTC and saying so. `locale` is a BCP 47 tag. */
export const when = (locale: string, iso: string): string =>
  `${new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' }).format(new Date(iso))} UTC`;

/** The address as it is, or `unknown` where it is none. */
export const address = (ip: string, unknown: string): string => (isIP(ip) ? ip : unknown);

/** A country's name by its ISO 3166-1 alpha-2 code. */
export const country = (locale: string, code: string | null, unknown: string): string =>
  (code && /^[A-Z]{2}$/.test(code) && new Intl.DisplayNames([locale], { type: 'region', fallback: 'none' }).of(code)) || unknown;

/**
 * Names of a browser and a system come from a User-Agent header. One line of at most 60 characters is left of each, and nothing that a mail
 * client would turn into a link: a stranger must not be able to write into a letter that we sign.
 */
const harmless = (claimed: string | null): string =>
  [
    ...(claimed ?? '')
      .replace(/[\p{C}\s]+/gu, ' ')
      .replace(/[:/\\@<>]+/g, ' ')
      .replace(/([.。．｡])(?=\p{L})/gu, '$1 ')
      .replace(/ +/g, ' ')
      .trim(),
  ]
    .slice(0, 60)
    .join('');

/** A name that somebody gave, on one line and harmless. */
export const named = (name: string | null, unknown: string): string => harmless(name) || unknown;

/** `Firefox, Linux`; whichever half is known; `unknown` where neither is. */
export const device = (browser: string | null, os: string | null, unknown: string): string =>
  [harmless(browser), harmless(os)].filter(Boolean).join(', ') || unknown;
