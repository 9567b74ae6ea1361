/** Every root field × every role, against the table beside this file. Each call names what there is: an organization, a member, what that member has. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schema } from '../../../src/resolvers/index.ts';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import type { Client } from '../../kit/client.ts';
import { deepCall } from '../../kit/deep.ts';
import { act, found, member } from '../../kit/organizations.ts';
import { clientMutation, keyMutation, serviceOf, tokenOf } from '../../kit/services.ts';
import { openStream } from '../../kit/stream.ts';
import { hooked } from '../../kit/webhooks.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';
import { callers, given, matrix, takes } from './matrix.ts';

const roots = { Query: schema.getQueryType()!, Mutation: schema.getMutationType()!, Subscription: schema.getSubscriptionType()! };
/** `_entities` and `_service` are the federation's own. */
const fields = Object.values(roots).flatMap((type) => Object.keys(type.getFields()).map((name) => `${type.name}.${name}`));
const fieldOf = (row: string) => row.split(',')[0] as string;

let world: World;
let watch: Watch;
let orgId: string;
const people: Record<string, SignedInPerson> = {};
const clients: Record<string, Client> = {};
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
  const owner = await world.signedIn();
  orgId = await found(owner);
  for (const role of ['viewer', 'trader', 'admin']) people[role] = await member(world, owner, orgId, role);
  for (const role of ['support', 'superadmin']) people[role] = await world.signedIn(undefined, { roles: [role] });
  people['owner'] = owner;
  for (const [name, { client }] of Object.entries(people)) clients[name] = client;
  const all = `{ me { permissions there: permissions(orgId: "${orgId}") } }`;
  const keyOf = async ({ client }: SignedInPerson, permissions: string[]) =>
    world.anonymous.as((await client.ask(keyMutation, { input: { name: 'all', permissions } })).data.createApiKey.key);
  const boss = people['superadmin']!;
  const { permissions } = (await boss.client.ask(all)).data.me;
  clients['nobody'] = world.anonymous;
  clients['program'] = world.anonymous.as(await tokenOf(world, await serviceOf(boss.client, permissions)));
  clients['bare'] = world.anonymous.as(await tokenOf(world, await serviceOf(boss.client, [])));
  clients['bossKey'] = await keyOf(boss, permissions);
  clients['ownerKey'] = await keyOf(owner, (await owner.client.ask(all)).data.me.there);
  await renew();
});
afterAll(() => world?.close());

let ids: Record<string, string> = {};
let count = 0;
/** An endpoint and a delivery to it; the ones before, as long as nobody took them away. */
const webhookOf = async (
  owner: SignedInPerson,
  of: { orgId?: string },
  before?: string,
): Promise<[endpointId: string, deliveryId: string]> => {
  const there = (id: string) => world.sql<{ id: string }>('SELECT id FROM webhook_endpoints WHERE id = $1', [id]);
  const left = before && (await there(before)).length > 0 ? before : null;
  const id = left ?? (await hooked(owner.client, { ...of, url: 'http://127.0.0.1:9', types: ['key.rotated'] })).id;
  const [delivery] = await world.sql<{ id: string }>(
    `INSERT INTO webhook_deliveries (id, endpoint_id, event_id, type, at) SELECT gen_random_uuid(), $1, id, type, now() FROM audit_events
     WHERE $2::uuid IS NULL OR org_id = $2 ORDER BY id DESC LIMIT 1 ON CONFLICT (endpoint_id, event_id) DO UPDATE SET at = now() RETURNING id`,
    [id, of.orgId ?? null],
  );
  return [id, delivery!.id];
};
/** Somebody whom anything may be done to, and what is there to be taken away: made anew wherever somebody is let in who takes it. */
const renew = async (): Promise<void> => {
  const [owner, boss] = [people['owner']!, people['superadmin']!];
  const someone = await member(world, owner, orgId, 'viewer');
  const role = await act(owner.client, 'createRole', { orgId, name: `desk-${++count}`, permissions: ['org.read'] });
  const grant = await act(owner.client, 'grantPermission', { orgId, userId: someone.id, permission: 'org.read' });
  await act(owner.client, 'assignRole', { orgId, userId: someone.id, role: role.name });
  const invite = `mutation { inviteMember(input: { orgId: "${orgId}", email: "invited${count}@example.com", role: "viewer" }) { ... on Invitation { id } } }`;
  const invitation = (await owner.client.ask(invite)).data.inviteMember;
  const service = await boss.client.ask(clientMutation, { input: { name: 'Orders', permissions: [] } });
  const key = await someone.client.ask(keyMutation, { input: { name: 'k', permissions: ['org.read'] } });
  const { id: clientId } = service.data.createServiceClient.client;
  const { id: keyId } = key.data.createApiKey.apiKey;
  const { id: userId, sessionId } = someone;
  const [endpointId, deliveryId] = await webhookOf(owner, { orgId }, ids['endpointId']);
  const [platformEndpointId, platformDeliveryId] = await webhookOf(boss, {}, ids['platformEndpointId']);
  ids = {
    id: userId,
    userId,
    sessionId,
    orgId,
    clientId,
    keyId,
    roleId: role.id,
    role: role.name,
    ownerId: owner.id,
    bossId: boss.id,
    grantId: grant.id,
    invitationId: invitation.id,
    endpointId,
    deliveryId,
    platformEndpointId,
    platformDeliveryId,
  };
};

