/** What every resolver is handed, and nothing more: a resolver cannot reach the database, because there is nothing to reach it with. */

import type { Caller } from '../auth/caller.ts';
import type { Auth } from '../auth/index.ts';
import type { Loaders } from './loaders.ts';

/** How an operation's answer may touch the HTTP response. */
export type Reply = {
  setRefreshCookie(token: string, maxAgeSeconds: number): void;
  clearRefreshCookie(): void;
  setDeviceCookie(token: string, maxAgeSeconds: number): void;
};

/** Whom this very request has proved to be by an operation in it (a sign-in, a verified address): it may see its own data in the answer. */
export type Proved = { readonly userIds: Set<string>; readonly sessionIds: Set<string> };

export type Context = { auth: Auth; caller: Caller; reply: Reply; loaders: Loaders; proved: Proved };
