/** Organizations over the API: made, changed, joined, left, handed over; never without an owner, never seen from outside. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import type { Client } from '../../kit/client.ts';
import { ask, problem } from '../../kit/mfa.ts';
import { openWorld, type SignedInPerson, someEmail } from '../../kit/world.ts';

let world: Awaited<ReturnType<typeof openWorld>>;
let watch: Watch;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
});
afterAll(() => world?.close());

// biome-ignore lint/suspicious/noExplicitAny: answers of any shape
type Any = any;
const mutations = {
  createOrganization: 'CreateOrganizationInput',
  updateOrganization: 'UpdateOrganizationInput',
  inviteMember: 'InviteMemberInput',
  acceptInvitation: 'AcceptInvitationInput',
  addMember: 'OrgMemberInput',
  updateMemberRole: 'OrgMemberInput',
  removeMember: 'RemoveMemberInput',
  transferOwnership: 'TransferOwnershipInput',
} as const;
const parts: Record<string, string> = {
  createOrganization: '... on Organization { id name slug settings { requireMfa } }',
  updateOrganization:
    '... on Organization { id name slug settings { requireMfa maxSessionsPerUser allowedEmailDomains sessionIdleSeconds } } ... on InvalidInput { field }',
  inviteMember: '... on Invitation { id email organization { id } invitedBy { id } } ... on InvalidInput { field }',
  acceptInvitation: '... on OrgMember { user { id } organization { id } joinedAt }',
  addMember: '... on OrgMember { user { id } organization { id } joinedAt }',
  updateMemberRole: '... on OrgMember { user { id } }',
  removeMember: '... on MemberRemoved { orgId userId }',
  transferOwnership: '... on Organization { id }',
};
const run = (client: Client, name: keyof typeof mutations, input: object): Promise<Any> =>
  ask(client, `mutation ($input: ${mutations[name]}!) { ${name}(input: $input) { __typename ${problem} ${parts[name]} } }`, input);
const codeOf = async (client: Client, name: keyof typeof mutations, input: object) =>
  (await client.ask(`mutation ($input: ${mutations[name]}!) { ${name}(input: $input) { __typename } }`, { input })).errors?.[0]?.extensions
    .code;
const found = async (owner: SignedInPerson, name = 'Lovelace & Sons'): Promise<string> =>
  (await run(owner.client, 'createOrganization', { name })).id;
const rolesIn = async (orgId: string) =>
  Object.fromEntries(
    (
      await world.sql<{ user_id: string; name: string }>(
        'SELECT m.user_id, r.name FROM org_members m JOIN roles r ON r.id = m.role_id WHERE m.org_id = $1',
        [orgId],
      )
    ).map((row) => [row.user_id, row.name]),
  );
const with_ = async (...roles: string[]) => {
  const owner = await world.signedIn();
  const orgId = await found(owner);
  const members: SignedInPerson[] = [];
  for (const role of roles) {
    const person = await world.signedIn();
    expect((await run(owner.client, 'addMember', { orgId, userId: person.id, role })).__typename).toBe('OrgMember');
    members.push(person);
  }
  return { owner, orgId, members };
};

describe('a new organization', () => {
  it('has its maker as owner, a slug of its own, and is there for members alone', async () => {
    const [owner, other] = [await world.signedIn(), await world.signedIn()];
    const { answer, changed } = await watch(() => run(owner.client, 'createOrganization', { name: 'Lovelace & Sons', slug: 'lovelace' }));
    expect(answer).toMatchObject({
      __typename: 'Organization',
      name: 'Lovelace & Sons',
      slug: 'lovelace',
      settings: { requireMfa: false },
    });
    expect(changed).toEqual({ ...nothing, facts: ['organization.created', 'organization.member_added'] });
    expect(await rolesIn(answer.id)).toEqual({ [owner.id]: 'owner' });
    const query = '{ a: organization(slug: "lovelace") { id } b: organization(slug: "nobody-has-this") { id } }';
    expect((await owner.client.ask(query)).data).toEqual({ a: { id: answer.id }, b: null });
    expect((await other.client.ask(query)).data).toEqual({ a: null, b: null });
    expect((await run(other.client, 'createOrganization', { name: 'Another', slug: 'lovelace' })).__typename).toBe('Conflict');
    expect((await run(other.client, 'createOrganization', { name: 'x', slug: 'Not a slug' })).__typename).toBe('InvalidInput');
    expect(
      (await owner.client.ask('{ me { memberships { totalCount edges { node { organization { id } } } } } }')).data.me.memberships,
    ).toEqual({
      totalCount: 1,
      edges: [{ node: { organization: { id: answer.id } } }],
    });
  });

  it('is one of at most twenty of one owner, also when they are made at once', async () => {
    const owner = await world.signedIn();
    const kinds = (
      await Promise.all(Array.from({ length: 25 }, (_, n) => run(owner.client, 'createOrganization', { name: `Number ${n}` })))
    ).map((answer) => answer.__typename);
    expect(kinds.filter((kind) => kind === 'Organization')).toHaveLength(20);
    expect(kinds.filter((kind) => kind === 'QuotaExceeded')).toHaveLength(5);

    // Nor by any other way to become an owner.
    const { owner: founder, orgId } = await with_();
    const [of, to] = [
      { orgId, userId: owner.id },
      { orgId, toUserId: owner.id },
    ];
    await run(founder.client, 'inviteMember', { orgId, email: owner.email, role: 'owner' });
    const token = /token=([\w-]+)/.exec((await world.mail(owner.email)).text)![1];
    const { answer, changed } = await watch(async () => [
      await run(founder.client, 'addMember', { ...of, role: 'owner' }),
      await run(owner.client, 'acceptInvitation', { token }),
    ]);
    expect(answer.map(({ __typename }: Any) => __typename)).toEqual(['InvalidInput', 'InvalidInput']);
    expect(changed).toEqual(nothing);
    await run(founder.client, 'addMember', { ...of, role: 'admin' });
    const { answer: later, changed: since } = await watch(async () => [
      await run(founder.client, 'updateMemberRole', { ...of, role: 'owner' }),
      await run(founder.client, 'transferOwnership', to),
    ]);
    expect(later.map(({ __typename }: Any) => __typename)).toEqual(['InvalidInput', 'QuotaExceeded']);
    expect(since).toEqual(nothing);
    expect(await rolesIn(orgId)).toEqual({ [founder.id]: 'owner', [owner.id]: 'admin' });
  });

  it('is one of at most twenty of one owner, also where several add, raise and choose him at once, in ten rounds', async () => {
    for (let round = 0; round < 10; round += 1) {
      const [owner, founder] = [await world.signedIn(), await world.signedIn()];
      for (let n = 0; n < 19; n += 1) await found(owner, `Number ${n}`);
      const orgIds = await Promise.all(Array.from({ length: 6 }, () => found(founder)));
      for (const orgId of orgIds.slice(2)) await run(founder.client, 'addMember', { orgId, userId: owner.id, role: 'admin' });
      const answers = await Promise.all(
        orgIds.map((orgId, n) => {
          const of = { orgId, userId: owner.id, role: 'owner' };
          if (n >= 4) return run(founder.client, 'transferOwnership', { orgId, toUserId: owner.id });
          return run(founder.client, n < 2 ? 'addMember' : 'updateMemberRole', of);
        }),
      );
      const kinds = answers.map(({ __typename }) => __typename);
      expect(
        kinds.filter((kind) => kind === 'OrgMember' || kind === 'Organization'),
        kinds.join(),
      ).toHaveLength(1);
      expect(
        kinds.filter((kind) => kind === 'InvalidInput' || kind === 'QuotaExceeded'),
        kinds.join(),
      ).toHaveLength(5);
    }
  }, 60_000);
});

describe('settings', () => {
  it('are changed by who holds org.update, seen by nobody below, and checked', async () => {
    const { owner, orgId, members } = await with_('admin', 'viewer');
    const [admin, viewer] = members as [SignedInPerson, SignedInPerson];
    const settings = { requireMfa: true, maxSessionsPerUser: 3, allowedEmailDomains: ['@Example.com'], sessionIdleSeconds: 600 };
    expect(await run(admin.client, 'updateOrganization', { orgId, name: 'Renamed', settings })).toMatchObject({
      name: 'Renamed',
      settings: { ...settings, allowedEmailDomains: ['example.com'] },
    });
    expect((await run(owner.client, 'updateOrganization', { orgId, settings: { maxSessionsPerUser: null } })).settings).toMatchObject({
      maxSessionsPerUser: null,
      requireMfa: true,
    });
    expect(await codeOf(viewer.client, 'updateOrganization', { orgId, name: 'Mine' })).toBe('FORBIDDEN');
    expect(
      (await viewer.client.ask(`{ organization(id: "${orgId}") { name settings { requireMfa } dashboard { members } } }`)).data
        .organization,
    ).toEqual({
      name: 'Renamed',
      settings: null,
      dashboard: null,
    });
    for (const bad of [
      { maxSessionsPerUser: 0 },
      { sessionIdleSeconds: 1 },
      { allowedEmailDomains: ['no domain'] },
      { auditRetentionDays: 1 },
    ])
      expect((await run(owner.client, 'updateOrganization', { orgId, settings: bad })).__typename).toBe('InvalidInput');
  });

  it('hold for members at once, and within a second in another house: a factor is required, sessions are limited, and end sooner unused', async () => {
    const { owner, orgId, members } = await with_('trader');
    const [trader] = members as [SignedInPerson];
    const second = await openWorld({}, { databaseUrl: world.databaseUrl, keyFile: world.keyFile });
    try {
      // Both houses know by now what is asked of the trader.
      for (const house of [world, second])
        expect((await (await house.signIn(trader)).client.ask('{ me { id } }')).data.me.id).toBe(trader.id);
      const settings = { requireMfa: true, maxSessionsPerUser: 1, sessionIdleSeconds: 600 };
      await run(owner.client, 'updateOrganization', { orgId, settings });
      const codeAfterSignIn = async (house: typeof world) => {
        const { client, sessionId } = await house.signIn(trader);
        const living = await world.sql('SELECT id, idle_seconds FROM sessions WHERE user_id = $1 AND revoked_at IS NULL', [trader.id]);
        expect(living).toEqual([{ id: sessionId, idle_seconds: 600 }]);
        return (await client.ask('{ me { id } }')).errors?.[0]?.extensions.code;
      };
      expect(await codeAfterSignIn(world)).toBe('STEP_UP_REQUIRED');
      await new Promise((resolve) => setTimeout(resolve, 1000));
      expect(await codeAfterSignIn(second)).toBe('STEP_UP_REQUIRED');
    } finally {
      await second.close();
    }
  });
});

describe('an invitation', () => {
  it('is mailed, bound to its address, accepted once, and gives the role', async () => {
    const { owner, orgId } = await with_();
    const guest = await world.person();
    const { answer, changed } = await watch(() => run(owner.client, 'inviteMember', { orgId, email: guest.email, role: 'trader' }));
    expect(answer).toMatchObject({
      __typename: 'Invitation',
      email: guest.email,
      organization: { id: orgId },
      invitedBy: { id: owner.id },
    });
    expect(changed).toEqual({ ...nothing, facts: ['organization.member_invited'], letters: [`invitation to ${guest.email}`] });
    expect((await run(owner.client, 'inviteMember', { orgId, email: guest.email, role: 'viewer' })).__typename).toBe('Conflict');
    const token = /token=([\w-]+)/.exec((await world.mail(guest.email)).text)![1];
    const thief = await world.signedIn();
    expect((await run(thief.client, 'acceptInvitation', { token })).__typename).toBe('TokenInvalid');
    const { client } = await world.signIn(guest);
    const kinds = (await Promise.all(Array.from({ length: 20 }, () => run(client, 'acceptInvitation', { token }))))
      .map((one) => one.__typename)
      .sort();
    expect(kinds).toEqual(['OrgMember', ...Array(19).fill('TokenInvalid')]);
    expect(await rolesIn(orgId)).toMatchObject({ [guest.id]: 'trader' });
  });

  it('is over after seven days, and once it was taken back', async () => {
    const { owner, orgId } = await with_();
    const guest = await world.person();
    await run(owner.client, 'inviteMember', { orgId, email: guest.email, role: 'viewer' });
    const first = /token=([\w-]+)/.exec((await world.mail(guest.email)).text)![1];
    world.clock.move(7 * 86_400 + 1);
    const { client } = await world.signIn(guest);
    expect((await run(client, 'acceptInvitation', { token: first })).__typename).toBe('TokenInvalid');
    const again = await run((await world.signIn(owner)).client, 'inviteMember', { orgId, email: guest.email, role: 'viewer' });
    expect(again.__typename).toBe('Invitation');
    const second = /token=([\w-]+)/.exec((await world.mail(guest.email, 1)).text)![1];
    const revoke = 'mutation ($id: ID!) { revokeInvitation(invitationId: $id) { __typename } }';
    expect((await client.ask(revoke, { id: again.id })).data.revokeInvitation.__typename).toBe('NotFound');
    expect((await (await world.signIn(owner)).client.ask(revoke, { id: again.id })).data.revokeInvitation.__typename).toBe('Deleted');
    expect((await run(client, 'acceptInvitation', { token: second })).__typename).toBe('TokenInvalid');
  });

  it('goes to allowed domains alone, and is worth nothing while its own is not allowed', async () => {
    const { owner, orgId } = await with_();
    const guest = await world.signedIn();
    await run(owner.client, 'inviteMember', { orgId, email: guest.email, role: 'viewer' });
    const token = /token=([\w-]+)/.exec((await world.mail(guest.email)).text)![1];
    await run(owner.client, 'updateOrganization', { orgId, settings: { allowedEmailDomains: ['bank.example'] } });
    expect(await run(owner.client, 'inviteMember', { orgId, email: someEmail(), role: 'viewer' })).toMatchObject({
      __typename: 'InvalidInput',
      field: 'input.email',
    });
    expect((await run(owner.client, 'addMember', { orgId, userId: (await world.person()).id, role: 'viewer' })).__typename).toBe(
      'InvalidInput',
    );
    expect((await run(owner.client, 'inviteMember', { orgId, email: 'someone@bank.example', role: 'viewer' })).__typename).toBe(
      'Invitation',
    );
    const { answer, changed } = await watch(() => run(guest.client, 'acceptInvitation', { token }));
    expect([answer.__typename, changed]).toEqual(['TokenInvalid', nothing]);
    await run(owner.client, 'updateOrganization', { orgId, settings: { allowedEmailDomains: [] } });
    expect((await run(guest.client, 'acceptInvitation', { token })).__typename).toBe('OrgMember');
  });
});
