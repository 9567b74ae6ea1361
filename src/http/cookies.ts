/** The refresh token's cookie: host-only by its prefix (RFC 6265bis §4.1.3.2), unread by scripts, sent by no other site. */
import type { Reply } from '../schema/context.ts';

export const refreshCookieName = '__Host-latchkey-refresh';
/** Proves that a request comes from a page allowed to send it: no form and no other origin can set it. */
export const csrfHeaderName = 'x-latchkey-csrf';

const attributes = 'Path=/; HttpOnly; Secure; SameSite=Strict';
const start = `${refreshCookieName}=`;
/** RFC 6265 §4.1.1 cookie-octet. */
const fits = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+$/;

/** The refresh token of a Cookie header, or null. */
export const refreshCookieOf = (header: string): string | null => {
  for (const part of header.split(';')) {
    const pair = part.trim();
    if (pair.startsWith(start)) return pair.slice(start.length) || null;
  }
  return null;
};

/** What an operation wants of the response's cookies; the lane writes `cookie` where it is not null. The last word counts. */
export class CookieReply implements Reply {
  cookie: string | null = null;

  setRefreshCookie(token: string, maxAgeSeconds: number): void {
    if (!fits.test(token)) throw new TypeError('a refresh token does not fit into a cookie');
    this.cookie = `${start}${token}; ${attributes}; Max-Age=${Math.max(0, Math.floor(maxAgeSeconds))}`;
  }

  clearRefreshCookie(): void {
    this.cookie = `${start}; ${attributes}; Max-Age=0`;
  }
}
