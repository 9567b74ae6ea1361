/** The schema as a Federation 2 subgraph: it composes with a foreign one, and its entities have the doors of the fields that read them. */
import { composeServices } from '@theguild/federation-composition';
import { parse } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, type SignedInPerson, type World } from '../kit/world.ts';

let world: World;
let owner: SignedInPerson;
let other: SignedInPerson;
let admin: SignedInPerson;
beforeAll(async () => {
  world = await openWorld();
  owner = await world.signedIn();
  other = await world.signedIn();
  admin = await world.signedIn(undefined, { roles: ['superadmin'] });
});
afterAll(() => world?.close());

const orders = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key"])
  type Query { orders: [Order!]! }
  type Order @key(fields: "id") { id: ID! placedBy: User! from: Session }
  type User @key(fields: "id") { id: ID! orders: [Order!]! }
  type Session @key(fields: "id", resolvable: false) { id: ID! }`;

const entities = `query ($refs: [_Any!]!) { _entities(representations: $refs) { __typename
  ... on User { id displayName email } ... on Session { id ipAddress } } }`;
const user = (id: string) => ({ __typename: 'User', id });
const session = (id: string) => ({ __typename: 'Session', id });

describe('the subgraph', () => {
  it('gives an SDL with keys and doors that composes with another subgraph which extends User and refers to Session', async () => {
    const { data } = await world.anonymous.ask('{ _service { sdl } }');
    const sdl: string = data._service.sdl;
    expect(sdl).toMatch(/type User[^{]*@key\(fields: "id"\)/);
    expect(sdl).toMatch(/type Session[^{]*@key\(fields: "id"\)/);
    expect(sdl).toContain('@authenticated');
    expect(sdl).toContain('@requiresScopes(scopes: [["keys.rotate"]])');
    const result = composeServices([
      { name: 'identity', typeDefs: parse(sdl), url: 'http://identity.example/graphql' },
      { name: 'orders', typeDefs: parse(orders), url: 'http://orders.example/graphql' },
    ]);
    expect(result.errors ?? []).toEqual([]);
    expect(result.supergraphSdl).toContain('join__Graph');
    expect(result.publicSdl).toMatch(/type User[^}]*orders: \[Order!\]!/);
  });

  it('resolves references in one batch, whatever their order and number', async () => {
    const people = await Promise.all(Array.from({ length: 20 }, () => world.person()));
    const refs = people.map(({ id }) => user(id));
    const { data, errors } = await owner.client.ask(entities, { refs: [...refs, ...refs.toReversed()] });
    expect(errors).toBeUndefined();
    expect(data._entities.map((found: { id: string }) => found.id)).toEqual([...refs, ...refs.toReversed()].map(({ id }) => id));
  });

  it('gives of another user the public profile alone, and of oneself and to an administrator everything', async () => {
    const of = async (client: typeof owner.client) => (await client.ask(entities, { refs: [user(owner.id)] })).data._entities[0];
    expect(await of(other.client)).toMatchObject({ id: owner.id, email: null });
    expect(await of(owner.client)).toMatchObject({ id: owner.id, email: owner.email });
    expect(await of(admin.client)).toMatchObject({ id: owner.id, email: owner.email });
  });

  it('gives a session to its owner and to a holder of sessions.read; to anybody else there is none', async () => {
    const of = async (client: typeof owner.client) => (await client.ask(entities, { refs: [session(owner.sessionId)] })).data._entities[0];
    expect(await of(other.client)).toBeNull();
    expect(await of(owner.client)).toMatchObject({ id: owner.sessionId });
    expect(await of(admin.client)).toMatchObject({ id: owner.sessionId });
  });

  it('gives an anonymous caller no entity, as user(id:) does', async () => {
    const { data, errors } = await world.anonymous.ask(entities, { refs: [user(owner.id), session(owner.sessionId)] });
    expect(data?._entities ?? [null, null]).toEqual([null, null]);
    expect(errors?.every(({ extensions }) => extensions.code === 'UNAUTHENTICATED')).toBe(true);
    expect(errors?.length).toBe(2);
  });

  it('answers a reference to nobody, or with an id out of form, with null', async () => {
    const { data } = await owner.client.ask(entities, {
      refs: [user('01890000-0000-7000-8000-000000000000'), user('nobody'), session("' OR 1=1 --")],
    });
    expect(data._entities).toEqual([null, null, null]);
  });
});
