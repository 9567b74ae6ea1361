/** A stream that was asked for with what its caller has lost since it was known: nobody would tell the stream, so it does not begin. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admin } from '../../kit/administration.ts';
import { callerOf } from '../../kit/caller.ts';
import { act, found, member } from '../../kit/organizations.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
let boss: SignedInPerson;
beforeAll(async () => {
  world = await openWorld();
  boss = await world.signedIn(undefined, { roles: ['superadmin'] });
});
afterAll(() => world?.close());

const late = { code: 'FORBIDDEN' };
describe('a stream does not begin', () => {
  it('with a permission that was taken back meanwhile', async () => {
    const person = await world.signedIn();
    const grants = ['audit.read', 'sessions.read'].map((permission) =>
      act(boss.client, 'grantPermission', { userId: person.id, permission }),
    );
    const ids = (await Promise.all(grants)).map(({ id }) => id);
    const caller = await callerOf(world, person.accessToken);
    for (const grantId of ids) await act(boss.client, 'revokePermission', { grantId });
    const { audit, sessions } = world.house.auth;
    await expect(audit.follow(caller, {})).rejects.toMatchObject(late);
    await expect(sessions.follow(caller, { userId: boss.id })).rejects.toMatchObject(late);
    await (await sessions.follow(caller, {})).return();
  });

  it('for an organization that the caller was put out of meanwhile', async () => {
    const owner = await world.signedIn();
    const orgId = await found(owner);
    const person = await member(world, owner, orgId, 'admin');
    const caller = await callerOf(world, person.accessToken);
    await act(owner.client, 'removeMember', { orgId, userId: person.id });
    const { audit, sessions } = world.house.auth;
    await expect(audit.follow(caller, { filter: { orgId } })).rejects.toMatchObject(late);
    await expect(sessions.follow(caller, { orgId })).rejects.toMatchObject(late);
  });

  it('for an administrator who may act as the user no more', async () => {
    const [helper, person] = [await world.signedIn(), await world.person()];
    const grant = await act(boss.client, 'grantPermission', { userId: helper.id, permission: 'users.impersonate' });
    const { accessToken } = await admin(helper.client, 'impersonate', { userId: person.id, reason: 'ticket 4711' });
    const caller = await callerOf(world, accessToken);
    await act(boss.client, 'revokePermission', { grantId: grant.id });
    await expect(world.house.auth.sessions.follow(caller, {})).rejects.toMatchObject(late);
  });
});
