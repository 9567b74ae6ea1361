/**
 * The one-time link that a start prints while there is no administrator: whoever can read the server's own output makes the first
 * account and its superadmin. The address needs no mail to be believed, because the operator vouches for it. Void as soon as there is one.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Clock, Database, Hasher, Random } from '../../infra/ports.ts';
import type { Bootstrap } from '../access/bootstrap.ts';
import { hasSuperadmin, lockSuperadmin } from '../access/store.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { checkPolicy } from '../passwords/check.ts';
import { normalisePassword, type PolicyConfig } from '../passwords/model.ts';
import { tokenDigest } from '../tokens/one-time.ts';
import { emailKey, parseEmail, type UserOutcome } from './model.ts';
import { activateAccount, registerAccount } from './store.ts';

export type ClaimNeeds = {
  database: Database;
  clock: Clock;
  random: Random;
  hasher: Hasher;
  trail: AuditTrail;
  bootstrap: Bootstrap;
  config: PolicyConfig;
};
export type ClaimInput = { token: string; email: string; password: string };
export type ClaimOutcome = UserOutcome | Refused<'TokenInvalid' | 'InvalidInput' | 'WeakPassword' | 'Conflict'>;

/** `token` is this process's own: a replica that did not print it does not know it. */
export const openClaim = (needs: ClaimNeeds) => {
  const { database, clock, trail } = needs;
  const token = needs.random.bytes(32).toString('base64url');
  let used = false;

  const claim = async (caller: Caller, input: ClaimInput): Promise<ClaimOutcome> => {
    if (used || !timingSafeEqual(tokenDigest(input.token), tokenDigest(token)) || (await hasSuperadmin(database)))
      return { kind: 'TokenInvalid' };
    const email = parseEmail(input.email);
    if (!email) return { kind: 'InvalidInput', field: 'email', message: 'This is not an email address.' };
    const password = normalisePassword(input.password);
    const weak = checkPolicy(needs.config, password, { email, username: null, name: null });
    if (weak) return weak;
    const hash = await needs.hasher.hash(password, caller.network);
    const id = needs.random.uuid(clock.now());
    const outcome = await database.transaction(async (sql): Promise<ClaimOutcome> => {
      await lockSuperadmin(sql);
      if (await hasSuperadmin(sql)) return { kind: 'TokenInvalid' };
      const made = await registerAccount(sql, { id, email, key: emailKey(email), at: clock.now(), hash });
      if (!made?.made) return { kind: 'Conflict' };
      await activateAccount(sql, id, clock.now(), {});
      await trail.write(sql, [
        trail.fact(caller, { type: 'user.registered', data: {}, actorId: id }),
        trail.fact(caller, { type: 'user.verified', data: { by: 'link' }, actorId: id }),
      ]);
      await needs.bootstrap.promote(sql, caller, id);
      return { kind: 'User', id };
    });
    // Void for good, also when the one it made is gone again.
    if (outcome.kind === 'User') used = true;
    trail.committed();
    return outcome;
  };
  return { token, claim };
};
