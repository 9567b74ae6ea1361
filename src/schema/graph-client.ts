/**
 * Where the Prisma plugin finds its client: on the context, but in a private field of this file, so that no resolver can read it. Only the
 * house binds it (src/house.ts) and only the builder asks for it; a house test keeps it so. A WeakMap would do the same for more on every request.
 */
import type { PrismaClient } from '../infra/postgres/prisma.ts';

/** A constructor that returns a given object, whose subclass puts its private fields onto that object. */
class Stamped {
  constructor(context: object) {
    // biome-ignore lint/correctness/noConstructorReturn: that is what stamps a private field onto an object made elsewhere
    return context;
  }
}
class Bound extends Stamped {
  #client: PrismaClient;
  constructor(context: object, client: PrismaClient) {
    super(context);
    this.#client = client;
  }
  static clientOf(context: object): PrismaClient | undefined {
    return #client in context ? (context as Bound).#client : undefined;
  }
}

export const bindGraphClient = <C extends object>(context: C, client: PrismaClient): C => {
  new Bound(context, client);
  return context;
};

export const graphClientOf = (context: object): PrismaClient => {
  const client = Bound.clientOf(context);
  if (!client) throw new Error('this context has no graph client: make contexts with bindGraphClient');
  return client;
};
