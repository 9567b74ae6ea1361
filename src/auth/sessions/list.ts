/** Sessions as the graph reads them: Prisma's arguments come from the selection, what the caller may see is added here. */
import type { Clock } from '../../infra/ports.ts';
import type { Prisma, PrismaClient } from '../../infra/postgres/prisma.ts';
import { badRequest, forbidden } from '../access/denial.ts';
import type { SignedInCaller } from '../caller.ts';
import { isUuid } from '../paging.ts';

export type ListNeeds = { prisma: PrismaClient; clock: Clock };
export type SessionsOf = { userId?: string | null; includeEnded?: boolean | null };

/** Whose sessions, and only living ones unless told otherwise. An idle one is marked as ended by the sweeper within a minute. */
const visibleSessions = (clock: Clock, caller: SignedInCaller, { userId, includeEnded }: SessionsOf): Prisma.SessionWhereInput => {
  const ownerId = userId ?? caller.identity.userId;
  if (!isUuid(ownerId)) throw badRequest('userId is not an id.');
  if (ownerId !== caller.identity.userId && !caller.permissions.has('sessions.read')) throw forbidden('sessions.read is needed.');
  return { userId: ownerId, ...(includeEnded ? {} : { revokedAt: null, expiresAt: { gt: clock.now() } }) };
};

/** Newest first. `query` is what the selection asks of Prisma. */
export const listSessions =
  ({ prisma, clock }: ListNeeds) =>
  (caller: SignedInCaller, of: SessionsOf, query: object): Promise<Prisma.SessionGetPayload<object>[]> =>
    prisma.session.findMany({ ...query, where: visibleSessions(clock, caller, of), orderBy: { id: 'desc' } });

export const countSessions =
  ({ prisma, clock }: ListNeeds) =>
  (caller: SignedInCaller, of: SessionsOf): Promise<number> =>
    prisma.session.count({ where: visibleSessions(clock, caller, of) });

/** Which of `ids` the caller may know of, for references from other subgraphs and facts: one statement for all. */
export const findVisibleSessions =
  ({ prisma }: ListNeeds) =>
  async (caller: SignedInCaller, ids: readonly string[]): Promise<({ id: string } | null)[]> => {
    const own = caller.permissions.has('sessions.read') ? {} : { userId: caller.identity.userId };
    const rows = await prisma.session.findMany({ where: { id: { in: ids.filter(isUuid) }, ...own }, select: { id: true } });
    const found = new Set(rows.map((row) => row.id));
    return ids.map((id) => (found.has(id) ? { id } : null));
  };
