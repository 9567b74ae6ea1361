import { type Texter, Unavailable } from '../ports.ts';
import { createBreaker } from './breaker.ts';

export type TexterSettings = { url: string; account: string; token: string; from: string; timeoutMs?: number };

/** Of a failed fetch the code alone: what came instead of an answer may repeat the number and the text. */
const codeOf = (fault: unknown): string => {
  const { name, cause } = fault as { name?: string; cause?: { code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : (name ?? 'unknown');
};

/**
 * Text messages by an HTTP provider with the API of Twilio: POST {url}/2010-04-01/Accounts/{account}/Messages.json, a form of To, From and
 * Body, by basic authentication. Throws where it is not accepted (no 2xx within `timeoutMs`), and `Unavailable` for 30 s after five faults in a row.
 * Errors name the provider's status and code alone: its answers repeat numbers.
 */
export const createTexter = ({ url, account, token, from, timeoutMs = 10_000 }: TexterSettings): Texter => {
  const breaker = createBreaker();
  const endpoint = `${url}/2010-04-01/Accounts/${encodeURIComponent(account)}/Messages.json`;
  const authorization = `Basic ${Buffer.from(`${account}:${token}`).toString('base64')}`;
  return {
    async send({ to, body }) {
      if (breaker.isOpen()) throw new Unavailable('the SMS provider does not answer', 30);
      let answer: Response;
      try {
        answer = await fetch(endpoint, {
          method: 'POST',
          headers: { authorization, accept: 'application/json' },
          body: new URLSearchParams({ To: to, From: from, Body: body }),
          redirect: 'error',
          signal: AbortSignal.timeout(timeoutMs),
        });
      } catch (cause) {
        breaker.failed();
        throw new Unavailable('the SMS provider does not answer', 5, codeOf(cause));
      }
      await answer.body?.cancel();
      if (answer.ok) return breaker.succeeded();
      // What is wrong with one number is no fault of the provider's.
      if (answer.status >= 500 || answer.status === 429) breaker.failed();
      throw Object.assign(new Error(`the SMS provider answered ${answer.status}`), { name: 'TextNotSent', code: String(answer.status) });
    },
  };
};
