/** The page of the link that a start prints while there is no administrator, and what it posts to. Not GraphQL: it is for once, and for the operator. */

import { nobody } from '../../auth/caller.ts';
import { readBody } from '../body.ts';
import type { Callers } from '../caller.ts';
import { tell } from '../errors.ts';
import type { Desk, Exchange } from '../exchange.ts';
import type { House } from '../house.ts';
import { bootstrapPage } from './links.ts';
import { htmlType } from './page.ts';

const json = 'application/json; charset=utf-8';
type Admission = NonNullable<House['auth']['access']['firstAdministrator']>;
const sentences: Readonly<Record<string, string>> = {
  User: 'You are the first administrator. You can sign in now.',
  TokenInvalid: 'This link is void: it was used, or the server has been started again since.',
  Conflict: 'There is an account with this address already.',
};

const fieldsOf = (text: string): { token: string; email: string; password: string } | null => {
  try {
    const { token, email, password } = JSON.parse(text);
    return [token, email, password].every((field) => typeof field === 'string') ? { token, email, password } : null;
  } catch {
    return null;
  }
};

export const openBootstrapPage = ({ admission, desk, callers }: { admission: Admission; desk: Desk; callers: Callers }) => ({
  show: (exchange: Exchange): void => exchange.send(200, htmlType, bootstrapPage.html, [], bootstrapPage.policy),
  /** JSON alone, and no origin is granted CORS here: no other site's page can post to it. */
  claim: async (exchange: Exchange): Promise<void> => {
    const { req, origin } = exchange;
    const answer = (status: number, message: string, done = false) => exchange.send(status, json, JSON.stringify({ done, message }));
    if (!/^application\/json\b/i.test(req.headers['content-type'] ?? '')) return answer(415, 'The body has to be application/json.');
    const body = await readBody(req);
    if (body === null) return exchange.done(499);
    if ('refused' in body) return answer(body.refused, body.message);
    const input = fieldsOf(body.text);
    if (!input) return answer(400, 'token, email and password are needed.');
    try {
      const outcome = await admission.claim(await callers.callerOf(origin, { whose: nobody }), input);
      const done = outcome.kind === 'User';
      const more = [outcome.message, ...(outcome.unmet ?? [])].filter(Boolean).join(' ');
      answer(done ? 200 : 400, sentences[outcome.kind] ?? (more || 'That cannot be used.'), done);
    } catch (error) {
      const told = tell(error, { requestId: origin.requestId, log: desk.log });
      answer(told.extensions.code === 'UNAVAILABLE' ? 503 : 500, told.message);
    }
  },
});
