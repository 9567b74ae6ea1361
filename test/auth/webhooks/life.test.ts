/** A webhook's life over the whole house: made, sent to, verified by somebody else's code, listed, sent again, deleted. */
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { act, found, member } from '../../kit/organizations.ts';
import { type Received, type Receiver, startReceiver } from '../../kit/receiver.ts';
import { change, deliveriesOf, hook, hooked, rowsOf, webhooksOf } from '../../kit/webhooks.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
let watch: Watch;
let admin: SignedInPerson;
let owner: SignedInPerson;
let orgId: string;
let receiver: Receiver;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
  admin = await world.signedIn(undefined, { roles: ['superadmin'] });
  owner = await world.signedIn();
  orgId = await found(owner);
});
afterAll(() => world?.close());
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

const comes = (count: number) =>
  vi.waitFor(() => expect(receiver.received.length).toBeGreaterThanOrEqual(count), { timeout: 8000, interval: 20 });
const verified = (secret: string, { body, headers }: Received): Record<string, unknown> =>
  new Webhook(secret).verify(body, headers as Record<string, string>) as Record<string, unknown>;

describe('an endpoint of the platform', () => {
  it('is sent what happens from now on, signed so that a library of others verifies it, and is told of its deliveries', async () => {
    await change(owner.client, 'Before');
    const { id, secret } = await hooked(admin.client, { url: `${receiver.url}/in?key=1`, types: ['user.updated'] });
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    await change(owner.client, 'After');
    await comes(1);
    const [got] = receiver.received as [Received];
    expect(got.path).toBe('/in?key=1');
    const event = verified(secret, got);
    expect(() => verified(`whsec_${Buffer.alloc(32).toString('base64')}`, got)).toThrow();
    expect(() => verified(secret, { ...got, body: got.body.replace('SUCCESS', 'FAILURE') })).toThrow();
    expect(event).toMatchObject({ type: 'user.updated', actorId: owner.id, subjectId: owner.id, sessionId: owner.sessionId, orgId: null });
    await vi.waitFor(async () =>
      expect(await deliveriesOf(admin.client, id)).toEqual([
        {
          id: got.headers['webhook-id'],
          eventId: event['id'],
          type: 'user.updated',
          attempt: 1,
          statusCode: 200,
          error: null,
          durationMs: expect.any(Number),
          at: expect.any(String),
          nextAttemptAt: null,
        },
      ]),
    );
    expect(receiver.events()).toHaveLength(1);
    expect(await hook(admin.client, 'deleteWebhook', { endpointId: id })).toEqual({ __typename: 'Deleted', id });
  });

  it('is shown to whoever holds webhooks.manage and nobody else, without its secret', async () => {
    const { id } = await hooked(admin.client, { url: receiver.url, types: ['key.*', 'user.login', 'key.*'] });
    expect(await webhooksOf(admin.client)).toMatchObject([{ id, url: `${receiver.url}/`, types: ['key.*', 'user.login'], enabled: true }]);
    expect(await webhooksOf(owner.client)).toBe('FORBIDDEN');
    const { answer, changed } = await watch(() => hook(owner.client, 'deleteWebhook', { endpointId: id }));
    expect([answer.__typename, changed]).toEqual(['NotFound', nothing]);
    expect((await hook(owner.client, 'createWebhook', { url: receiver.url, types: ['*'] })).__typename).toBe('FORBIDDEN');
    await hook(admin.client, 'deleteWebhook', { endpointId: id });
    expect(await webhooksOf(admin.client)).toEqual([]);
  });

  it('is deleted with one fact by fifty who try, and then is sent nothing more', async () => {
    const { id } = await hooked(admin.client, { url: receiver.url, types: ['user.updated'] });
    const { answer, changed } = await watch(() =>
      Promise.all(Array.from({ length: 50 }, () => hook(admin.client, 'deleteWebhook', { endpointId: id }))),
    );
    expect(answer.filter(({ __typename }) => __typename === 'Deleted')).toHaveLength(1);
    expect(changed).toEqual({ ...nothing, facts: ['webhook.deleted'] });
    const other = await hooked(admin.client, { url: receiver.url, types: ['user.updated'] });
    await change(owner.client);
    await comes(1);
    expect(
      await world.sql('SELECT DISTINCT endpoint_id AS id FROM webhook_deliveries WHERE endpoint_id = ANY($1)', [[id, other.id]]),
    ).toEqual([{ id: other.id }]);
    await hook(admin.client, 'deleteWebhook', { endpointId: other.id });
  });
});

