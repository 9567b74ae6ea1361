/**
 * Where the Prisma plugin finds its client: beside the context, not in it, so that no resolver has it. Only the front door binds it
 * (src/http) and only the builder asks for it; a house test keeps it so.
 */
import type { PrismaClient } from '../infra/postgres/prisma.ts';

const clients = new WeakMap<object, PrismaClient>();

export const bindGraphClient = <C extends object>(context: C, client: PrismaClient): C => {
  clients.set(context, client);
  return context;
};

export const graphClientOf = (context: object): PrismaClient => {
  const client = clients.get(context);
  if (!client) throw new Error('this context has no graph client: make contexts with bindGraphClient');
  return client;
};
