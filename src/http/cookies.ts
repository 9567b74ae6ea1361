/** The refresh token's cookie: host-only by its prefix (RFC 6265bis §4.1.3.2), unread by scripts, sent by no other site. */
import type { Reply } from '../schema/context.ts';

export const refreshCookieName = '__Host-latchkey-refresh';
/** Proves that a request comes from a page allowed to send it: no form and no other origin can set it. */
export const csrfHeaderName = 'x-latchkey-csrf';

/** Of a device that is trusted: its second factor is not asked for. */
export const deviceCookieName = '__Host-latchkey-device';

const attributes = 'Path=/; HttpOnly; Secure; SameSite=Strict';
/** RFC 6265 §4.1.1 cookie-octet. */
const fits = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+$/;

/** The value of a cookie of a Cookie header, or null. */
export const cookieOf = (header: string, name: string): string | null => {
  const start = `${name}=`;
  for (const part of header.split(';')) {
    const pair = part.trim();
    if (pair.startsWith(start)) return pair.slice(start.length) || null;
  }
  return null;
};

/** What an operation wants of the response's cookies; the lane writes each of `cookies`. The last word on one counts. */
export class CookieReply implements Reply {
  readonly #wanted = new Map<string, string>();

  get cookies(): readonly string[] {
    return this.#wanted.size === 0 ? none : [...this.#wanted.values()];
  }

  setRefreshCookie(token: string, maxAgeSeconds: number): void {
    this.#set(refreshCookieName, token, maxAgeSeconds);
  }

  clearRefreshCookie(): void {
    this.#wanted.set(refreshCookieName, `${refreshCookieName}=; ${attributes}; Max-Age=0`);
  }

  setDeviceCookie(token: string, maxAgeSeconds: number): void {
    this.#set(deviceCookieName, token, maxAgeSeconds);
  }

  #set(name: string, token: string, maxAgeSeconds: number): void {
    if (!fits.test(token)) throw new TypeError('a token does not fit into a cookie');
    this.#wanted.set(name, `${name}=${token}; ${attributes}; Max-Age=${Math.max(0, Math.floor(maxAgeSeconds))}`);
  }
}
const none: readonly string[] = [];