describe('an endpoint of an organization', () => {
  it('is sent the facts of that organization alone, of its types, with no more than its people read of them', async () => {
    const elsewhere = await world.signedIn();
    const there = await found(elsewhere, 'Others');
    const { id, secret } = await hooked(owner.client, { orgId, url: receiver.url, types: ['role.*'] });
    expect(await hook(elsewhere.client, 'createWebhook', { orgId, url: receiver.url, types: ['*'] })).toMatchObject({
      __typename: 'NotFound',
    });
    expect(await webhooksOf(elsewhere.client, orgId)).toEqual([]);
    await act(elsewhere.client, 'createRole', { orgId: there, name: 'desk', permissions: ['org.read'] });
    await act(owner.client, 'updateOrganization', { orgId, name: 'Daughters' });
    await act(owner.client, 'createRole', { orgId, name: 'desk', permissions: ['org.read'] });
    await act(owner.client, 'createRole', { orgId, name: 'last', permissions: ['org.read'] });
    await comes(2);
    expect(
      receiver
        .events()
        .map(({ type, orgId: of, data }) => [type, of, data.role])
        .toSorted(),
    ).toEqual([
      ['role.created', orgId, 'desk'],
      ['role.created', orgId, 'last'],
    ]);
    for (const got of receiver.received) verified(secret, got);
    expect(await rowsOf(world, id)).toHaveLength(2);
    // Another of its people, who may read its log: what is null for him is null here.
    const reader = await member(world, owner, orgId, 'admin');
    const fields =
      'id type occurredAt actor { id } actorClient impersonator { id } subject { id } organization { id } session { id } resource outcome ipAddress userAgent requestId data';
    const { data } = await reader.client.ask(
      `{ auditEvents(filter: { orgId: "${orgId}", types: ["role.created"] }) { edges { node { ${fields} } } } }`,
    );
    const read = data.auditEvents.edges.map(
      ({ node: { actor, impersonator, subject, organization, session, ...rest } }: { node: Record<string, { id: string } | null> }) => ({
        ...rest,
        actorId: actor?.id ?? null,
        impersonatorId: impersonator?.id ?? null,
        subjectId: subject?.id ?? null,
        orgId: organization?.id ?? null,
        sessionId: session?.id ?? null,
      }),
    );
    expect(receiver.events().toSorted((a, b) => (a.id < b.id ? 1 : -1))).toEqual(read);
    expect(read).toMatchObject([{ ipAddress: null, sessionId: null, actorId: owner.id }, { requestId: null }]);
    await hook(owner.client, 'deleteWebhook', { endpointId: id });
  });

  it('is for its owner and its admins, who read its log: other members are told that they may not, and nothing happens', async () => {
    const input = { orgId, url: receiver.url, types: ['*'] };
    for (const role of ['viewer', 'trader']) {
      const { client } = await member(world, owner, orgId, role);
      const { answer, changed } = await watch(() => hook(client, 'createWebhook', input));
      expect([answer.__typename, changed]).toEqual(['FORBIDDEN', nothing]);
      expect(await webhooksOf(client, orgId)).toBe('FORBIDDEN');
    }
    await act(owner.client, 'createRole', { orgId, name: 'plumber', permissions: ['org.read', 'org.webhooks.manage'] });
    const plumber = await member(world, owner, orgId, 'plumber');
    const { answer, changed } = await watch(() => hook(plumber.client, 'createWebhook', input));
    expect([answer.__typename, changed]).toEqual(['FORBIDDEN', nothing]);
    const { client } = await member(world, owner, orgId, 'admin');
    const { id } = await hooked(client, input);
    expect(await webhooksOf(plumber.client, orgId)).toMatchObject([{ id }]);
    expect(await hook(plumber.client, 'deleteWebhook', { endpointId: id })).toMatchObject({ __typename: 'Deleted' });
  });

  it('goes with the organization, and what waited for it is swept', async () => {
    const last = await world.signedIn();
    const alone = await found(last, 'Alone');
    receiver.state.answer = 500;
    const { id } = await hooked(last.client, { orgId: alone, url: receiver.url, types: ['role.*'] });
    await act(last.client, 'createRole', { orgId: alone, name: 'desk', permissions: ['org.read'] });
    await comes(1);
    const { data } = await last.client.ask(
      'mutation { deleteAccount(input: { currentPassword: "correct horse battery" }) { __typename } }',
    );
    expect(data.deleteAccount.__typename).toBe('AccountDeleted');
    expect(await world.sql('SELECT 1 FROM webhook_endpoints WHERE id = $1', [id])).toEqual([]);
    await world.house.auth.webhooks.sweep();
    expect(await world.sql('SELECT 1 FROM webhook_deliveries WHERE endpoint_id = $1', [id])).toEqual([]);
  });
});
