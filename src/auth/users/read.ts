/** Users as the graph reads them: Prisma's arguments come from the selection; which users there are for the caller is decided here. */
import type { Database } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import { asksForColumns, type Prisma, type PrismaClient } from '../../infra/postgres/prisma.ts';
import type { Caller, SignedInCaller } from '../caller.ts';
import { isUuid } from '../paging.ts';

type UserRow = Prisma.UserGetPayload<object>;

/** `me` is the hottest read of the house: where only columns are asked for, one prepared statement gives them all (none is a secret). */
const ownRow =
  statement(`SELECT id, email, email_key AS "emailKey", email_verified_at AS "emailVerifiedAt", username, username_key AS "usernameKey",
  name, phone, phone_verified_at AS "phoneVerifiedAt", timezone, locale, avatar_url AS "avatarUrl", preferences, status, created_at AS "createdAt",
  updated_at AS "updatedAt", last_login_at AS "lastLoginAt", deleted_at AS "deletedAt" FROM users WHERE id = $1`);

/** Others see active and deactivated accounts' public profiles; nobody sees a deleted one. */
const visible = (caller: Caller): Prisma.UserWhereInput =>
  caller.permissions.has('users.read')
    ? { status: { not: 'DELETED' } }
    : { OR: [{ id: caller.identity?.userId ?? '' }, { status: { in: ['ACTIVE', 'DEACTIVATED'] } }] };

export const readUsers = ({ prisma, database }: { prisma: PrismaClient; database: Database }) => ({
  me: async (caller: Caller, query: { select?: object }): Promise<UserRow | null> => {
    if (!caller.identity) return null;
    const id = caller.identity.userId;
    if (!asksForColumns(query)) return prisma.user.findUnique({ ...query, where: { id } });
    return (await database.run<UserRow>(ownRow, [id]))[0] ?? null;
  },
  byId: (caller: SignedInCaller, id: string, query: object): Promise<UserRow | null> | null =>
    isUuid(id) ? prisma.user.findFirst({ ...query, where: { id, ...visible(caller) } }) : null,
  /** Which of `ids` there are for the caller: one statement for any number of references. */
  findRefs: async (caller: Caller, ids: readonly string[]): Promise<({ id: string } | null)[]> => {
    if (!caller.identity) return ids.map(() => null);
    const where = { id: { in: ids.filter(isUuid) }, ...visible(caller) };
    const found = new Set((await prisma.user.findMany({ where, select: { id: true } })).map((row) => row.id));
    return ids.map((id) => (found.has(id) ? { id } : null));
  },
});
