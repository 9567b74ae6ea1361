/** Prisma over the process's own pool: what the graph reads through. Hot and race-safe statements go by ./database.ts. */
import { PrismaPg } from '@prisma/adapter-pg';
import type pg from 'pg';
import { Prisma, PrismaClient } from './generated/prisma/client.ts';

export { Prisma, PrismaClient };

export const openPrisma = (pool: pg.Pool): PrismaClient => new PrismaClient({ adapter: new PrismaPg(pool), errorFormat: 'minimal' });

/** Whether a query selects columns alone, so that a prepared statement of the room can stand in for Prisma. */
export const asksForColumns = ({ select }: { select?: object }): boolean =>
  select !== undefined && Object.values(select).every((wanted) => wanted === true);
