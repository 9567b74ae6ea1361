/**
 * "This was not me": the link of a new sign-in's letter ends that session and the others of its device since then, takes away what they added
 * (second factors, backup codes, identities of other providers, trust in devices), forgets the device, and starts a password reset.
 */
import type { Clock, Database, Limiter, Rate } from '../../infra/ports.ts';
import { rateLimited } from '../access/denial.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import { removeLinkedBy } from '../identities/store.ts';
import { forgetFirstFactor } from '../mfa/forget.ts';
import { removeAddedBy } from '../mfa/store.ts';
import type { Refused } from '../outcome.ts';
import { lockActive } from '../passwords/store.ts';
import { deviceKey } from '../sessions/device.ts';
import type { Endings } from '../sessions/ending.ts';
import { sessionsSince } from '../sessions/pages.ts';
import type { LoggedOut } from '../sessions/revoke.ts';
import type { OneTimeTokens } from '../tokens/one-time.ts';
import { forgetDevice } from './store.ts';

export type DisownNeeds = {
  database: Database;
  clock: Clock;
  limiter: Limiter;
  trail: AuditTrail;
  oneTime: OneTimeTokens;
  endings: Endings;
  pepper: Buffer;
  /** Mails a link by which a password is chosen. */
  mailReset(caller: Caller, input: { email: string }): Promise<unknown>;
  /** The address of an active user. */
  addressOf(userId: string): Promise<string | null>;
  config: { RATE_LIMIT_LOGIN: Rate };
};
export type DisownOutcome = LoggedOut | Refused<'TokenInvalid'>;

export const disownSession = (needs: DisownNeeds) => {
  const { database, clock, limiter, trail, oneTime, endings, pepper } = needs;
  return async (caller: Caller, input: { token: string }): Promise<DisownOutcome> => {
    const limitKey = `disown:${caller.network}`;
    const { allowed, retryAfterSeconds } = await limiter.take(limitKey, needs.config.RATE_LIMIT_LOGIN);
    if (!allowed) throw rateLimited(retryAfterSeconds);
    const found = await oneTime.peek(database, 'disown_session', input.token);
    if (!found) return { kind: 'TokenInvalid' };
    const { userId } = found;
    const sessionId = found.data['sessionId'] as string;
    const ended = await database.transaction(async (sql) => {
      await lockActive(sql, userId);
      if (!(await oneTime.use(sql, 'disown_session', input.token))) return null;
      const who = { actorId: userId, subjectId: userId, sessionId };
      const facts = [trail.fact(caller, { type: 'session.disowned', data: {}, ...who })];
      const since = await sessionsSince(sql, userId, sessionId);
      const own = since.find((session) => session.id === sessionId);
      const ids: string[] = [];
      if (own) {
        const key = deviceKey(pepper, own);
        // The second sign-in of a device is no news: no letter told of it.
        const strange = since.filter((session) => deviceKey(pepper, session).equals(key)).map((session) => session.id);
        await forgetDevice(sql, userId, key);
        for (const id of strange) ids.push(...(await endings.one(sql, caller, id, 'disowned', userId)));
        for (const { type } of await removeAddedBy(sql, userId, strange, own.createdAt, clock.now()))
          facts.push(trail.fact(caller, { type: 'mfa.disabled', data: { method: type }, ...who }));
        for (const { id, provider } of await removeLinkedBy(sql, userId, strange))
          facts.push(trail.fact(caller, { type: 'identity.unlinked', data: { provider }, resource: `identity:${id}`, ...who }));
      }
      // Whoever has signed in as somebody else may have made any device trusted, and may have a challenge open.
      await forgetFirstFactor(sql, userId, clock.now());
      await trail.write(sql, facts);
      return ids;
    });
    if (!ended) return { kind: 'TokenInvalid' };
    endings.announce(ended);
    await limiter.giveBack(limitKey);
    const email = await needs.addressOf(userId);
    if (email) await needs.mailReset(caller, { email });
    return { kind: 'LoggedOut', sessionIds: ended };
  };
};
