/** Whoever reads users reads them three levels deep, whoever it is: what he may not see is null or not there, and no field breaks. */
import type { GraphQLObjectType } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schema } from '../../../src/resolvers/index.ts';
import type { Client } from '../../kit/client.ts';
import { deepCall } from '../../kit/deep.ts';
import { act, found, member } from '../../kit/organizations.ts';
import { keyMutation, serviceOf, tokenOf } from '../../kit/services.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
const callers: Record<string, Client | null> = {
  support: null,
  'a superadmin': null,
  'a program': null,
  'a program that reads sessions and the log too': null,
  'a program that reads the log too': null,
  'an API key of a superadmin': null,
  'the user': null,
  'an API key of the user': null,
};
beforeAll(async () => {
  world = await openWorld();
  const boss = await world.signedIn(undefined, { roles: ['superadmin'] });
  const owner = await world.signedIn();
  const orgId = await found(owner);
  callers['support'] = (await world.signedIn(undefined, { roles: ['support'] })).client;
  // The newest user, who is first in the list.
  const person = await member(world, owner, orgId, 'viewer');
  await act(owner.client, 'grantPermission', { orgId, userId: person.id, permission: 'org.update' });
  const program = async (permissions: string[]) => world.anonymous.as(await tokenOf(world, await serviceOf(boss.client, permissions)));
  const key = async (of: SignedInPerson, permissions: string[]) =>
    world.anonymous.as((await of.client.ask(keyMutation, { input: { name: 'key', permissions } })).data.createApiKey.key);
  callers['a superadmin'] = boss.client;
  callers['a program'] = await program(['users.read']);
  callers['a program that reads sessions and the log too'] = await program(['users.read', 'sessions.read', 'audit.read']);
  callers['a program that reads the log too'] = await program(['users.read', 'audit.read']);
  callers['an API key of a superadmin'] = await key(boss, ['users.read']);
  callers['the user'] = person.client;
  callers['an API key of the user'] = await key(person, []);
});
afterAll(() => world?.close());

const fields = Object.values((schema.getType('User') as GraphQLObjectType).getFields());
const values = (name: string): string | undefined => (name === 'first' ? '1' : undefined);
/** The codes of what went wrong, as deep as the field's cost allows. */
const codesOf = async (client: Client, around: (inner: string) => string, name: string): Promise<string[]> => {
  for (const levels of [3, 2, 1]) {
    const { errors } = await client.ask(around(deepCall(fields.find((field) => field.name === name)!, values, levels)));
    if (!errors?.some(({ message }) => message.includes('costs too much'))) return (errors ?? []).map(({ extensions }) => extensions.code);
  }
  throw new Error(`${name} costs too much at any depth`);
};

describe.each(fields.map(({ name }) => name))('%s of a user, read to its depth,', (name) => {
  it.each(Object.keys(callers))('is no fault for %s', async (caller) => {
    const around = caller.includes('the user')
      ? (inner: string) => `{ me { ${inner} } }`
      : (inner: string) => `{ users(first: 1) { edges { node { ${inner} } } } }`;
    const codes = await codesOf(callers[caller] as Client, around, name);
    expect(codes.filter((code) => code !== 'FORBIDDEN')).toEqual([]);
  });
});
