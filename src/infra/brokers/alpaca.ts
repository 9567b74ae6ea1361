/** Alpaca's Trading API (https://docs.alpaca.markets/reference/getaccount-1): a key and a secret, sent as they are; no tokens, no end. */
import { z } from 'zod';
import type { Broker, BrokerAnswer, Log } from '../ports.ts';
import { type CallSettings, createCaller, type Told } from './call.ts';

const account = z.object({ id: z.string().min(1).max(64), account_number: z.string().regex(/^[\w-]{1,64}$/) });
/** A refusal says so in JSON; a page of something in between is none. */
const refusal = z.object({ message: z.string() });

const read = ({ status, body }: Told): BrokerAnswer | undefined => {
  if (status === 200) {
    const { data } = account.safeParse(body);
    return data && { kind: 'Known', brokerUserId: data.account_number, accessToken: null, expiresAt: null };
  }
  return [401, 403].includes(status) && refusal.safeParse(body).success ? { kind: 'BrokerRejected' } : undefined;
};

export const createAlpaca = (settings: CallSettings, log: Log): Broker => {
  const { ask } = createCaller('alpaca', settings, log);
  const verify: Broker['verify'] = ({ apiKey, apiSecret }) =>
    ask(
      {
        method: 'GET',
        path: '/v2/account',
        headers: { 'apca-api-key-id': apiKey, 'apca-api-secret-key': apiSecret },
        repeatable: true,
      },
      read,
    );
  return { tokens: 'none', verify, connect: verify };
};
