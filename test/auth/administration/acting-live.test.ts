/** What an administrator who acts as somebody has open, a socket or a stream, when one of the two gains or loses something. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admin } from '../../kit/administration.ts';
import { act } from '../../kit/organizations.ts';
import { openSocket } from '../../kit/socket.ts';
import { openStream } from '../../kit/stream.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
let boss: SignedInPerson;
beforeAll(async () => {
  world = await openWorld();
  boss = await world.signedIn(undefined, { roles: ['superadmin'] });
  await act(boss.client, 'createRole', { name: 'clerk', permissions: ['users.read', 'users.impersonate'] });
});
afterAll(() => world?.close());

const actAs = async (by: SignedInPerson, userId: string): Promise<string> =>
  (await admin(by.client, 'impersonate', { userId, reason: 'ticket 4711' })).accessToken;
// biome-ignore lint/suspicious/noExplicitAny: answers of any shape
const codeOf = (answer: any): string | null => answer.errors?.[0]?.extensions.code ?? null;

describe('an open socket of who acts as somebody', () => {
  it('has nothing of what the user was given meanwhile', async () => {
    const [clerk, person] = [await world.signedIn(undefined, { roles: ['clerk'] }), await world.person()];
    const socket = await openSocket(world.url, await actAs(clerk, person.id));
    expect(codeOf(await socket.ask('{ me { id } }'))).toBeNull();
    await admin(boss.client, 'assignRole', { userId: person.id, role: 'superadmin' });
    expect(codeOf(await socket.ask('{ serviceClients { id } }'))).toBe('UNAUTHENTICATED');
    await socket.close();
  });

  it('opens nothing more once the administrator may not act', async () => {
    const [helper, person] = [await world.signedIn(), await world.person()];
    const grant = await act(boss.client, 'grantPermission', { userId: helper.id, permission: 'users.impersonate' });
    const socket = await openSocket(world.url, await actAs(helper, person.id));
    await act(boss.client, 'revokePermission', { grantId: grant.id });
    expect(codeOf(await socket.ask('mutation { updateProfile(input: { name: "Somebody" }) { __typename } }'))).toBe('UNAUTHENTICATED');
    await socket.close();
  });
});

describe('a live stream of who acts as somebody', () => {
  it('ends when the administrator loses the permission to act', async () => {
    const [helper, person] = [await world.signedIn(), await world.person()];
    const grant = await act(boss.client, 'grantPermission', { userId: helper.id, permission: 'users.impersonate' });
    const stream = await openStream(world.anonymous.as(await actAs(helper, person.id)), 'subscription { sessionEvents { id } }');
    expect(stream.refused).toBeNull();
    await act(boss.client, 'revokePermission', { grantId: grant.id });
    await stream.ended;
  });
});
