/** The schema of the front door's own tests: one field for each thing that can happen to an operation. */
import { EventEmitter, on } from 'node:events';
import { buildSchema, GraphQLError, type GraphQLFieldResolver, type GraphQLSchema } from 'graphql';
import { Denial, rateLimited, unauthenticated } from '../../src/auth/access/denial.ts';
import type { Caller } from '../../src/auth/caller.ts';
import { Unavailable } from '../../src/infra/ports.ts';
import type { Reply } from '../../src/schema/context.ts';

export type Context = { caller: Caller; reply: Reply };
export const password = 'hunter2-do-not-echo';

const sdl = `
scalar JSON
enum Kind { CAT DOG }
input Where { kind: Kind name: String! count: Int inner: Where any: JSON }
type Person { id: ID! name: String! email: String! age: Int! verified: Boolean! friend: Person friends(first: Int = 10): [Person!]! }
type Service { sdl: String! }
type Query {
  me: Person
  who: String!
  permissions: [String!]!
  origin: String!
  echo(text: String!, where: Where): String!
  any(value: JSON): String!
  people(first: Int = 10): [Person!]!
  denied: String!
  limited: String
  stepUp: String
  doored: String
  away: String!
  partlyAway: String
  prismaAway: String!
  broken: String!
  unfit: Int!
  missing: String!
  slow(ms: Int!): String!
  _service: Service!
}
type Mutation { add: Int! refresh(token: String!): String! forget: String! login(password: String!): String! }
type Subscription { ticks(to: Int!): Int! news: String! flood(size: Int!): String! refused: String! breaks: Int! }
`;

const friends = () => [];
const ada = { friends, id: '1', name: 'Ada', email: 'ada@example.com', age: 36, verified: true };
type Resolve = GraphQLFieldResolver<unknown, Context, Record<string, never>>;

const queries: Record<string, Resolve> = {
  me: () => ada,
  who: (_root, _args, { caller }) => caller.identity?.userId ?? 'nobody',
  permissions: (_root, _args, { caller }) => [...caller.permissions],
  origin: (_root, _args, { caller }) => JSON.stringify([caller.ip, caller.network, caller.requestId, caller.refreshCookie]),
  echo: (_root, { text }) => text,
  any: () => 'any',
  people: (_root, { first }) => Array.from({ length: first ?? 10 }, () => ada),
  denied: () => {
    throw unauthenticated();
  },
  limited: () => {
    throw rateLimited(7);
  },
  stepUp: () => {
    throw new Denial('STEP_UP_REQUIRED', 'Prove it again.', { methods: ['TOTP'] });
  },
  doored: () => {
    throw new GraphQLError('Not through this door.', { extensions: { code: 'FORBIDDEN' } });
  },
  away: () => {
    throw new Unavailable('the vault at 10.0.0.7 is away', 3);
  },
  partlyAway: () => {
    throw new Unavailable('the cache is away', 3);
  },
  prismaAway: () => {
    throw Object.assign(new Error("Can't reach database server at db.internal:5432"), { code: 'P1001' });
  },
  broken: () => {
    throw new TypeError(`cannot read ${password} of undefined`);
  },
  unfit: () => password,
  missing: () => null,
  slow: async (_root, { ms }) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return 'done';
  },
  _service: () => ({ sdl }),
};

export const newsroom = new EventEmitter().setMaxListeners(0);
/** What became of the iterators of `news` and `flood`. */
export const ended = { news: 0, flood: 0, sent: 0 };

async function* ticks(to: number) {
  for (let tick = 1; tick <= to; tick += 1) yield tick;
}
const iterator = (next: () => Promise<unknown>, end: () => void) => ({
  next: async () => ({ done: false as const, value: await next() }),
  return: async () => {
    end();
    return { done: true as const, value: undefined };
  },
  [Symbol.asyncIterator]() {
    return this;
  },
});
const subscriptions: Record<string, Resolve> = {
  ticks: (_root, { to }) => ticks(to as unknown as number),
  news: () => {
    const heard = on(newsroom, 'news');
    return iterator(
      async () => (await heard.next()).value?.[0],
      () => {
        ended.news += 1;
        heard.return?.();
      },
    );
  },
  flood: (_root, { size }) =>
    iterator(
      async () => {
        await new Promise((resolve) => setImmediate(resolve));
        ended.sent += 1;
        return 'x'.repeat(size as unknown as number);
      },
      () => {
        ended.flood += 1;
      },
    ),
  refused: () => {
    throw unauthenticated();
  },
  breaks: async function* () {
    yield 1;
    throw new Error(`the stream of ${password} broke`);
  },
};

let added = 0;
const mutations: Record<string, Resolve> = {
  add: () => (added += 1),
  refresh: (_root, { token }, { reply }) => {
    reply.setRefreshCookie(token as unknown as string, 604_800);
    return 'rotated';
  },
  forget: (_root, _args, { reply }) => {
    reply.clearRefreshCookie();
    return 'forgotten';
  },
  login: () => 'in',
};
export const additions = () => added;

export const schema: GraphQLSchema = (() => {
  const built = buildSchema(sdl);
  const bind = (
    fields: ReturnType<NonNullable<ReturnType<typeof built.getQueryType>>['getFields']>,
    resolvers: Record<string, Resolve>,
  ) => {
    for (const [name, resolve] of Object.entries(resolvers)) fields[name]!.resolve = resolve as never;
  };
  bind(built.getQueryType()!.getFields(), queries);
  bind(built.getMutationType()!.getFields(), mutations);
  for (const [name, subscribe] of Object.entries(subscriptions)) {
    const field = built.getSubscriptionType()!.getFields()[name]!;
    field.subscribe = subscribe as never;
    field.resolve = (event: unknown) => event;
  }
  const friends = (built.getType('Person') as unknown as ReturnType<typeof built.getQueryType>)!.getFields()['friends']!;
  friends.extensions = { complexity: ({ first }: { first?: number }) => ({ field: 1, multiplier: first ?? 10 }) };
  built.getQueryType()!.getFields()['people']!.extensions = {
    complexity: ({ first }: { first?: number }) => ({ field: 1, multiplier: first ?? 10 }),
  };
  return built;
})();
