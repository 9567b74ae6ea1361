/**
 * How providers are asked over HTTP: bounded in time and size, no redirects, a few retries of what may be repeated, and a circuit breaker.
 * What goes wrong is told by a code: requests and answers hold codes and tokens.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { CustomFetch } from 'openid-client';
import { createBreaker } from '../outside/breaker.ts';

const longestAnswer = 262_144;
const mostTries = 3;
const firstPauseMs = 100;
/** What a connection fails with before a byte of the request has left. */
const unsent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']);
const withoutBody = new Set([204, 205, 304]);

/** The provider did not answer, or with a fault of its own. */
export class ProviderAway extends Error {
  override readonly name = 'ProviderAway';
  readonly code: string;
  constructor(code: string) {
    super(`the provider does not answer (${code})`);
    this.code = code;
  }
}
/** `ProviderAway` where it is the cause of the fault, however deep. */
export const awayIn = (fault: unknown): ProviderAway | null => {
  let link = fault;
  for (let depth = 0; depth < 6 && link instanceof Error; depth += 1, link = link.cause) if (link instanceof ProviderAway) return link;
  return null;
};

/** The whole answer, read within the time; throws `ProviderAway` for one that is too long. */
const readWhole = async (answer: Response): Promise<Response> => {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of answer.body ?? []) {
    size += part.length;
    if (size > longestAnswer) throw new ProviderAway('too long');
    parts.push(part);
  }
  const { status, headers } = answer;
  return new Response(withoutBody.has(status) ? null : Buffer.concat(parts), { status, headers });
};

/** `again`: it may be tried once more, if it may be repeated (`yes`) or in any case (`always`). */
type Failed = { away: ProviderAway; again: 'no' | 'yes' | 'always'; answered?: true };
const failureOf = (fault: unknown, timedOut: boolean): Failed => {
  if (fault instanceof ProviderAway) return { away: fault, again: 'no' };
  const { name, cause } = fault as { name?: string; cause?: { code?: unknown } };
  const code = typeof cause?.code === 'string' ? cause.code : null;
  // A time that is over is not waited for again: somebody is waiting here.
  if (timedOut || code === null) return { away: new ProviderAway(timedOut ? 'timeout' : (name ?? 'unknown')), again: 'no' };
  return { away: new ProviderAway(code), again: unsent.has(code) ? 'always' : 'yes' };
};

/** Throws `ProviderAway`: no answer within `timeoutMs`, a fault of the provider's, or for 30 s after five of them in a row. */
export const createProviderFetch = ({ timeoutMs }: { timeoutMs: number }): CustomFetch => {
  const breaker = createBreaker();
  const once = async (url: string, options: RequestInit): Promise<Response | Failed> => {
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const answer = await readWhole(await fetch(url, { ...options, redirect: 'manual', signal }));
      const isFault = answer.status >= 500 || answer.status === 429;
      return isFault ? { away: new ProviderAway(String(answer.status)), again: 'yes', answered: true } : answer;
    } catch (fault) {
      return failureOf(fault, signal.aborted);
    }
  };
  return async (url, options) => {
    if (breaker.isOpen()) throw new ProviderAway('left alone');
    // A code is spent by the request that brings it: only what is read is sent again.
    const repeatable = options.method === 'GET';
    for (let tries = 1; ; tries += 1) {
      const answer = await once(url, options as RequestInit);
      if (answer instanceof Response) {
        breaker.succeeded();
        return answer;
      }
      const again = answer.again === 'always' || (answer.again === 'yes' && repeatable);
      if (!again || tries === mostTries) {
        // What was answered to one client's code says nothing of the provider to the others.
        if (repeatable || !answer.answered) breaker.failed();
        throw answer.away;
      }
      await pause(firstPauseMs * 2 ** tries);
    }
  };
};
