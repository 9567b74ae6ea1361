/** The nouns and pure rules of webhooks: URLs to which an organization's facts, or the platform's, are sent. */
import { takesFacts } from '../audit/names.ts';
import type { Refused } from '../outcome.ts';

export type Endpoint = {
  readonly id: string;
  /** Whose facts it is sent; null: the platform's, which are all. */
  readonly orgId: string | null;
  readonly url: string;
  readonly types: readonly string[];
  readonly enabled: boolean;
  readonly createdAt: Date;
};
/** One fact for one endpoint, whatever the number of attempts. `nextAttemptAt` null: delivered, or given up. */
export type Delivery = {
  readonly id: string;
  readonly eventId: string;
  readonly type: string;
  readonly attempt: number;
  readonly statusCode: number | null;
  readonly error: string | null;
  readonly durationMs: number | null;
  readonly at: Date;
  readonly nextAttemptAt: Date | null;
};

/** Endpoints of one owner. */
export const mostEndpoints = 20;
/** How long deliveries are kept. */
export const keptDays = 30;
/** After so long with nothing but failures an endpoint is disabled. */
export const failingDays = 5;
const mostTypes = 50;
const longestUrl = 2000;

const invalid = (field: string, message: string): Refused<'InvalidInput'> => ({ kind: 'InvalidInput', field: `input.${field}`, message });

/** What is wrong with an endpoint's URL, or null. `refuses`: whether it names an address to which nothing is sent. */
export const urlProblem = (url: string, { production, refuses }: { production: boolean; refuses: (url: string) => boolean }) => {
  // As it is kept: what is written in other letters grows.
  if (!URL.canParse(url) || new URL(url).href.length > longestUrl) return invalid('url', `A URL has at most ${longestUrl} characters.`);
  const { protocol, username, password, href } = new URL(url);
  if (protocol !== 'https:' && (production || protocol !== 'http:')) return invalid('url', 'The URL has to begin with https://.');
  if (username || password || href.includes('#')) return invalid('url', 'The URL names no user and no fragment.');
  return refuses(url) ? invalid('url', 'Nothing is sent to that address.') : null;
};
/** What is wrong with the names of facts, or null. */
export const typesProblem = (types: readonly string[]): Refused<'InvalidInput'> | null => {
  if (types.length < 1 || types.length > mostTypes) return invalid('types', `There are 1 to ${mostTypes} types.`);
  return types.every(takesFacts) ? null : invalid('types', 'A type is the name of an event, or a prefix such as session.* .');
};

/** All that facts tell of a URL, whose path and query may be secrets. */
export const hostOf = (url: string): string => new URL(url).host;
export const resourceOf = (id: string): string => `webhook:${id}`;

/** Seconds until the next attempt, by the number of those there have been; after the last one it is given up. */
const delays = [5, 30, 120, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600];
const longestWait = 24 * 3600;

/** Seconds of a Retry-After (RFC 9110 §10.2.3), or 0 where it says nothing that could be read. */
export const retryAfterSeconds = (header: string | null, now: Date): number => {
  if (header === null) return 0;
  if (/^\d{1,9}$/.test(header)) return Number(header);
  const at = Date.parse(header);
  return Number.isNaN(at) ? 0 : Math.max(0, Math.ceil((at - now.getTime()) / 1000));
};
/**
 * When to try again after `attempt` attempts that failed; null: no more. Up to a fifth later at random, so that what failed together does not come
 * back together; later still where the receiver asked for it, though never by more than a day. `chance` is from 0 to 1.
 */
export const nextAttempt = (attempt: number, now: Date, asked: number, chance: number): Date | null => {
  const delay = delays[attempt - 1];
  if (delay === undefined) return null;
  const seconds = Math.max(delay * (1 + chance / 5), Math.min(asked, longestWait));
  return new Date(now.getTime() + Math.round(seconds * 1000));
};
