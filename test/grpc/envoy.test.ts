/** Envoy's ext_authz by a real client: what goes on to the upstream, what is refused and how, and that no header of a client is believed. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type GrpcAnswer, type GrpcClient, grpcClient } from '../kit/grpc.ts';
import { deleteMutation, factsOf, keyMutation, type Service, serviceOf, tokenOf } from '../kit/services.ts';
import { openWorld, type SignedInPerson, type World } from '../kit/world.ts';

const envoyToken = 'envoy-and-we-know-this';
let world: World;
let grpc: GrpcClient;
let admin: SignedInPerson;
let user: SignedInPerson;
let service: Service;
let program: string;
beforeAll(async () => {
  world = await openWorld({ GRPC_PORT: '0', GRPC_ENVOY_TOKEN: envoyToken });
  grpc = grpcClient(`127.0.0.1:${world.house.grpc!.port}`);
  admin = await world.signedIn(undefined, { roles: ['superadmin'] });
  user = await world.signedIn();
  service = await serviceOf(admin.client, ['users.read']);
  program = await tokenOf(world, service);
});
afterAll(async () => {
  grpc?.close();
  await world?.close();
});

type Asked = { headers?: Record<string, string>; extensions?: Record<string, string>; raw?: [string, string][] };
const ask = (token: string | null, { headers = {}, extensions = {}, raw }: Asked = {}): Promise<GrpcAnswer> => {
  const all = { ...headers, ...(token && { authorization: `Bearer ${token}` }) };
  const headerMap = raw && { headers: raw.map(([key, value]) => ({ key, rawValue: Buffer.from(value) })) };
  const http = headerMap ? { headerMap } : { headers: all };
  return grpc.envoy({ request: { http }, contextExtensions: extensions }, { token: envoyToken });
};
type Option = { header: { key: string; value: string }; append: { value: boolean } | null };
const pairs = (options: Option[]) => Object.fromEntries(options.map(({ header }) => [header.key, header.value]));
/** What the upstream gets of a request with these headers, as Envoy makes it: sets, then removes. */
const upstream = ({ response }: GrpcAnswer, sent: Record<string, string>): Record<string, string> => {
  expect(response.status.code).toBe(0);
  for (const { append } of response.okResponse.headers) expect(append).toEqual({ value: false });
  const headers = { ...sent, ...pairs(response.okResponse.headers) };
  for (const name of response.okResponse.headersToRemove) delete headers[name];
  return headers;
};
const refusal = ({ code, response }: GrpcAnswer) => {
  expect([code, response.okResponse]).toEqual(['OK', undefined]);
  const { status, headers, body } = response.deniedResponse;
  return [response.status.code, status.code, pairs(headers)['www-authenticate'], body];
};
const names = ['user', 'session', 'org', 'client', 'impersonator', 'scope'];
const forgeries = Object.fromEntries(
  [...names, 'admin'].flatMap((name) => [`x-latchkey-${name}`, `x_latchkey_${name}`].map((n) => [n, 'forged'])),
);

describe('a request with a good token', () => {
  it('goes on with who sends it, and without any x-latchkey- header of the client’s own', async () => {
    const sent = { ...forgeries, 'x-latchkeyed': 'stays', accept: 'text/html' };
    expect(upstream(await ask(user.accessToken, { headers: sent }), sent)).toEqual({
      'x-latchkeyed': 'stays',
      accept: 'text/html',
      'x-latchkey-user': user.id,
      'x-latchkey-session': user.sessionId,
      'x-latchkey-client': expect.stringMatching(/./),
    });
    expect(upstream(await ask(program, { headers: sent }), sent)).toEqual({
      'x-latchkeyed': 'stays',
      accept: 'text/html',
      'x-latchkey-client': service.id,
      'x-latchkey-scope': 'users.read',
    });
  });

  it('has the names removed also where Envoy hands on no more than the Authorization header', async () => {
    const { response } = await ask(program);
    expect(response.okResponse.headersToRemove).toEqual(['user', 'session', 'org', 'impersonator'].map((name) => `x-latchkey-${name}`));
  });

  it('says who acts as the user, to Envoy and at /auth/validate', async () => {
    const mutation = 'mutation ($id: ID!) { impersonate(input: { userId: $id, reason: "support" }) { ... on SignedIn { accessToken } } }';
    const { data } = await admin.client.ask(mutation, { id: user.id });
    const told = upstream(await ask(data.impersonate.accessToken), {});
    expect([told['x-latchkey-user'], told['x-latchkey-impersonator']]).toEqual([user.id, admin.id]);
    const validate = (token: string) => fetch(`${world.url}/auth/validate`, { headers: { authorization: `Bearer ${token}` } });
    const { headers } = await validate(data.impersonate.accessToken);
    expect([headers.get('x-user-id'), headers.get('x-impersonator-id')]).toEqual([user.id, admin.id]);
    expect((await validate(user.accessToken)).headers.get('x-impersonator-id')).toBe('');
  });

  it('is judged by its raw headers where Envoy sends those', async () => {
    const bearer = `Bearer ${user.accessToken}`;
    expect(pairs((await ask(null, { raw: [['Authorization', bearer]] })).response.okResponse.headers)['x-latchkey-user']).toBe(user.id);
    const twice = await ask(null, {
      raw: [
        ['authorization', bearer],
        ['authorization', bearer],
      ],
    });
    expect(refusal(twice)[1]).toBe(401);
  });
});

