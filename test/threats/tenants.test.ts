/** Tenants: every root field of the API, asked by the owner of one organization about another one, with all the ids that there are in it. */
import type { GraphQLField } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schema } from '../../src/resolvers/index.ts';
import { deepCall, type Values } from '../kit/deep.ts';
import { act, found, member } from '../kit/organizations.ts';
import { openStream } from '../kit/stream.ts';
import { hooked } from '../kit/webhooks.ts';
import { openWorld, type SignedInPerson, type World } from '../kit/world.ts';

/** What nobody outside may ever read. */
const mark = /zebra/i;
let world: World;
let owner: SignedInPerson;
let trader: SignedInPerson;
let outsider: SignedInPerson;
let there: string;
const ids: Record<string, string> = {};
const newOutsider = async (): Promise<SignedInPerson> => {
  const person = await world.signedIn();
  await found(person, 'Elsewhere');
  return person;
};
beforeAll(async () => {
  world = await openWorld();
  owner = await world.signedIn();
  there = await found(owner, 'Zebra Holding');
  trader = await member(world, owner, there, 'trader');
  const role = await act(owner.client, 'createRole', { orgId: there, name: 'zebra-desk', description: 'Zebra', permissions: ['org.read'] });
  const grant = await act(owner.client, 'grantPermission', { orgId: there, userId: trader.id, permission: 'org.read', reason: 'zebra' });
  const update = `mutation { updateOrganization(input: { orgId: "${there}", slug: "zebra-holding", settings: { sessionIdleSeconds: 86400 } }) { __typename } }`;
  expect((await owner.client.ask(update)).data.updateOrganization.__typename).toBe('Organization');
  const invite = `mutation { inviteMember(input: { orgId: "${there}", email: "zebra@example.com", role: "zebra-desk" }) { ... on Invitation { id } } }`;
  const invitation = (await owner.client.ask(invite)).data.inviteMember;
  await act(owner.client, 'updateMemberRole', { orgId: there, userId: trader.id, role: 'zebra-desk' });
  const { id: endpointId } = await hooked(owner.client, {
    orgId: there,
    url: 'https://zebra.example.com/hook',
    types: ['organization.updated'],
  });
  const [delivery] = await world.sql<{ id: string }>(
    `INSERT INTO webhook_deliveries (id, endpoint_id, event_id, type, at)
     SELECT gen_random_uuid(), $1, id, type, now() FROM audit_events WHERE org_id = $2 LIMIT 1 RETURNING id`,
    [endpointId, there],
  );
  Object.assign(ids, { endpointId, deliveryId: delivery!.id });
  Object.assign(ids, { roleId: role.id, grantId: grant.id, invitationId: invitation.id, sessionId: trader.sessionId, actorId: owner.id });
  outsider = await newOutsider();
});
afterAll(() => world?.close());

/** Every id names something of the organization; what takes a name or a role takes one of its. */
const values: Values = (name, type) => {
  if (name === 'id' || name === 'orgId') return `"${there}"`;
  if (name === 'first') return '1';
  if (name === 'slug') return '"zebra-holding"';
  if (name === 'role' || name === 'inherits') return '"zebra-desk"';
  if (name === 'permission' || name === 'permissions') return '"org.read"';
  if (type === 'ID') return `"${ids[name] ?? trader.id}"`;
  if (type === 'EmailAddress') return `"${trader.email}"`;
  if (type === 'URL') return '"https://hooks.example.com/other"';
  if (name === 'types') return '"*"';
  return undefined;
};
const asUser: Values = (name, type) => (name === 'id' ? `"${trader.id}"` : values(name, type));

const fields = [schema.getQueryType()!, schema.getMutationType()!].flatMap((type) =>
  Object.values(type.getFields())
    .filter(({ name }) => !name.startsWith('_'))
    .map((field) => ({ root: type.name.toLowerCase(), name: field.name, field: field as GraphQLField<unknown, unknown> })),
);
const tables = [
  'organizations',
  'org_members',
  'invitations',
  'roles',
  'role_assignments',
  'permission_grants',
  'role_permissions',
  'role_inherits',
  'webhook_endpoints',
  'webhook_deliveries',
];
/** All that is the organization's, and its people's accounts and sessions, as one text. */
const state = async (): Promise<string> => {
  const rows = await Promise.all(
    tables.map((table) =>
      world.sql(
        `SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY to_jsonb(t)::text), '[]') AS rows FROM ${table} t
      WHERE to_jsonb(t)::text LIKE ANY($1)`,
        [[there, owner.id, trader.id, ids['roleId'], ids['endpointId']].map((id) => `%${id}%`)],
      ),
    ),
  );
  const people = await world.sql(
    `SELECT (SELECT jsonb_agg(jsonb_build_object('id', u.id, 'email', u.email, 'status', u.status, 'name', u.name) ORDER BY u.id) FROM users u WHERE u.id = ANY($1)) AS users,
      (SELECT jsonb_agg(jsonb_build_object('id', s.id, 'org', s.org_id, 'revoked', s.revoked_at) ORDER BY s.id) FROM sessions s WHERE s.user_id = ANY($1)) AS sessions`,
    [[owner.id, trader.id]],
  );
  return JSON.stringify([rows, people]);
};

