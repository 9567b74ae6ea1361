/** What mails on demand have in common: their limits, their answer, their links. */
import type { Limiter, Rate } from '../../infra/ports.ts';
import type { Refused } from '../outcome.ts';

export type MailAccepted = { readonly kind: 'MailAccepted'; readonly email: string };
export type MailOutcome = MailAccepted | Refused<'TooManyAttempts'>;

/** Takes a place for one mail, of the network's and of the address's; null where both had one. An unknown address has its limit like a known one. */
export const takeMailPlace = async (
  limiter: Limiter,
  rate: Rate,
  network: string,
  account: string,
): Promise<Refused<'TooManyAttempts'> | null> => {
  const [byNetwork, byAddress] = [`mail:${network}`, `mail:${account}`];
  for (const key of [byNetwork, byAddress]) {
    const { allowed, retryAfterSeconds } = await limiter.take(key, rate);
    if (allowed) continue;
    // A refused attempt takes no place at all.
    if (key === byAddress) await limiter.giveBack(byNetwork);
    return { kind: 'TooManyAttempts', retryAfterSeconds };
  }
  return null;
};

/** `page` with the query parameter `token`, whatever parameters the page has already. */
export const mailedLink = (page: string, token: string): string => {
  const url = new URL(page);
  url.searchParams.set('token', token);
  return url.href;
};
