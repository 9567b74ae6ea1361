/** Kite Connect v3 of Zerodha (https://kite.trade/docs/connect/v3/user/, …/exceptions/). */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Broker, BrokerAnswer, Log } from '../ports.ts';
import { type CallSettings, createCaller, type Told } from './call.ts';

const dayMs = 86_400_000;
/** 06:00 in India (UTC+05:30, no summer time) is 00:30 UTC. */
const flushMs = 30 * 60_000;
/** When a token that lives at `now` dies: Kite flushes all of them at 06:00 IST, whenever they were made. */
export const nextFlush = (now: Date): Date => new Date(Math.floor((now.getTime() - flushMs) / dayMs) * dayMs + dayMs + flushMs);

/** SHA-256 of key, request token and secret, in hex: proves the secret without sending it. */
const checksum = (apiKey: string, requestToken: string, apiSecret: string): string =>
  createHash('sha256').update(`${apiKey}${requestToken}${apiSecret}`).digest('hex');

const id = z.string().regex(/^[\w.-]{1,64}$/);
const token = z.string().regex(/^[\x21-\x7e]{1,500}$/);
const session = z.object({ status: z.literal('success'), data: z.object({ user_id: id, access_token: token }) });
const profile = z.object({ status: z.literal('success'), data: z.object({ user_id: id }) });
/** What is wrong with what was sent. Of all other errors, and of a 4xx in another form (a proxy's page), nothing follows for the credentials. */
const refusal = z.object({ status: z.literal('error'), error_type: z.enum(['TokenException', 'InputException', 'UserException']) });

const reading =
  <S extends z.ZodType>(form: S, known: (answer: z.output<S>) => BrokerAnswer) =>
  ({ status, body }: Told): BrokerAnswer | undefined => {
    if (status === 200) {
      const read = form.safeParse(body);
      return read.success ? known(read.data) : undefined;
    }
    return [400, 401, 403].includes(status) && refusal.safeParse(body).success ? { kind: 'BrokerRejected' } : undefined;
  };

const version = { 'x-kite-version': '3' };

export const createKite = (settings: CallSettings, log: Log): Broker => {
  const { ask } = createCaller('kite', settings, log);

  const verify: Broker['verify'] = ({ apiKey, accessToken }, now) =>
    ask(
      {
        method: 'GET',
        path: '/user/profile',
        headers: { ...version, authorization: `token ${apiKey}:${accessToken}` },
        repeatable: true,
      },
      reading(profile, ({ data }) => ({ kind: 'Known', brokerUserId: data.user_id, accessToken, expiresAt: nextFlush(now) })),
    );

  return {
    tokens: 'needed',
    verify,
    /** The exchange proves key, secret and user at once. It spends the request token, so it is not sent twice, and nothing after it may fail. */
    connect: ({ apiKey, apiSecret, requestToken, accessToken }, now) => {
      if (requestToken === null) return verify({ apiKey, apiSecret, accessToken }, now);
      const form = { api_key: apiKey, request_token: requestToken, checksum: checksum(apiKey, requestToken, apiSecret) };
      return ask(
        { method: 'POST', path: '/session/token', headers: version, form, repeatable: false },
        reading(session, ({ data }) => ({
          kind: 'Known',
          brokerUserId: data.user_id,
          accessToken: data.access_token,
          expiresAt: nextFlush(now),
        })),
      );
    },
  };
};
