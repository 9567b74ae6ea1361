/** Prisma over the process's own pool: what the graph reads through. Hot and race-safe statements go by ./database.ts. */
import { PrismaPg } from '@prisma/adapter-pg';
import type pg from 'pg';
import { Prisma, PrismaClient } from './generated/prisma/client.ts';

export { Prisma, PrismaClient };

export const openPrisma = (pool: pg.Pool): PrismaClient => new PrismaClient({ adapter: new PrismaPg(pool), errorFormat: 'minimal' });

/** Whether a query selects columns alone, so that a prepared statement of the room can stand in for Prisma. */
export const asksForColumns = <Q extends { select?: object }>(query: Q): query is Q & { select: NonNullable<Q['select']> } =>
  query.select !== undefined && Object.values(query.select).every((wanted) => wanted === true);
