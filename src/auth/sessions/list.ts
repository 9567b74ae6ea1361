/** Sessions as the graph reads them: Prisma's arguments come from the selection, what the caller may see is added here. */
import type { Clock, Database } from '../../infra/ports.ts';
import { asksForColumns, type Prisma, type PrismaClient } from '../../infra/postgres/prisma.ts';
import { badRequest, forbidden } from '../access/denial.ts';
import type { Caller } from '../caller.ts';
import { isUuid } from '../paging.ts';
import { countRows, readSession, readSessions, type Selected, type SessionRow } from './pages.ts';

export type ListNeeds = { database: Database; prisma: PrismaClient; clock: Clock };
export type SessionsOf = { userId?: string | null; includeEnded?: boolean | null };

/** Whose sessions, for a caller who may see them; a program, which has none of its own, names the user. */
const ownerOf = ({ identity, permissions }: Caller, { userId }: SessionsOf): string => {
  const ownerId = userId?.toLowerCase() ?? identity?.userId;
  if (ownerId === undefined || !isUuid(ownerId)) throw badRequest('userId is not an id.');
  if (ownerId !== identity?.userId && !permissions.has('sessions.read')) throw forbidden('sessions.read is needed.');
  return ownerId;
};
/** Only living ones unless told otherwise. An idle one is marked as ended by the sweeper within a minute. */
const visibleSessions = (clock: Clock, caller: Caller, of: SessionsOf): Prisma.SessionWhereInput => ({
  userId: ownerOf(caller, of),
  ...(of.includeEnded ? {} : { revokedAt: null, expiresAt: { gt: clock.now() } }),
});

/** What a page asks of Prisma: rows beyond `cursor`, backwards where `take` is negative. */
type PageQuery = { select?: Selected; take?: number; skip?: number; cursor?: { id?: string } };

/** Newest first. `query` is what the selection asks of Prisma; where that is columns alone, a prepared statement reads them. */
export const listSessions =
  ({ database, prisma, clock }: ListNeeds) =>
  async (caller: Caller, of: SessionsOf, query: PageQuery): Promise<SessionRow[]> => {
    const { take, skip = 0, cursor } = query;
    // Pothos skips the cursor's own row and nothing else; anything it may come to ask beyond that is Prisma's to understand.
    if (take === undefined || skip !== (cursor ? 1 : 0) || !asksForColumns(query))
      return prisma.session.findMany({ ...(query as object), where: visibleSessions(clock, caller, of), orderBy: { id: 'desc' } });
    const livingAt = of.includeEnded ? null : clock.now();
    return readSessions(database, { userId: ownerOf(caller, of), livingAt, beyond: cursor?.id ?? null, take, select: query.select });
  };

/** The session of a sign-in or a refresh that has just been made. */
export const sessionOfSignIn =
  ({ database, prisma }: ListNeeds) =>
  async ({ sessionId }: { sessionId: string }, query: { select?: Selected }): Promise<SessionRow | null> =>
    asksForColumns(query)
      ? readSession(database, sessionId, query.select)
      : prisma.session.findUnique({ ...query, where: { id: sessionId } });

export const countSessions =
  ({ database, clock }: ListNeeds) =>
  (caller: Caller, of: SessionsOf): Promise<number> =>
    countRows(database, ownerOf(caller, of), of.includeEnded ? null : clock.now());

/** Which of `ids` the caller may know of, for references from other subgraphs and facts: one statement for all. */
export const findVisibleSessions =
  ({ prisma }: ListNeeds) =>
  async (caller: Caller, ids: readonly string[]): Promise<({ id: string } | null)[]> => {
    const all = caller.permissions.has('sessions.read');
    if (!all && !caller.identity) return ids.map(() => null);
    const own = all ? {} : { userId: caller.identity?.userId as string };
    const rows = await prisma.session.findMany({ where: { id: { in: ids.filter(isUuid) }, ...own }, select: { id: true } });
    const found = new Set(rows.map((row) => row.id));
    return ids.map((id) => (found.has(id) ? { id } : null));
  };
