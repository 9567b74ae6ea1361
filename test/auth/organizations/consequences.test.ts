/** What an organization does to its people and its log: who is added is told, and what is older than it keeps is not shown. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nothing, watchChanges } from '../../kit/changes.ts';
import { act, found, member } from '../../kit/organizations.ts';
import { openWorld, type SignedInPerson } from '../../kit/world.ts';

let world: Awaited<ReturnType<typeof openWorld>>;
let owner: SignedInPerson;
let orgId: string;
beforeAll(async () => {
  world = await openWorld();
  owner = await world.signedIn();
  orgId = await found(owner, 'Lovelace & Sons');
});
afterAll(() => world?.close());

describe('whoever is added by somebody else', () => {
  it('is told by a letter which organization it is and with which role, and can leave at once', async () => {
    const person = await member(world, owner, orgId, 'trader');
    const { subject, text } = await world.mail(person.email);
    expect(subject).toBe('You are a member of an organization now');
    expect(text).toContain('Lovelace & Sons');
    expect(text).toContain('trader');
    expect((await act(person.client, 'removeMember', { orgId, userId: person.id })).__typename).toBe('MemberRemoved');
  });

  it('is told nothing where nothing came of it', async () => {
    const watch = await watchChanges(world);
    const person = await member(world, owner, orgId, 'trader');
    const { answer, changed } = await watch(() => act(owner.client, 'addMember', { orgId, userId: person.id, role: 'viewer' }));
    expect(answer.__typename).toBe('Conflict');
    expect(changed).toEqual(nothing);
  });
});

describe('the events of an organization', () => {
  const list = async (filter: string) =>
    (
      await owner.client.ask(`{ auditEvents(first: 100, filter: { ${filter} }) { edges { node { type occurredAt } } } }`)
    ).data.auditEvents.edges.map(({ node }: { node: { type: string } }) => node.type);
  it('are shown for as long as it keeps them, and for longer once it does', async () => {
    await member(world, owner, orgId, 'viewer');
    expect(await list(`orgId: "${orgId}"`)).toContain('organization.created');
    const keep = async (days: number | null) => act(owner.client, 'updateOrganization', { orgId, settings: { auditRetentionDays: days } });
    await keep(30);
    world.clock.move(31 * 86_400);
    owner = await world.signIn(owner);
    await member(world, owner, orgId, 'viewer');
    const kept = await list(`orgId: "${orgId}"`);
    expect(kept).toContain('organization.member_added');
    expect(kept).not.toContain('organization.created');
    // One's own facts are none of the organization's business.
    expect(await list('types: ["user.login"]')).not.toEqual([]);
    await keep(365);
    expect(await list(`orgId: "${orgId}"`)).toContain('organization.created');
  });
});
