/** Codes that are sent: six digits, ten minutes, three tries; by mail or by text message. Only an HMAC of each is kept. */
import { createHmac } from 'node:crypto';
import type { Clock, Random, Sql } from '../../infra/ports.ts';
import type { Post } from '../letters/post.ts';
import { takeCode } from './challenges.ts';
import { type Claim, codeSeconds, digitsOf, type MfaAnswer, maskEmail, maskPhone } from './model.ts';
import { noteUse, type Owner } from './store.ts';

export type SentType = 'EMAIL' | 'SMS';
export type CodeNeeds = { clock: Clock; random: Random; post: Post; pepper: Buffer };
export type SentCode = {
  hash: Buffer;
  expiresAt: Date;
  /** Whereto, masked. */
  sentTo: string;
  /** Queues the message in the caller's transaction. */
  queue(sql: Sql): Promise<void>;
};
export type Codes = ReturnType<typeof openCodes>;

export const openCodes = ({ clock, random, post, pepper }: CodeNeeds) => {
  /** `id` is of the challenge or the setup that the code is for: it proves nothing anywhere else. */
  const digest = (id: string, code: string): Buffer => createHmac('sha256', pepper).update(`mfa code\0${id}\0${code}`).digest();
  return {
    digest,
    /** A fresh code for `id`, on its way to the owner's mailbox or to `phone`. Null where there is nowhere to send it. */
    make: async (id: string, type: SentType, owner: Owner, phone: string | null): Promise<SentCode | null> => {
      const to = type === 'EMAIL' ? owner.email : phone;
      if (!to) return null;
      const code = random.digits(6);
      const data = { code, validMinutes: codeSeconds / 60 };
      const { locale } = owner;
      const queue = await (type === 'EMAIL'
        ? post.prepare({ name: 'mfa-code', to, locale, data })
        : post.prepareText({ name: 'mfa-code', to, locale, data }));
      const expiresAt = new Date(clock.now().getTime() + codeSeconds * 1000);
      return { hash: digest(id, code), expiresAt, sentTo: type === 'EMAIL' ? maskEmail(to) : maskPhone(to), queue };
    },
    /** What counts is the digest, which the statement compares: a wrong one costs a try. */
    judge: (owner: Owner, challengeId: string, type: SentType, { code }: MfaAnswer): Claim => ({
      take: async (sql) => {
        const now = clock.now();
        if (!(await takeCode(sql, challengeId, type, digest(challengeId, digitsOf(code)), now))) return false;
        await noteUse(sql, owner.userId, type, now);
        return true;
      },
    }),
  };
};
