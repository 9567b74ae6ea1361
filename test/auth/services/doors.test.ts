/** A program and an API key at every root door, derived from the schema: what is for people refuses the one, what asks for a person who is there the other. */
import type { GraphQLField } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schema } from '../../../src/resolvers/index.ts';
import type { Door } from '../../../src/schema/doors.ts';
import type { Client } from '../../kit/client.ts';
import { callOf } from '../../kit/documents.ts';
import { factsOf, keyMutation, serviceOf, tokenOf } from '../../kit/services.ts';
import { openStream } from '../../kit/stream.ts';
import { openWorld, password, type SignedInPerson, type World } from '../../kit/world.ts';

type RootField = {
  root: string;
  name: string;
  field: GraphQLField<unknown, unknown>;
  open: string | { permission: string };
  inPerson: boolean;
  person: boolean;
  program: string | null;
};
const told = (door: Door) => (typeof door === 'object' && 'open' in door ? door : { open: door });
const fields: RootField[] = [schema.getQueryType()!, schema.getMutationType()!, schema.getSubscriptionType()!].flatMap((type) =>
  Object.values(type.getFields())
    .filter((field) => !field.name.startsWith('_'))
    .map((field) => {
      const { open, stepUp, inPerson, person, program } = told(field.extensions['door'] as Door) as {
        open: string;
        stepUp?: string;
        inPerson?: boolean;
        person?: boolean;
        program?: string;
      };
      return {
        root: type.name,
        name: field.name,
        field,
        open,
        person: person === true,
        program: program ?? null,
        inPerson: stepUp !== undefined || inPerson === true,
      };
    }),
);

let world: World;
let admin: SignedInPerson;
let mighty: Client;
let weak: Client;
let key: Client;
beforeAll(async () => {
  world = await openWorld();
  admin = await world.signedIn(undefined, { roles: ['superadmin'] });
  const { data } = await admin.client.ask(`{ me { permissions } }`);
  mighty = world.anonymous.as(await tokenOf(world, await serviceOf(admin.client, data.me.permissions)));
  weak = world.anonymous.as(await tokenOf(world, await serviceOf(admin.client, [])));
  const made = await admin.client.ask(keyMutation, { input: { name: 'all', permissions: data.me.permissions } });
  key = world.anonymous.as(made.data.createApiKey.key);
});
afterAll(() => world?.close());

const codeFor = async (client: Client, { root, field }: RootField): Promise<string | null> => {
  const text = callOf(field, { id: '01890000-0000-7000-8000-000000000000', email: 'nobody@example.com', password });
  if (root !== 'Subscription') return (await client.ask(`${root.toLowerCase()} { ${text} }`)).errors?.[0]?.extensions.code ?? null;
  const stream = await openStream(client, `subscription { ${text} }`);
  await stream.close();
  return stream.refused;
};
const people = fields.filter(({ open, person, program }) => (open === 'signedIn' && !program) || person);
const asking = new Set(['checkPermission', 'checkPermissions']);
const guarded = fields.filter(({ open }) => typeof open === 'object');
const forBoth = fields.filter(({ program }) => program);

describe('a program', () => {
  it('meets at least fifteen doors for people and five with a permission', () => {
    expect([people.length >= 15, guarded.length >= 5]).toEqual([true, true]);
  });
  it.each(people)('is refused at $root $name, and nothing happens, though it holds every permission', async (field) => {
    const before = await factsOf(world, '%');
    expect(await codeFor(mighty, field)).toBe('FORBIDDEN');
    expect(await factsOf(world, '%')).toBe(before);
  });
  it.each([...guarded.filter(({ person }) => !person), ...forBoth.filter(({ name }) => !asking.has(name))])(
    'is let in with the permission at $root $name, and refused without',
    async (field) => {
      const before = await factsOf(world, '%');
      expect(await codeFor(weak, field)).toBe('FORBIDDEN');
      expect(await factsOf(world, '%')).toBe(before);
      expect(await codeFor(mighty, field)).toBeNull();
    },
  );
  it('meets seven doors that it shares with people', () => {
    expect(forBoth.map(({ name, program }) => [name, program])).toEqual([
      ['checkPermission', 'permissions.check'],
      ['checkPermissions', 'permissions.check'],
      ['webhooks', 'webhooks.manage'],
      ['createWebhook', 'webhooks.manage'],
      ['deleteWebhook', 'webhooks.manage'],
      ['redeliverWebhook', 'webhooks.manage'],
      ['revealTradingCredentials', 'trading:credentials.read'],
    ]);
  });
  it.each(forBoth.filter(({ name }) => asking.has(name)))(
    'is refused at $root $name without the permission, and with it is asked for a question in form',
    async (field) => {
      const before = await factsOf(world, '%');
      expect(await codeFor(weak, field)).toBe('FORBIDDEN');
      expect(await codeFor(mighty, field)).toBe('BAD_REQUEST');
      expect(await factsOf(world, '%')).toBe(before);
    },
  );
  it('is nobody: me is null, logout and a step-up’s challenge are refused, and so are entities', async () => {
    expect((await mighty.ask('{ me { id } }')).data).toEqual({ me: null });
    expect((await mighty.ask('mutation { logout { __typename } }')).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    const challenge = 'mutation { challengeMfa(input: { type: EMAIL }) { __typename } }';
    for (const client of [mighty, key]) expect((await client.ask(challenge)).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    const entity = `{ _entities(representations: [{ __typename: "User", id: "${admin.id}" }]) { __typename } }`;
    expect((await mighty.ask(entity)).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
  });
});

describe('an API key', () => {
  it.each(fields.filter(({ inPerson }) => inPerson))(
    'is refused at $root $name, whose caller has to be there, and nothing happens',
    async (field) => {
      const before = await factsOf(world, '%');
      expect(await codeFor(key, field)).toBe('FORBIDDEN');
      expect(await factsOf(world, '%')).toBe(before);
    },
  );
  it.each(guarded.filter(({ inPerson }) => !inPerson))('is let in at $root $name with its owner’s permission', async (field) => {
    expect(await codeFor(key, field)).toBeNull();
  });
});