describe('the owner of another organization', () => {
  it('meets at least seventy fields', () => {
    expect(fields.length).toBeGreaterThanOrEqual(70);
  });

  /** As deep as its cost allows. A document that was refused whole would have tried nothing. */
  const tried = async ({ client }: SignedInPerson, { root, field }: (typeof fields)[number], given: Values): Promise<string> => {
    for (const levels of [3, 2, 1]) {
      const { data, errors } = await client.ask(`${root} { answer: ${deepCall(field, given, levels)} }`);
      if (errors?.some(({ message }) => message.includes('costs too much'))) continue;
      for (const { message, extensions } of errors ?? [])
        if (!['FORBIDDEN', 'UNAUTHENTICATED', 'STEP_UP_REQUIRED'].includes(extensions.code))
          expect(message).toMatch(/^(after is|before is|filter\.|orgId and userId|Give )/);
      return JSON.stringify([data, errors]);
    }
    throw new Error(`${field.name} costs too much at any depth`);
  };

  it.each(fields)('reads and changes nothing of this one by $root $name', async (field) => {
    const before = await state();
    for (const given of [values, asUser]) {
      expect(await tried(outsider, field, given)).not.toMatch(mark);
      if (!(await outsider.client.ask('{ me { id } }')).data?.me) outsider = await newOutsider();
    }
    expect(await state()).toBe(before);
  });

  it('asks for what the organization’s own people read by the same documents', async () => {
    const shown = [];
    for (const field of fields.filter(({ root }) => root === 'query'))
      if (mark.test(await tried(owner, field, values))) shown.push(field.name);
    expect(shown).toEqual(expect.arrayContaining(['auditEvents', 'me', 'organization', 'orgMembers', 'roles', 'webhooks']));
  });

  it('is not let in by the supergraph’s entities either', async () => {
    const query = `query ($all: [_Any!]!) { _entities(representations: $all) { __typename
      ... on Organization { name slug members { totalCount } roles { name } } ... on User { id memberships { totalCount } roles { role { name } } } } }`;
    const all = [
      { __typename: 'Organization', id: there },
      { __typename: 'User', id: trader.id },
    ];
    const { data } = await outsider.client.ask(query, { all });
    expect(data._entities).toEqual([null, { __typename: 'User', id: trader.id, memberships: null, roles: null }]);
  });

  it('hears nothing of this one live, while its members act', async () => {
    const heard = await openStream(outsider.client, 'subscription { auditEvents { type organization { name } } }');
    for (const query of [
      `auditEvents(filter: { orgId: "${there}" }) { id }`,
      `sessionEvents(orgId: "${there}") { id }`,
      `sessionEvents(userId: "${trader.id}") { id }`,
    ])
      expect((await openStream(outsider.client, `subscription { ${query} }`)).refused).toBe('FORBIDDEN');
    await act(owner.client, 'createRole', { orgId: there, name: 'zebra-two', permissions: ['org.read'] });
    await act(outsider.client, 'createRole', { name: 'x', permissions: [] });
    await outsider.client.ask('mutation { updateProfile(input: { name: "Somebody" }) { __typename } }');
    expect(await heard.next()).toMatchObject({ auditEvents: { type: 'user.updated', organization: null } });
    await heard.close();
  });
});

describe('the database', () => {
  it('refuses a role of another organization to a member, an invitation, an assignment and an heir, whatever a statement says', async () => {
    const other = await newOutsider();
    const [elsewhere] = await world.sql<{ org_id: string }>('SELECT org_id FROM org_members WHERE user_id = $1', [other.id]);
    const foreign = [elsewhere!.org_id, other.id, ids['roleId']];
    const own = await act(other.client, 'createRole', { orgId: elsewhere!.org_id, name: 'desk', permissions: ['org.read'] });
    for (const [text, given] of [
      ['UPDATE org_members SET role_id = $3 WHERE org_id = $1 AND user_id = $2', foreign],
      ['INSERT INTO role_assignments (id, org_id, user_id, role_id, granted_at) VALUES (gen_random_uuid(), $1, $2, $3, now())', foreign],
      [
        'INSERT INTO role_assignments (id, user_id, role_id, granted_at) VALUES (gen_random_uuid(), $1, $2, now())',
        [other.id, ids['roleId']],
      ],
      [
        `INSERT INTO role_assignments (id, org_id, user_id, role_id, granted_at) SELECT gen_random_uuid(), $1, $2, id, now() FROM roles WHERE name = 'superadmin'`,
        [elsewhere!.org_id, other.id],
      ],
      ['UPDATE invitations SET org_id = $1 WHERE role_id = $2', [elsewhere!.org_id, ids['roleId']]],
      ['INSERT INTO role_inherits (role_id, inherits_id) VALUES ($1, $2)', [own.id, ids['roleId']]],
    ] as const)
      await expect(world.sql(text, [...given]), text).rejects.toThrow('does not reach another');
  });
});
