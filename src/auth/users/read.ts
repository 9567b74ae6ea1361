/** Users as the graph reads them: Prisma's arguments come from the selection; which users there are for the caller is decided here. */
import type { Database } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import { asksForColumns, type Prisma, type PrismaClient } from '../../infra/postgres/prisma.ts';
import type { Caller, SignedInCaller } from '../caller.ts';
import type { SignedIn } from '../login/model.ts';
import { isUuid } from '../paging.ts';

export type UserRow = Prisma.UserGetPayload<object>;

/** A user's columns by the names the graph reads them by; none is a secret. `u.` is the table. */
export const userColumns = `u.id, u.email, u.email_key AS "emailKey", u.email_verified_at AS "emailVerifiedAt", u.username,
  u.username_key AS "usernameKey", u.name, u.phone, u.phone_verified_at AS "phoneVerifiedAt", u.timezone, u.locale, u.avatar_url AS "avatarUrl",
  u.preferences, u.status, u.created_at AS "createdAt", u.updated_at AS "updatedAt", u.last_login_at AS "lastLoginAt", u.deleted_at AS "deletedAt",
  u.strong_mfa_only AS "strongMfaOnly"`;
/** `me` is the hottest read of the house: where only columns are asked for, one prepared statement gives them all. */
const ownRow = statement(`SELECT ${userColumns} FROM users u WHERE u.id = $1`);

const address = statement(`SELECT email FROM users WHERE id = $1 AND status = 'ACTIVE'`);

/** Others see active and deactivated accounts' public profiles; nobody sees a deleted one. */
const visible = (caller: Caller): Prisma.UserWhereInput =>
  caller.permissions.has('users.read')
    ? { status: { not: 'DELETED' } }
    : { OR: [{ id: caller.identity?.userId ?? '' }, { status: { in: ['ACTIVE', 'DEACTIVATED'] } }] };

type Query = { select?: object };
export const readUsers = ({ prisma, database }: { prisma: PrismaClient; database: Database }) => {
  const own = async (id: string, query: Query): Promise<UserRow | null> => {
    if (!asksForColumns(query)) return prisma.user.findUnique({ ...query, where: { id } });
    return (await database.run<UserRow>(ownRow, [id]))[0] ?? null;
  };
  return {
    me: async (caller: Caller, query: Query): Promise<UserRow | null> => (caller.identity ? own(caller.identity.userId, query) : null),
    /** Who has just signed in: the sign-in has read the row already, where it wrote to it. */
    ofSignIn: async ({ userId, user }: Pick<SignedIn, 'userId' | 'user'>, query: Query): Promise<UserRow | null> =>
      user && asksForColumns(query) ? user : own(userId, query),
    byId: (caller: SignedInCaller, id: string, query: object): Promise<UserRow | null> | null =>
      isUuid(id) ? prisma.user.findFirst({ ...query, where: { id, ...visible(caller) } }) : null,
    /** Where an active user's mail goes. */
    addressOf: async (id: string): Promise<string | null> =>
      (await database.run<{ email: string | null }>(address, [id]))[0]?.email ?? null,
    /** Which of `ids` there are for the caller: one statement for any number of references. */
    findRefs: async (caller: Caller, ids: readonly string[]): Promise<({ id: string } | null)[]> => {
      if (!caller.identity) return ids.map(() => null);
      const where = { id: { in: ids.filter(isUuid) }, ...visible(caller) };
      const found = new Set((await prisma.user.findMany({ where, select: { id: true } })).map((row) => row.id));
      return ids.map((id) => (found.has(id) ? { id } : null));
    },
  };
};
