/** Acting as somebody else: marked everywhere, barred where it matters, short, and never upwards. */
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admin, countFacts, factOf, makeRole } from '../../kit/administration.ts';
import type { Client } from '../../kit/client.ts';
import { act, found } from '../../kit/organizations.ts';
import { basic, post, serviceOf } from '../../kit/services.ts';
import { openStream } from '../../kit/stream.ts';
import { openWorld, refreshMutation, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
let boss: SignedInPerson;
let clerk: SignedInPerson;
beforeAll(async () => {
  world = await openWorld();
  await makeRole(world, 'clerk', ['users.read', 'users.impersonate']);
  boss = await world.signedIn(undefined, { roles: ['superadmin'] });
  clerk = await world.signedIn(undefined, { roles: ['clerk'] });
});
afterAll(() => world?.close());

type Acting = { accessToken: string; refreshToken: string; sessionId: string; client: Client };
const actAs = async (who: SignedInPerson, userId: string): Promise<Acting> => {
  const outcome = await admin(who.client, 'impersonate', { userId, reason: 'ticket 4711' });
  expect(outcome.__typename).toBe('SignedIn');
  const { accessToken, refreshToken, session } = outcome;
  return { accessToken, refreshToken, sessionId: session.id, client: world.anonymous.as(accessToken) };
};
const refresh = async (refreshToken: string) => (await world.anonymous.ask(refreshMutation, { input: { refreshToken } })).data.refresh;
const codeOf = async (client: Client, query: string) => (await client.ask(query)).errors?.[0]?.extensions.code ?? null;

describe('impersonation', () => {
  it('is marked in the token, in its introspection, in me, in the session and in every fact of it, a refresh and a sign-out among them', async () => {
    const person = await world.person();
    const acting = await actAs(clerk, person.id);
    expect(decodeJwt(acting.accessToken)).toMatchObject({ sub: person.id, act: { sub: clerk.id } });
    const { data } = await acting.client.ask(
      '{ me { id impersonator { id } } sessions { edges { node { id impersonator { id } ipAddress } } } }',
    );
    expect(data.me).toEqual({ id: person.id, impersonator: { id: clerk.id } });
    expect(data.sessions.edges.map((edge: { node: object }) => edge.node)).toEqual([
      { id: acting.sessionId, impersonator: { id: clerk.id }, ipAddress: null },
    ]);
    const service = await serviceOf(boss.client, ['tokens.introspect']);
    for (const token of [acting.accessToken, acting.refreshToken])
      expect((await post(world, 'introspect', { token }, basic(service.id, service.secret))).body).toMatchObject({
        act: { sub: clerk.id },
      });
    await acting.client.ask('mutation { updateProfile(input: { name: "Changed" }) { __typename } }');
    const refreshed = await refresh(acting.refreshToken);
    expect(decodeJwt(refreshed.accessToken)).toMatchObject({ act: { sub: clerk.id } });
    await world.anonymous.as(refreshed.accessToken).ask('mutation { logout { __typename } }');
    const facts = await world.sql('SELECT type, actor_id, impersonator_id FROM audit_events WHERE session_id = $1', [acting.sessionId]);
    const own = facts.filter(({ type }) => type !== 'user.impersonated');
    expect(own.map(({ type }) => type).sort()).toEqual([
      'session.created',
      'session.refreshed',
      'session.revoked',
      'user.logout',
      'user.updated',
    ]);
    for (const fact of own) expect(fact, String(fact['type'])).toMatchObject({ actor_id: person.id, impersonator_id: clerk.id });
    expect(await factOf(world, 'user.impersonated', person.id)).toMatchObject({ actor_id: clerk.id, data: { reason: 'ticket 4711' } });
  });

  it('does not tell the user where the administrator was', async () => {
    const person = await world.signedIn();
    await actAs(clerk, person.id);
    const { data } = await person.client.ask(
      '{ auditEvents(first: 2) { edges { node { type ipAddress userAgent impersonator { id } } } } }',
    );
    expect(data.auditEvents.edges.map((edge: { node: object }) => edge.node)).toEqual([
      { type: 'session.created', ipAddress: null, userAgent: null, impersonator: { id: clerk.id } },
      { type: 'user.impersonated', ipAddress: null, userAgent: null, impersonator: null },
    ]);
    expect((await person.client.ask('{ me { impersonator { id } } }')).data.me.impersonator).toBeNull();
  });

  it('is barred from every door that asks for a fresh authentication, another impersonation among them', async () => {
    const acting = await actAs(boss, clerk.id);
    const before = await countFacts(world);
    for (const call of [
      'deleteAccount(input: { currentPassword: "correct horse battery" })',
      'setupMfa(input: { type: TOTP })',
      'changePassword(input: { currentPassword: "correct horse battery", newPassword: "a brand new choice" })',
      'regenerateBackupCodes',
      `impersonate(input: { userId: "${boss.id}", reason: "on and on" })`,
    ])
      expect(await codeOf(acting.client, `mutation { ${call} { __typename } }`), call).toBe('FORBIDDEN');
    expect(await countFacts(world)).toBe(before);
  });

  it('hands nothing of an organization on: what the administrator gave or took as its owner would outlast the half hour', async () => {
    const [owner, guest] = [await world.signedIn(), await world.signedIn()];
    const orgId = await found(owner);
    const grant = await act(owner.client, 'grantPermission', { orgId, userId: owner.id, permission: 'org.read' });
    const acting = await actAs(clerk, owner.id);
    expect((await acting.client.ask(`{ organization(id: "${orgId}") { id } }`)).data.organization).toEqual({ id: orgId });
    const before = await countFacts(world);
    for (const call of [
      `addMember(input: { orgId: "${orgId}", userId: "${clerk.id}", role: "owner" })`,
      `updateMemberRole(input: { orgId: "${orgId}", userId: "${guest.id}", role: "owner" })`,
      `inviteMember(input: { orgId: "${orgId}", email: "${clerk.email}", role: "owner" })`,
      `removeMember(input: { orgId: "${orgId}", userId: "${guest.id}" })`,
      `updateOrganization(input: { orgId: "${orgId}", settings: { requireMfa: false } })`,
      `revokePermission(input: { grantId: "${grant.id}" })`,
      'acceptInvitation(input: { token: "somebody\u2019s" })',
    ])
      expect(await codeOf(acting.client, `mutation { ${call} { __typename } }`), call).toBe('FORBIDDEN');
    expect(await countFacts(world)).toBe(before);
  });

  it('is never onto a user who may more, nor oneself; the attempt upwards is a fact, and opens nothing', async () => {
    for (const userId of [boss.id, clerk.id])
      expect((await admin(clerk.client, 'impersonate', { userId, reason: 'curious' })).__typename).toBe('FORBIDDEN');
    expect(await factOf(world, 'user.impersonation_failed', boss.id)).toMatchObject({ actor_id: clerk.id, outcome: 'FAILURE' });
    expect(await world.sql('SELECT 1 FROM sessions WHERE user_id = $1 AND impersonator_id IS NOT NULL', [boss.id])).toEqual([]);
  });

  it('of each other at once leads to no fault, twenty times', async () => {
    const twin = await world.signedIn(undefined, { roles: ['clerk'] });
    for (let round = 0; round < 20; round += 1) {
      const both = [
        admin(clerk.client, 'impersonate', { userId: twin.id, reason: 'race' }),
        admin(twin.client, 'impersonate', { userId: clerk.id, reason: 'race' }),
      ];
      expect((await Promise.all(both)).map((outcome) => outcome.__typename)).toEqual(['SignedIn', 'SignedIn']);
    }
  });

  it('wants a reason and an active user, and nothing else happens', async () => {
    const [away, pending] = [
      await world.person(undefined, { status: 'DEACTIVATED' }),
      await world.person(undefined, { status: 'PENDING_VERIFICATION' }),
    ];
    const before = await countFacts(world);
    const outcome = async (userId: string, reason = 'because') => (await admin(boss.client, 'impersonate', { userId, reason })).__typename;
    expect(await outcome(clerk.id, '  ')).toBe('BAD_REQUEST');
    expect(await outcome(away.id)).toBe('AccountDeactivated');
    expect(await outcome(pending.id)).toBe('NotFound');
    expect(await outcome('nobody')).toBe('NotFound');
    expect(await countFacts(world)).toBe(before);
  });

  it('ends with the administrator’s role or account, its live stream with it', async () => {
    const person = await world.person();
    const helper = await world.signedIn(undefined, { roles: ['clerk'] });
    const first = await actAs(helper, person.id);
    await admin(boss.client, 'unassignRole', { userId: helper.id, role: 'clerk' });
    expect(await codeOf(first.client, '{ me { id } }')).toBe('UNAUTHENTICATED');
    await admin(boss.client, 'assignRole', { userId: helper.id, role: 'clerk' });
    const second = await actAs(helper, person.id);
    const stream = await openStream(second.client, 'subscription { sessionEvents { id } }');
    await admin(boss.client, 'deactivateUser', { userId: helper.id });
    await stream.ended;
    expect((await refresh(second.refreshToken)).__typename).toBe('SessionEnded');
  });

  it('opens nothing once the user may more than the administrator, or the administrator may act no more', async () => {
    const person = await world.person();
    const first = await actAs(clerk, person.id);
    await admin(boss.client, 'assignRole', { userId: person.id, role: 'support' });
    expect(await codeOf(first.client, '{ me { id } }')).toBe('UNAUTHENTICATED');
    expect((await fetch(`${world.url}/auth/validate`, { headers: { authorization: `Bearer ${first.accessToken}` } })).status).toBe(401);
    expect(decodeJwt((await refresh(first.refreshToken)).accessToken)).toMatchObject({ scope: '' });
    const role = await act(boss.client, 'createRole', { name: 'stand-in', permissions: ['users.read', 'users.impersonate'] });
    const helper = await world.signedIn(undefined, { roles: ['stand-in'] });
    const second = await actAs(helper, (await world.person()).id);
    expect(await codeOf(second.client, '{ me { id } }')).toBeNull();
    await act(boss.client, 'updateRole', { roleId: role.id, permissions: ['users.read'] });
    expect(await codeOf(second.client, '{ me { id } }')).toBe('UNAUTHENTICATED');
  });

  it('ends with all sessions of the administrator, whoever ends them', async () => {
    const [helper, person] = [await world.signedIn(undefined, { roles: ['clerk'] }), await world.person()];
    for (const client of [boss.client, helper.client]) {
      const acting = await actAs(helper, person.id);
      const call = 'mutation ($userId: ID!) { revokeSessions(input: { userId: $userId }) { ... on LoggedOut { sessionIds } } }';
      const { client: by } = client === boss.client ? boss : await world.signIn(helper);
      expect((await by.ask(call, { userId: helper.id })).data.revokeSessions.sessionIds).toContain(acting.sessionId);
      expect(await codeOf(acting.client, '{ me { id } }')).toBe('UNAUTHENTICATED');
      expect(await factOf(world, 'session.revoked', person.id)).toMatchObject({ data: { reason: 'impersonator_gone' } });
      Object.assign(helper, await world.signIn(helper));
    }
  });

  it('ends with one session of the administrator too, whoever ends it, by a sign-out and by a reused refresh token', async () => {
    const person = await world.person();
    const helper = await world.signedIn(undefined, { roles: ['clerk'] });
    const revoke = (by: Client, sessionId: string) =>
      by.ask('mutation ($id: ID!) { revokeSession(input: { sessionId: $id }) { ... on LoggedOut { sessionIds } } }', { id: sessionId });
    const ways: ((own: SignedInPerson) => Promise<unknown>)[] = [
      async (own) => revoke((await world.signIn(helper)).client, own.sessionId),
      (own) => revoke(boss.client, own.sessionId),
      (own) => own.client.ask('mutation { logout { __typename } }'),
      async (own) => {
        for (const { refreshToken } of [own, await refresh(own.refreshToken)]) await refresh(refreshToken);
        world.clock.move(60);
        expect((await refresh(own.refreshToken)).__typename).toBe('RefreshReused');
      },
    ];
    for (const end of ways) {
      const own = await world.signIn(helper);
      const acting = await actAs(own, person.id);
      const others = await world.signIn(person);
      await end(own);
      expect(await codeOf(acting.client, '{ me { id } }'), String(end)).toBe('UNAUTHENTICATED');
      expect((await refresh(acting.refreshToken)).__typename).toBe('SessionEnded');
      const [fact] = await world.sql(`SELECT data, actor_id FROM audit_events WHERE type = 'session.revoked' AND session_id = $1`, [
        acting.sessionId,
      ]);
      expect(fact).toMatchObject({ data: { reason: 'impersonator_gone' } });
      expect([helper.id, boss.id]).toContain(fact!['actor_id']);
      // The user's own sessions go on.
      expect(await codeOf(others.client, '{ me { id } }')).toBeNull();
    }
  });

  it('is over after thirty minutes, whatever is refreshed', async () => {
    const moved = await openWorld();
    try {
      const [one, other] = [await moved.signedIn(undefined, { roles: ['superadmin'] }), await moved.person()];
      const { refreshToken } = await admin(one.client, 'impersonate', { userId: other.id, reason: 'ticket 4711' });
      const ask = async (token: string) => (await moved.anonymous.ask(refreshMutation, { input: { refreshToken: token } })).data.refresh;
      moved.clock.move(1500);
      const refreshed = await ask(refreshToken);
      expect(refreshed.expiresIn).toBeLessThanOrEqual(300);
      moved.clock.move(301);
      expect(await ask(refreshed.refreshToken)).toMatchObject({ __typename: 'SessionEnded' });
      expect(await codeOf(moved.anonymous.as(refreshed.accessToken), '{ me { id } }')).toBe('UNAUTHENTICATED');
    } finally {
      await moved.close();
    }
  });
});
