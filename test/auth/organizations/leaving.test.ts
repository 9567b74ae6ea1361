/** Whoever has left an organization speaks for it no more: not by a token from before, nor by a session that crossed with the removal. */
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { act, found, member } from '../../kit/organizations.ts';
import { basic, post, serviceOf } from '../../kit/services.ts';
import { openWorld, refreshMutation, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
let boss: SignedInPerson;
let owner: SignedInPerson;
let orgId: string;
beforeAll(async () => {
  world = await openWorld();
  boss = await world.signedIn(undefined, { roles: ['superadmin'] });
  owner = await world.signedIn();
  orgId = await found(owner);
});
afterAll(() => world?.close());

const switching = 'mutation ($orgId: ID!) { switchOrganization(orgId: $orgId) { __typename ... on SignedIn { accessToken } } }';
const switchTo = async (person: SignedInPerson) => (await person.client.ask(switching, { orgId })).data.switchOrganization;
const removed = (person: SignedInPerson) => act(owner.client, 'removeMember', { orgId, userId: person.id });
const refreshed = async ({ refreshToken }: SignedInPerson): Promise<Record<string, unknown>> =>
  decodeJwt((await world.anonymous.ask(refreshMutation, { input: { refreshToken } })).data.refresh.accessToken);

describe('a token from before the removal', () => {
  it('is good, and names neither the organization nor what a role there gave, to gateways, to services and in facts', async () => {
    const service = await serviceOf(boss.client, ['tokens.introspect']);
    const admin = await member(world, owner, orgId, 'admin');
    const { accessToken } = await switchTo(admin);
    const told = async () => {
      const { status, headers } = await fetch(`${world.url}/auth/validate`, { headers: { authorization: `Bearer ${accessToken}` } });
      const { body } = await post(world, 'introspect', { token: accessToken }, basic(service.id, service.secret));
      return [status, headers.get('x-org-id'), headers.get('x-scopes'), body['org'] ?? '', body['scope']];
    };
    const [, , scopes] = await told();
    expect(scopes).toContain('org.members.manage');
    expect(await told()).toEqual([200, orgId, scopes, orgId, scopes]);
    await removed(admin);
    expect(await told()).toEqual([200, '', '', '', '']);
    await world.anonymous.as(accessToken).ask('mutation { updateProfile(input: { name: "Elsewhere" }) { __typename } }');
    expect(await world.sql(`SELECT org_id FROM audit_events WHERE type = 'user.updated' AND actor_id = $1`, [admin.id])).toEqual([
      { org_id: null },
    ]);
  });
});

describe('a session', () => {
  it('that crossed with the removal has no token for the organization at its next refresh', async () => {
    const trader = await member(world, owner, orgId, 'trader');
    await switchTo(trader);
    await removed(trader);
    await world.sql('UPDATE sessions SET org_id = $2 WHERE id = $1', [trader.sessionId, orgId]);
    const claims = await refreshed(trader);
    expect(claims).toMatchObject({ sub: trader.id, scope: '' });
    expect(claims).not.toHaveProperty('org');
  });

  it('does not speak for an organization that it switches to while its user is removed, in thirty rounds', async () => {
    for (let round = 0; round < 30; round += 1) {
      const trader = await member(world, owner, orgId, 'trader');
      await Promise.all([removed(trader), switchTo(trader)]);
      expect(await world.sql('SELECT org_id FROM sessions WHERE user_id = $1', [trader.id])).toEqual([{ org_id: null }]);
    }
  });

  it('of the platform’s administrator, who sees the organization and is not in it, does not speak for it', async () => {
    expect((await boss.client.ask(`{ organization(id: "${orgId}") { id } }`)).data.organization).toEqual({ id: orgId });
    expect((await switchTo(boss)).__typename).toBe('NotFound');
  });
});

describe('an invitation', () => {
  it.each([
    ['removed', (admin: SignedInPerson) => removed(admin)],
    ['made a viewer', ({ id }: SignedInPerson) => act(owner.client, 'updateMemberRole', { orgId, userId: id, role: 'viewer' })],
    ['made a trader', ({ id }: SignedInPerson) => act(owner.client, 'updateMemberRole', { orgId, userId: id, role: 'trader' })],
  ])('is good for nothing once whoever sent it has been %s: nobody comes back by a second address', async (_, happen) => {
    const [admin, guest, other] = [await member(world, owner, orgId, 'admin'), await world.signedIn(), await world.signedIn()];
    const accept = async ({ client, email }: SignedInPerson) => {
      const token = /token=([\w-]+)/.exec((await world.mail(email)).text)?.[1];
      const call = 'mutation ($token: String!) { acceptInvitation(input: { token: $token }) { __typename } }';
      return (await client.ask(call, { token })).data.acceptInvitation.__typename;
    };
    for (const { email } of [guest, other])
      await admin.client.ask(
        `mutation { inviteMember(input: { orgId: "${orgId}", email: "${email}", role: "admin" }) { ... on Invitation { id } } }`,
      );
    expect(await accept(other)).toBe('OrgMember');
    await happen(admin);
    expect(await accept(guest)).toBe('TokenInvalid');
    expect(await world.sql('SELECT 1 FROM org_members WHERE user_id = $1', [guest.id])).toEqual([]);
  });
});

describe('a member whose role does not let him see the organization', () => {
  it('sees that he is in it, and leaves it: somebody else may have added him', async () => {
    const role = { orgId, name: 'unseeing', permissions: ['trading.view'] };
    expect((await act(owner.client, 'createRole', role)).__typename).toBe('Role');
    const blind = await member(world, owner, orgId, 'unseeing');
    const { data, errors } = await blind.client.ask('{ me { memberships(first: 5) { edges { node { organization { id name } } } } } }');
    expect(errors).toBeUndefined();
    expect(data.me.memberships.edges).toEqual([{ node: { organization: { id: orgId, name: 'Sons' } } }]);
    const left = await act(blind.client, 'removeMember', { orgId, userId: blind.id });
    expect(left.__typename).toBe('MemberRemoved');
    expect(await act(blind.client, 'removeMember', { orgId, userId: blind.id })).toMatchObject({ __typename: 'NotFound' });
  });
});

describe('a member who was given more beside his membership', () => {
  it('is put out by who holds all of it, and by nobody else', async () => {
    const mighty = { orgId, name: 'co-owner', permissions: ['org.own', 'org.read'] };
    expect((await act(owner.client, 'createRole', mighty)).__typename).toBe('Role');
    const admin = await member(world, owner, orgId, 'admin');
    const [byRole, byGrant] = [await member(world, owner, orgId, 'viewer'), await member(world, owner, orgId, 'viewer')];
    await act(owner.client, 'assignRole', { orgId, userId: byRole.id, role: 'co-owner' });
    await act(owner.client, 'grantPermission', { orgId, userId: byGrant.id, permission: 'org.own' });
    for (const { id: userId } of [byRole, byGrant]) {
      expect((await act(admin.client, 'removeMember', { orgId, userId })).__typename).toBe('FORBIDDEN');
      expect((await act(owner.client, 'removeMember', { orgId, userId })).__typename).toBe('MemberRemoved');
    }
  });
});
