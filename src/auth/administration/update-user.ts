/**
 * An administrator changes an account's data. Another address is a new lock on the door: it counts as unproved, what was mailed to the old
 * one opens nothing any more, every session ends, the old address is told, and the new one gets a link to prove itself by.
 */
import type { Clock, Database, Sql } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Letter } from '../letters/model.ts';
import type { Post } from '../letters/post.ts';
import { forgetFirstFactor } from '../mfa/forget.ts';
import type { Refused } from '../outcome.ts';
import type { Endings } from '../sessions/ending.ts';
import type { IssuedToken, OneTimeTokens } from '../tokens/one-time.ts';
import { emailKey, parseEmail, type UserOutcome, usernameKey } from '../users/model.ts';
import { checkProfile, type ProfileInput } from '../users/profile.ts';
import { isEmailConflict, isUsernameConflict, updateAccount } from '../users/store.ts';
import { type InvitationConfig, issueInvitation } from './invitation.ts';
import { changeEmail } from './store.ts';
import { type Target, takeTarget } from './target.ts';

export type UpdateUserNeeds = {
  database: Database;
  clock: Clock;
  trail: AuditTrail;
  post: Post;
  oneTime: OneTimeTokens;
  endings: Endings;
  config: InvitationConfig;
};
export type UpdateUserInput = Pick<ProfileInput, 'username' | 'name' | 'phone' | 'timezone' | 'locale'> & {
  userId: string;
  email?: string | null;
};
export type UpdateUserOutcome = UserOutcome | Refused<'NotFound' | 'EmailTaken' | 'UsernameTaken' | 'InvalidInput' | 'Conflict'>;

/** The new address, and the letters and the token that go with it. */
type Move = { email: string; key: string; before: Target; token: IssuedToken | null; queueLetters: (sql: Sql) => Promise<void> };

export const updateUser = (needs: UpdateUserNeeds) => {
  const { database, clock, trail, oneTime, endings, config } = needs;

  /** Letters are sealed before the transaction, by the account as it is found; `before` tells whether it still is that one. */
  const prepareMove = async (caller: SignedInCaller, userId: string, email: string): Promise<Move | null> => {
    const before = await database.transaction((sql) => takeTarget(sql, caller, userId));
    if (!before) return null;
    const { id, locale, status } = before;
    // An account that is away proves nothing: its address is proved by the first reset once it is back.
    const proof = status === 'ACTIVE' ? issueInvitation(oneTime, config, { userId: id, email, locale }, 'email-assigned') : null;
    const notice: Letter = { name: 'email-changed', to: before.email, locale, data: { at: clock.now().toISOString() } };
    const queueLetters = await needs.post.prepare(notice, ...(proof ? [proof.letter] : []));
    return { email, key: emailKey(email), before, token: proof?.token ?? null, queueLetters };
  };

  /** The ids of the sessions it ended. */
  const move = async (sql: Sql, caller: SignedInCaller, { email, key, before, token, queueLetters }: Move): Promise<string[]> => {
    const { id } = before;
    await changeEmail(sql, id, email, key, clock.now());
    // Another spelling of the same address is the same mailbox.
    if (key === before.email_key) return [];
    for (const purpose of ['reset_password', 'magic_link', 'disown_session'] as const) await oneTime.endAll(sql, purpose, id);
    await forgetFirstFactor(sql, id, clock.now());
    await token?.insert(sql);
    await queueLetters(sql);
    await trail.write(sql, [trail.fact(caller, { type: 'user.email_changed', data: {}, subjectId: id })]);
    return endings.all(sql, caller, id, 'email_changed');
  };

  type Changes = ReturnType<typeof checkProfile>;
  const commit = (caller: SignedInCaller, userId: string, changes: Exclude<Changes, { kind: string }>, to: Move | null) =>
    database.transaction(async (sql) => {
      const target = await takeTarget(sql, caller, userId);
      if (!target) return 'NotFound';
      // Nobody's yet: what its registration asked for is written when the address is proved.
      if (target.status === 'PENDING_VERIFICATION') return 'Conflict';
      if (to && (to.before.email !== target.email || to.before.status !== target.status)) return 'Conflict';
      const fields = Object.keys(changes);
      const given =
        changes.username === undefined ? changes : { ...changes, usernameKey: changes.username && usernameKey(changes.username) };
      if (fields.length > 0) {
        await updateAccount(sql, target.id, clock.now(), given, ['ACTIVE', 'DEACTIVATED']);
        await trail.write(sql, [trail.fact(caller, { type: 'user.updated', data: { fields }, subjectId: target.id })]);
      }
      return { id: target.id, ended: to ? await move(sql, caller, to) : [] };
    });

  return async (caller: SignedInCaller, input: UpdateUserInput): Promise<UpdateUserOutcome> => {
    const { userId, email, username, name, phone, timezone, locale } = input;
    const changes = checkProfile({ username, name, phone, timezone, locale });
    if ('kind' in changes) return changes;
    const address = email == null ? null : parseEmail(email);
    if (email !== undefined && !address) return { kind: 'InvalidInput', field: 'input.email', message: 'This is not an email address.' };
    const to = address ? await prepareMove(caller, userId, address) : null;
    if (address && !to) return { kind: 'NotFound' };
    try {
      const done = await commit(caller, userId, changes, to?.email === to?.before.email ? null : to);
      if (typeof done === 'string') return { kind: done };
      endings.announce(done.ended);
      return { kind: 'User', id: done.id };
    } catch (error) {
      if (isEmailConflict(error)) return { kind: 'EmailTaken' };
      if (isUsernameConflict(error)) return { kind: 'UsernameTaken' };
      throw error;
    }
  };
};
