/** latchkey.v1.Identity by a real client: the answers of the graph, its refusals as statuses, and nobody let in who is not there. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { admin as act } from '../kit/administration.ts';
import type { Client } from '../kit/client.ts';
import { type GrpcClient, grpcClient } from '../kit/grpc.ts';
import { basic, deleteMutation, factsOf, keyMutation, post, type Service, serviceOf, tokenOf } from '../kit/services.ts';
import { openWorld, type SignedInPerson, type World } from '../kit/world.ts';

let world: World;
let grpc: GrpcClient;
let admin: SignedInPerson;
let user: SignedInPerson;
let service: Service;
let token: string;
let weak: string;
beforeAll(async () => {
  world = await openWorld({ GRPC_PORT: '0', RATE_LIMIT_SERVICE: '3/60s' });
  grpc = grpcClient(`127.0.0.1:${world.house.grpc!.port}`);
  admin = await world.signedIn(undefined, { roles: ['superadmin'] });
  user = await world.signedIn();
  service = await serviceOf(admin.client, ['permissions.check', 'tokens.introspect']);
  token = await tokenOf(world, service);
  weak = await tokenOf(world, await serviceOf(admin.client, ['users.read']));
});
afterAll(async () => {
  grpc?.close();
  await world?.close();
});

const query = 'query ($inputs: [PermissionCheckInput!]!) { checkPermissions(inputs: $inputs) { allowed reason } }';
const aboutUser = () => ({ permission: 'users.read', userId: user.id });
const keyOf = async (client: Client, permissions: string[]): Promise<string> =>
  (await client.ask(keyMutation, { input: { name: 'k', permissions } })).data.createApiKey.key;

describe('Check', () => {
  it('answers what the graph answers, for a table of questions, one by one and together', async () => {
    const org = '01890000-0000-7000-8000-000000000001';
    const inputs = [admin.id, user.id, service.id].flatMap((userId) =>
      ['users.read', 'sessions.revoke', 'no.such'].flatMap((permission) =>
        [undefined, `user:${user.id}`, `session:${user.sessionId}`, `USER:${admin.id}`].flatMap((resource) =>
          [undefined, org].map((orgId) => ({ permission, userId, ...(resource && { resource }), ...(orgId && { orgId }) })),
        ),
      ),
    );
    const { data } = await world.anonymous.as(token).ask(query, { inputs });
    expect(new Set(data.checkPermissions.map(({ allowed }: { allowed: boolean }) => allowed))).toEqual(new Set([true, false]));
    const batch = await grpc.identity('BatchCheck', { checks: inputs }, { token });
    expect(batch.response.results).toEqual(data.checkPermissions);
    const single = await Promise.all(inputs.map((input) => grpc.identity('Check', input, { token })));
    expect(single.map(({ response }) => response)).toEqual(data.checkPermissions);
  });

  it('lets people and API keys ask about themselves, and about others with permissions.check', async () => {
    const key = await keyOf(user.client, []);
    for (const own of [user.accessToken, key, admin.accessToken, await keyOf(admin.client, ['permissions.check'])])
      expect((await grpc.identity('Check', { permission: 'users.read' }, { token: own })).code).toBe('OK');
    for (const own of [user.accessToken, key])
      expect((await grpc.identity('Check', { permission: 'users.read', userId: admin.id }, { token: own })).code).toBe('PERMISSION_DENIED');
    expect((await grpc.identity('Check', aboutUser(), { token: admin.accessToken })).response.allowed).toBe(false);
  });

  it('takes a hundred questions and no more', async () => {
    const checks = Array.from({ length: 100 }, aboutUser);
    expect((await grpc.identity('BatchCheck', { checks }, { token })).response.results).toHaveLength(100);
    expect(await grpc.identity('BatchCheck', { checks: [...checks, aboutUser()] }, { token })).toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: 'At most 100 questions at a time.',
    });
  });
});

describe('a call', () => {
  it('without a token, with one that is not ours, with two, or of another scheme is UNAUTHENTICATED', async () => {
    const before = await factsOf(world, '%');
    const forged = `${token.slice(0, -4)}AAAA`;
    const bad = [undefined, 'Bearer', `Bearer ${forged}`, 'Basic Zm9vOmJhcg==', `bearer ${token}x`, `Bearer ${token}, Bearer ${token}`];
    for (const authorization of bad)
      for (const name of ['Check', 'BatchCheck'] as const) {
        const answer = await grpc.identity(name, aboutUser(), authorization ? { authorization } : {});
        expect([answer.code, answer.response]).toEqual(['UNAUTHENTICATED', undefined]);
        expect(answer.trailer.get('x-request-id')).toHaveLength(1);
      }
    expect(await factsOf(world, '%')).toBe(before);
  });

  it('without the permission is PERMISSION_DENIED', async () => {
    expect((await grpc.identity('Check', aboutUser(), { token: weak })).code).toBe('PERMISSION_DENIED');
    expect((await grpc.identity('BatchCheck', { checks: [aboutUser()] }, { token: weak })).code).toBe('PERMISSION_DENIED');
    for (const own of [weak, user.accessToken, await keyOf(admin.client, [])])
      expect((await grpc.identity('Introspect', { token }, { token: own })).code).toBe('PERMISSION_DENIED');
  });

  it('that is out of form is INVALID_ARGUMENT, with a sentence that quotes nothing', async () => {
    for (const [request, details] of [
      [{ permission: 'users.read' }, 'userId is needed: a program asks about a user.'],
      [{ permission: 'Drop table', userId: user.id }, 'permission is a name such as users.read.'],
      [{ permission: 'users.read', userId: 'me' }, 'orgId and userId take ids.'],
      [{ permission: 'users.read', userId: user.id, resource: 'x' }, 'resource is type:id.'],
      [{}, 'permission is a name such as users.read.'],
    ] as const)
      expect(await grpc.identity('Check', request, { token })).toMatchObject({ code: 'INVALID_ARGUMENT', details });
    const bytes = Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    expect((await grpc.identity('Check', {}, { token, bytes })).code).toBe('INVALID_ARGUMENT');
  });

  it('that is too large is RESOURCE_EXHAUSTED, and one whose deadline is over ends', async () => {
    const large = await grpc.identity('Introspect', { token: 'x'.repeat(140_000) }, { token });
    expect(large.code).toBe('RESOURCE_EXHAUSTED');
    expect((await grpc.identity('Check', aboutUser(), { token, deadline: Date.now() - 1 })).code).toBe('DEADLINE_EXCEEDED');
  });

  it('is counted at /metrics by its method and status', async () => {
    await grpc.identity('Check', aboutUser(), { token });
    const figures = await (await fetch(`${world.url}/metrics`)).text();
    expect(figures).toMatch(/latchkey_grpc_request_duration_seconds_count\{method="\/latchkey\.v1\.Identity\/Check",code="OK"\} \d/);
  });

  it('is refused with a fault masked, and UNAVAILABLE while PostgreSQL is away, with a time to come back', async () => {
    const broken = vi.spyOn(world.house.infra.database, 'run');
    broken.mockImplementation(() => Promise.reject(new Error('secret detail')));
    const someone = { permission: 'users.read', userId: '01890000-0000-7000-8000-0000000000aa' };
    const masked = await grpc.identity('Check', someone, { token });
    broken.mockImplementation(() => Promise.reject(Object.assign(new Error('gone'), { code: '57P01' })));
    const away = await grpc.identity('Check', someone, { token });
    broken.mockRestore();
    expect([masked.code, masked.details]).toEqual(['INTERNAL', 'Something broke on our side.']);
    expect([away.code, away.trailer.get('grpc-retry-pushback-ms')]).toEqual(['UNAVAILABLE', ['1000']]);
    expect((await grpc.identity('Check', someone, { token })).response.allowed).toBe(false);
  });
});

describe('Introspect', () => {
  it('tells of a token what POST /oauth/introspect does, by a token and by the client’s secret', async () => {
    const tokens = [user.accessToken, user.refreshToken, token, await keyOf(user.client, []), 'eyJ.nothing.here'];
    for (const asked of tokens) {
      const { body } = await post(world, 'introspect', { token: asked }, basic(service.id, service.secret));
      const byToken = await grpc.identity('Introspect', { token: asked }, { token });
      const bySecret = await grpc.identity('Introspect', { token: asked }, basic(service.id, service.secret));
      const { clientId, actSub, ...claims } = byToken.response;
      expect(actSub).toBe('');
      const told = Object.fromEntries(
        Object.entries({ ...claims, client_id: clientId }).filter(([, value]) => value !== '' && value !== 0),
      );
      const { amr = [], scope, ...rest } = body as Record<string, unknown>;
      expect(told).toEqual({ ...rest, amr, ...(scope ? { scope } : {}) });
      expect(bySecret.response).toEqual(byToken.response);
    }
    expect((await grpc.identity('Introspect', {}, { token })).code).toBe('INVALID_ARGUMENT');
  });

  it('tells who acts as the subject', async () => {
    const { accessToken, refreshToken } = await act(admin.client, 'impersonate', { userId: user.id, reason: 'ticket 4711' });
    for (const asked of [accessToken, refreshToken]) {
      const { response } = await grpc.identity('Introspect', { token: asked }, { token });
      expect(response).toMatchObject({ active: true, sub: user.id, actSub: admin.id });
    }
  });

  it('counts wrong secrets as the token endpoint does: the fourth is RESOURCE_EXHAUSTED, with a time to come back', async () => {
    const before = await factsOf(world, 'service_client.authentication_failed');
    const codes: string[] = [];
    for (let i = 0; i < 4; i += 1) {
      const answer = await grpc.identity('Introspect', { token }, basic(service.id, `lks_wrong${i}`));
      codes.push(answer.code);
      if (i === 3) expect(Number(answer.trailer.get('retry-after')[0])).toBeGreaterThan(0);
    }
    expect(codes).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED', 'UNAUTHENTICATED', 'RESOURCE_EXHAUSTED']);
    expect(await factsOf(world, 'service_client.authentication_failed')).toBe(before + 3);
    expect((await grpc.identity('Introspect', { token }, basic(service.id, service.secret))).response.active).toBe(true);
  });
});

describe('a token that was revoked', () => {
  it('is refused at once, of a deleted client, a revoked session and by /oauth/revoke', async () => {
    const other = await serviceOf(admin.client, ['permissions.check']);
    const [first, second] = [await tokenOf(world, other), await tokenOf(world, other)];
    const leaver = await world.signedIn();
    const codeOf = async (own: string) => (await grpc.identity('BatchCheck', { checks: [] }, { token: own })).code;
    for (const own of [first, second, leaver.accessToken]) expect(await codeOf(own)).toBe('OK');
    await post(world, 'revoke', { token: first }, basic(other.id, other.secret));
    expect([await codeOf(first), await codeOf(second)]).toEqual(['UNAUTHENTICATED', 'OK']);
    await admin.client.ask(deleteMutation, { id: other.id });
    await leaver.client.ask('mutation { logout { __typename } }');
    expect([await codeOf(second), await codeOf(leaver.accessToken)]).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED']);
    expect((await grpc.identity('Introspect', { token: second }, { token })).response.active).toBe(false);
  });
});