/** As the table writes it, and what else it may be by its code. */
const judged = (code: string | undefined, answer: { __typename?: string; length?: number } | null): string => {
  if (code) return { UNAUTHENTICATED: '-', FORBIDDEN: '-', BAD_REQUEST: 'x' }[code] ?? code;
  return answer === null || answer.__typename === 'NotFound' || answer.length === 0 ? 'o' : '+';
};
const cellOf = async (row: string, caller: string): Promise<string> => {
  const [root, name] = fieldOf(row).split('.') as [keyof typeof roots, string];
  const own = given[row] ?? {};
  const literal = (of: string, type: string): string | undefined => {
    const value = own[of];
    if (value !== undefined) return value?.startsWith('$') ? JSON.stringify(ids[value.slice(1)]) : (value ?? undefined);
    if (/[iI]d$/.test(of) && of in ids) return JSON.stringify(ids[of]);
    if (of === 'permission' || of === 'permissions') return '"org.read"';
    if (of === 'role') return '"viewer"';
    if (type === 'URL') return '"https://hooks.example.com"';
    return type === 'EmailAddress' ? '"somebody@example.com"' : undefined;
  };
  const call = deepCall(roots[root].getFields()[name]!, literal, 0);
  // Who signs out does so in a session that nobody needs.
  const person = name === 'logout' && people[caller];
  const client = person ? (await world.signIn(person)).client : clients[caller]!;
  if (root !== 'Subscription') {
    const { data, errors } = await client.ask(`${root.toLowerCase()} { ${call} }`);
    // What is null inside of an answer is another door's doing.
    return judged(errors?.find(({ path }) => !data || path?.length === 1)?.extensions.code, data?.[name] ?? null);
  }
  const stream = await openStream(client, `subscription { ${call} }`);
  await stream.close();
  return judged(stream.refused ?? undefined, {});
};

describe('the table of roles and doors', () => {
  it('has a row for each of at least 85 root fields, and in each a cell for everybody', () => {
    const listed = fields.filter((name) => !name.includes('._'));
    expect(listed.length).toBeGreaterThanOrEqual(85);
    expect([...new Set(Object.keys(matrix).map(fieldOf))].toSorted()).toEqual(listed.toSorted());
    for (const [row, cells] of Object.entries(matrix)) expect(cells, row).toMatch(/^[-ox+] [-ox+]{4} [-ox+]{2} [-ox+]{2} [-ox+]{2}$/);
    expect(Object.keys(given).filter((row) => !(row in matrix))).toEqual([]);
    expect([...takes].filter((row) => !(row in matrix))).toEqual([]);
  });

  it.each(Object.entries(matrix))('%s is %s, and nothing happens where nobody is let in', async (row, told) => {
    const cells = told.replaceAll(' ', '');
    let found = '';
    for (const [n, caller] of callers.entries()) {
      // Also for whoever comes after one who took it.
      if (takes.has(row) && (cells[n] === '+' || cells[n - 1] === '+')) await renew();
      if (cells[n] === '+') {
        found += await cellOf(row, caller);
        continue;
      }
      const { answer, changed } = await watch(() => cellOf(row, caller));
      expect(changed, caller).toEqual(nothing);
      found += answer;
    }
    if (takes.has(row)) await renew();
    expect(found).toBe(cells);
  });
});
