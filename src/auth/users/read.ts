/** Users as the graph reads them: Prisma's arguments come from the selection; which users there are for the caller is decided here. */
import type { Prisma, PrismaClient } from '../../infra/postgres/prisma.ts';
import type { Caller, SignedInCaller } from '../caller.ts';
import { isUuid } from '../paging.ts';

type UserRow = Prisma.UserGetPayload<object>;

/** Others see active and deactivated accounts' public profiles; nobody sees a deleted one. */
const visible = (caller: Caller): Prisma.UserWhereInput =>
  caller.permissions.has('users.read')
    ? { status: { not: 'DELETED' } }
    : { OR: [{ id: caller.identity?.userId ?? '' }, { status: { in: ['ACTIVE', 'DEACTIVATED'] } }] };

export const readUsers = ({ prisma }: { prisma: PrismaClient }) => ({
  me: (caller: Caller, query: object): Promise<UserRow | null> | null =>
    caller.identity ? prisma.user.findUnique({ ...query, where: { id: caller.identity.userId } }) : null,
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