describe('a request is refused', () => {
  it('with 401 and the challenge of RFC 6750: without a token, with a bad one, with one that was revoked a moment ago', async () => {
    const before = await factsOf(world, '%');
    expect(refusal(await ask(null))).toEqual([16, 401, 'Bearer', '{"active":false}']);
    for (const token of ['nonsense', `${user.accessToken.slice(0, -4)}AAAA`, user.refreshToken])
      expect(refusal(await ask(token))).toEqual([16, 401, 'Bearer error="invalid_token"', '{"active":false}']);
    expect(refusal(await grpc.envoy({}, { token: envoyToken }))[1]).toBe(401);
    expect(await factsOf(world, '%')).toBe(before);
    const leaver = await world.signedIn();
    const gone = await serviceOf(admin.client, []);
    const tokens = [leaver.accessToken, await tokenOf(world, gone)];
    for (const token of tokens) expect((await ask(token)).response.status.code).toBe(0);
    await leaver.client.ask('mutation { logout { __typename } }');
    await admin.client.ask(deleteMutation, { id: gone.id });
    for (const token of tokens) expect(refusal(await ask(token))[2]).toBe('Bearer error="invalid_token"');
  });

  it('with 403 insufficient_scope where the route names a permission that the caller lacks', async () => {
    const extensions = { permission: 'users.read' };
    const lacking = [7, 403, 'Bearer error="insufficient_scope", scope="users.read"', '{"active":true,"allowed":false}'];
    expect(refusal(await ask(user.accessToken, { extensions }))).toEqual(lacking);
    expect((await ask(admin.accessToken, { extensions })).response.status.code).toBe(0);
    expect((await ask(program, { extensions })).response.status.code).toBe(0);
    expect(refusal(await ask(program, { extensions: { permission: 'audit.read' } }))[1]).toBe(403);
    const own = { ...extensions, resource: `user:${user.id}` };
    expect((await ask(user.accessToken, { extensions: own })).response.status.code).toBe(0);
    expect(refusal(await ask(user.accessToken, { extensions: { ...own, resource: `user:${admin.id}` } }))[1]).toBe(403);
  });

  it('with 403 where an API key lacks what its owner may', async () => {
    const keyOf = async (permissions: string[]) =>
      (await admin.client.ask(keyMutation, { input: { name: 'k', permissions } })).data.createApiKey.key as string;
    const extensions = { permission: 'users.read' };
    expect(refusal(await ask(await keyOf(['audit.read']), { extensions }))[1]).toBe(403);
    expect((await ask(await keyOf(['users.read']), { extensions })).response.status.code).toBe(0);
  });

  it('by the permissions of the organization that the token speaks for, or that the route names', async () => {
    const owner = await world.signedIn();
    const create = 'mutation { createOrganization(input: { name: "Acme" }) { ... on Organization { id } } }';
    const orgId: string = (await owner.client.ask(create)).data.createOrganization.id;
    const permission = 'org.members.read';
    expect(refusal(await ask(owner.accessToken, { extensions: { permission } }))[1]).toBe(403);
    expect((await ask(owner.accessToken, { extensions: { permission, org: orgId } })).response.status.code).toBe(0);
    expect(refusal(await ask(user.accessToken, { extensions: { permission, org: orgId } }))[1]).toBe(403);
    const change = 'mutation ($id: ID!) { switchOrganization(orgId: $id) { ... on SignedIn { accessToken } } }';
    const { accessToken } = (await owner.client.ask(change, { id: orgId })).data.switchOrganization;
    const answer = await ask(accessToken, { extensions: { permission } });
    expect(upstream(answer, {})['x-latchkey-org']).toBe(orgId);
    const keyOf = async (permissions: string[]) =>
      (await owner.client.ask(keyMutation, { input: { name: 'k', permissions } })).data.createApiKey.key as string;
    const extensions = { permission, org: orgId };
    expect((await ask(await keyOf([permission]), { extensions })).response.status.code).toBe(0);
    expect(refusal(await ask(await keyOf(['org.read']), { extensions }))[1]).toBe(403);
  });

  it('while a second factor is due, and opens nothing', async () => {
    const strict = await openWorld({ GRPC_PORT: '0', MFA_REQUIRED: 'on' });
    const client = grpcClient(`127.0.0.1:${strict.house.grpc!.port}`);
    const { accessToken } = await strict.signedIn();
    const http = { headers: { authorization: `Bearer ${accessToken}` } };
    expect(refusal(await client.envoy({ request: { http } }))[2]).toBe('Bearer error="insufficient_user_authentication"');
    expect((await client.identity('Check', { permission: 'users.read' }, { token: accessToken })).code).toBe('UNAUTHENTICATED');
    client.close();
    await strict.close();
  });
});

describe('Envoy', () => {
  it('is answered with an error, so that it lets nobody through: without its token, by half a route, while PostgreSQL is away', async () => {
    const http = { headers: { authorization: `Bearer ${user.accessToken}` } };
    for (const token of [undefined, 'wrong-token-of-envoy', user.accessToken])
      expect((await grpc.envoy({ request: { http } }, token ? { token } : {})).code).toBe('UNAUTHENTICATED');
    const halves: Record<string, string>[] = [{ resource: 'order:1' }, { org: user.id }, { permission: '' }, { permission: 'Not a name' }];
    for (const extensions of halves) expect((await ask(admin.accessToken, { extensions })).code).toBe('INVALID_ARGUMENT');
    const broken = vi.spyOn(world.house.infra.database, 'run');
    broken.mockImplementation(() => Promise.reject(Object.assign(new Error('gone'), { code: '57P01' })));
    const key = `lk_${'0'.repeat(8)}_${'a'.repeat(43)}`;
    const away = await ask(key);
    broken.mockRestore();
    expect([away.code, away.response]).toEqual(['UNAVAILABLE', undefined]);
  });
});
