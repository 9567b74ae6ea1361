/**
 * Accounts of another system, with their hashes: each password is verified by the hash that came, and replaced by argon2id at the next
 * sign-in (login.ts does so with every outdated one). Who cannot be taken is skipped, and said why; the others come in.
 */
import type { Clock, Database, Hasher, Random, Sql } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { SignedInCaller } from '../caller.ts';
import type { RefusalKind, Refused } from '../outcome.ts';
import { emailKey, parseEmail, usernameKey } from '../users/model.ts';
import { checkProfile } from '../users/profile.ts';
import { insertAccount, type NewAccount } from './store.ts';

export type ImportUsersNeeds = { database: Database; clock: Clock; random: Random; trail: AuditTrail; hasher: Pick<Hasher, 'verifiable'> };
export type ImportUserInput = {
  email: string;
  emailVerified?: boolean | null;
  username?: string | null;
  name?: string | null;
  passwordHash?: string | null;
};
export type Skipped = { readonly email: string; readonly kind: RefusalKind; readonly message?: string };
export type UsersImported = { readonly kind: 'UsersImported'; readonly created: number; readonly skipped: readonly Skipped[] };
export type ImportUsersOutcome = UsersImported | Refused<'InvalidInput'>;

const most = 500;

export const importUsers = (needs: ImportUsersNeeds) => {
  const { database, clock, random, trail, hasher } = needs;

  const refusal = (hash: string | null): string | null =>
    hash === null || hasher.verifiable(hash)
      ? null
      : 'The hash is none of argon2, bcrypt, scrypt or pbkdf2 in a known form, or would cost too much to verify.';

  const accountOf = (input: ImportUserInput): NewAccount | Skipped => {
    const { passwordHash = null, emailVerified } = input;
    const email = parseEmail(input.email);
    const skip = (message: string): Skipped => ({ email: input.email, kind: 'InvalidInput', message });
    if (!email) return skip('This is not an email address.');
    const profile = checkProfile({ username: input.username ?? null, name: input.name ?? null });
    if ('kind' in profile) return skip(profile.message);
    const problem = refusal(passwordHash);
    if (problem) return skip(problem);
    const at = clock.now();
    const { username = null, name = null } = profile;
    return {
      id: random.uuid(at),
      email,
      emailKey: emailKey(email),
      verifiedAt: emailVerified ? at : null,
      username,
      usernameKey: username && usernameKey(username),
      name,
      hash: passwordHash,
      at,
    };
  };

  /** Null where it is in. */
  const take = async (sql: Sql, caller: SignedInCaller, input: ImportUserInput): Promise<Skipped | null> => {
    const account = accountOf(input);
    if ('kind' in account) return account;
    const made = await insertAccount(sql, account);
    if (made !== 'made') return { email: input.email, kind: made };
    const data = { verified: account.verifiedAt !== null };
    await trail.write(sql, [trail.fact(caller, { type: 'user.imported', data, subjectId: account.id })]);
    return null;
  };

  return async (caller: SignedInCaller, { users }: { users: readonly ImportUserInput[] }): Promise<ImportUsersOutcome> => {
    if (users.length === 0 || users.length > most)
      return { kind: 'InvalidInput', field: 'input.users', message: `Give 1 to ${most} users at a time.` };
    // Two imports of the same people at once wait for each other's: in one order of addresses neither holds what the other waits for.
    const inOrder = users
      .map((user, at) => ({ user, at, key: emailKey(user.email) }))
      .sort((one, other) => (one.key < other.key ? -1 : Number(one.key > other.key)));
    const skipped = await database.transaction(async (sql) => {
      const all: (Skipped | null)[] = [];
      for (const { user, at } of inOrder) all[at] = await take(sql, caller, user);
      return all.filter((one) => one !== null);
    });
    trail.committed();
    return { kind: 'UsersImported', created: users.length - skipped.length, skipped };
  };
};
