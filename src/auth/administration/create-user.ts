/**
 * An administrator makes an account: active at once, because the administrator vouches for the person; the address counts as proved only
 * when its mail has been read (the invitation's link, or any reset).
 */
import type { Breaches, Clock, Database, Hasher, Random, Sql } from '../../infra/ports.ts';
import { giveRole, type RoleNeeds } from '../access/assign-role.ts';
import { forbidden } from '../access/denial.ts';
import type { Permissions } from '../access/permissions.ts';
import { findRole, lockRoles } from '../access/role-store.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { Post } from '../letters/post.ts';
import type { Refused } from '../outcome.ts';
import { checkPassword } from '../passwords/check.ts';
import { normalisePassword, type PolicyConfig } from '../passwords/model.ts';
import type { OneTimeTokens } from '../tokens/one-time.ts';
import { emailKey, parseEmail, type UserOutcome, usernameKey } from '../users/model.ts';
import { checkProfile } from '../users/profile.ts';
import { type InvitationConfig, issueInvitation } from './invitation.ts';
import { insertAccount, type NewAccount } from './store.ts';

export type CreateUserNeeds = RoleNeeds & {
  database: Database;
  clock: Clock;
  random: Random;
  hasher: Hasher;
  breaches: Breaches;
  trail: AuditTrail;
  post: Post;
  oneTime: OneTimeTokens;
  permissions: Pick<Permissions, 'lasting'>;
  config: PolicyConfig & InvitationConfig;
};
export type CreateUserInput = {
  email: string;
  name?: string | null;
  username?: string | null;
  password?: string | null;
  role?: string | null;
  sendInvitation?: boolean | null;
};
export type CreateUserOutcome = UserOutcome | Refused<'EmailTaken' | 'UsernameTaken' | 'InvalidInput'>;

const invalid = (field: string, message: string): Refused<'InvalidInput'> => ({ kind: 'InvalidInput', field: `input.${field}`, message });
const noRole = () => invalid('role', 'There is no such role.');

export const createUser = (needs: CreateUserNeeds) => {
  const { database, clock, trail, config } = needs;
  const check = checkPassword(needs);

  /** The hash of the given password (null: none was given), or why it cannot be taken. */
  const secure = async (caller: SignedInCaller, input: CreateUserInput): Promise<string | null | Refused<'InvalidInput'>> => {
    if (input.password == null) return null;
    const password = normalisePassword(input.password);
    const { refused } = await check(password, input);
    if (refused?.kind === 'WeakPassword') return invalid('password', `The password does not meet: ${refused.unmet.join(', ')}.`);
    if (refused) return invalid('password', 'This password is on a list of breached ones.');
    return needs.hasher.hash(password, caller.network);
  };

  const write = async (
    sql: Sql,
    caller: SignedInCaller & { own: ReadonlySet<string> },
    account: NewAccount,
    role: string | null,
    invited: boolean,
  ) => {
    if (role) {
      // It may have been removed since it was looked for; nobody removes it now.
      await lockRoles(sql, null);
      if (!(await findRole(sql, null, role))) return 'no role' as const;
    }
    const made = await insertAccount(sql, account);
    if (made !== 'made') return made;
    await trail.write(sql, [trail.fact(caller, { type: 'user.created', data: { invited }, subjectId: account.id })]);
    if (role) await giveRole(needs, sql, caller, account.id, role);
    return made;
  };

  return async (caller: SignedInCaller, input: CreateUserInput): Promise<CreateUserOutcome> => {
    const email = parseEmail(input.email);
    if (!email) return invalid('email', 'This is not an email address.');
    const profile = checkProfile({ username: input.username ?? null, name: input.name ?? null });
    if ('kind' in profile) return profile;
    if (input.role && !caller.permissions.has('roles.assign')) throw forbidden('roles.assign is needed.');
    if (input.role && !(await findRole(database, null, input.role))) return noRole();
    const hash = await secure(caller, input);
    if (hash !== null && typeof hash !== 'string') return hash;
    const at = clock.now();
    const id = needs.random.uuid(at);
    const { username = null, name = null } = profile;
    const invitation =
      (input.sendInvitation ?? true)
        ? issueInvitation(needs.oneTime, config, { userId: id, email, locale: null }, 'account-invitation')
        : null;
    const queueLetter = await needs.post.prepare(...(invitation ? [invitation.letter] : []));
    const account = { id, email, emailKey: emailKey(email), verifiedAt: null, username, usernameKey: username && usernameKey(username) };
    const giver = { ...caller, own: await needs.permissions.lasting(caller.identity.userId) };
    const made = await database.transaction(async (sql) => {
      const written = await write(sql, giver, { ...account, name, hash, at }, input.role ?? null, invitation !== null);
      if (written !== 'made') return written;
      await invitation?.token.insert(sql);
      await queueLetter(sql);
      return written;
    });
    if (made !== 'made') return made === 'no role' ? noRole() : { kind: made };
    trail.committed();
    return { kind: 'User', id };
  };
};
