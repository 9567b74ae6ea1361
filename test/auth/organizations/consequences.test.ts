/** What an organization does to its people and its log: who is added is told, and what is older than it keeps is not told. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { FactRow } from '../../../src/auth/audit/model.ts';
import { openTrail } from '../../../src/auth/audit/record.ts';
import type { FactFilter } from '../../../src/auth/audit/visible.ts';
import { callerOf, stranger } from '../../kit/caller.ts';
import { nothing, watchChanges } from '../../kit/changes.ts';
import { readAll, settled, write } from '../../kit/following.ts';
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

  it('are told again by its streams for as long as it keeps them, and a person of itself for longer', async () => {
    const person = await world.signedIn();
    const theirs = await found(person, 'Kept a month');
    const [{ id: after }] = (await world.sql('SELECT id FROM audit_events ORDER BY tx, seq LIMIT 1')) as [{ id: string }];
    const refreshed = async () => {
      const session = { sessionId: person.sessionId, subjectId: person.id, orgId: theirs } as const;
      const fact = openTrail(world.house.infra).fact(stranger(), {
        type: 'session.refreshed',
        data: { generation: 1 },
        ...session,
      } as never);
      await write(world, [fact]);
      return fact.id;
    };
    const old = await refreshed();
    await act(person.client, 'updateOrganization', { orgId: theirs, settings: { auditRetentionDays: 30 } });
    world.clock.move(31 * 86_400);
    const { accessToken, client } = await world.signIn(person);
    const recent = await refreshed();
    await settled(world);
    const { audit, sessions } = world.house.auth;
    const caller = await callerOf(world, accessToken);
    const told = async (stream: AsyncGenerator<Pick<FactRow, 'id' | 'type'>, void, undefined>) => {
      const reader = readAll(stream);
      await vi.waitFor(() => expect(reader.ids).toContain(recent), 8000);
      await reader.stop();
      return reader.ids;
    };
    const ofSessions = async () => told((await sessions.follow(caller, { orgId: theirs, after })) as never);
    const ofLog = async (filter: FactFilter) => told(await audit.follow(caller, { filter, after }));
    expect(await ofSessions()).not.toContain(old);
    expect(await ofLog({ orgId: theirs })).not.toContain(old);
    expect(await ofLog({ subjectId: person.id, types: ['session.refreshed'] })).toEqual([old, recent]);
    await act(client, 'updateOrganization', { orgId: theirs, settings: { auditRetentionDays: 32 } });
    expect(await ofSessions()).toContain(old);
    expect(await ofLog({ orgId: theirs })).toContain(old);
  });
});
