/** The letters of a sign-in: of a new device, with a link for whoever it was not; of the limit on sessions. */
import type { Sql } from '../../infra/ports.ts';
import type { Caller } from '../caller.ts';
import type { Letter } from '../letters/model.ts';
import type { Post } from '../letters/post.ts';
import type { OneTimeTokens } from '../tokens/one-time.ts';
import { mailedLink } from '../users/mail.ts';
import type { Proof } from './proof.ts';

/** How long a sign-in can be disowned by its letter: an ordinary session lives no longer. */
const disownDays = 7;

export type Alert = { queue(sql: Sql): Promise<void> };
export type AlertNeeds = { post: Post; oneTime: OneTimeTokens; config: { LINK_NOT_ME?: string | undefined; publicUrl: string } };

/** Null where there is no news: a known device, or the first of all. */
export const prepareAlert = async (
  { post, oneTime, config }: AlertNeeds,
  proof: Proof,
  caller: Caller,
  now: Date,
  sessionId: string,
): Promise<Alert | null> => {
  if (!proof.email || proof.knownDevice || !proof.anyDevice) return null;
  const { browser, os, country } = proof.device;
  const token = oneTime.issue({ purpose: 'disown_session', userId: proof.userId, seconds: disownDays * 86_400, data: { sessionId } });
  const link = mailedLink(config.LINK_NOT_ME ?? `${config.publicUrl}/not-me`, token.token);
  const data = { at: now.toISOString(), ip: caller.ip, browser, os, country, link };
  const queueLetter = await post.prepare({ name: 'new-device', to: proof.email, locale: proof.locale, data });
  return {
    queue: async (sql) => {
      await token.insert(sql);
      await queueLetter(sql);
    },
  };
};

export const limitLetters = (proof: Proof, now: Date, limit: number): Letter[] => {
  if (!proof.email) return [];
  const { browser, os } = proof.device;
  return [{ name: 'session-limit', to: proof.email, locale: proof.locale, data: { at: now.toISOString(), limit, browser, os } }];
};
