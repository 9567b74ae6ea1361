/** POST /oauth/token: a program proves itself in each of three ways, and gets a token for what it may. */
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../kit/client.ts';
import { basic, factsOf, grant, post, type Service, serviceOf, tokenOf } from '../../kit/services.ts';
import { openWorld, type World } from '../../kit/world.ts';

let world: World;
let admin: Client;
let service: Service;
beforeAll(async () => {
  world = await openWorld();
  admin = (await world.signedIn(undefined, { roles: ['superadmin'] })).client;
  service = await serviceOf(admin, ['users.read', 'keys.rotate']);
});
afterAll(() => world?.close());

const rows = () => factsOf(world, '%');

describe('a client that proves itself', () => {
  it('gets a token by client_secret_basic and by client_secret_post, and nobody keeps the answer', async () => {
    const post2 = { ...grant, client_id: service.id, client_secret: service.secret };
    for (const answer of [await post(world, 'token', grant, basic(service.id, service.secret)), await post(world, 'token', post2)]) {
      expect([answer.status, answer.headers.get('cache-control'), answer.headers.get('pragma')]).toEqual([200, 'no-store', 'no-cache']);
      expect(answer.body).toEqual({
        access_token: expect.any(String),
        token_type: 'Bearer',
        expires_in: 900,
        scope: 'keys.rotate users.read',
      });
    }
  });

  it('gets a token by RFC 9068 that jose verifies by the JWKS, without a session', async () => {
    const keys = createRemoteJWKSet(new URL(`${world.url}/.well-known/jwks.json`));
    const options = { issuer: 'https://id.example.com', audience: 'latchkey', typ: 'at+jwt', currentDate: world.clock.now() };
    const { payload } = await jwtVerify(await tokenOf(world, service, { scope: 'users.read' }), keys, options);
    expect(payload).toEqual({
      iss: 'https://id.example.com',
      aud: 'latchkey',
      sub: service.id,
      client_id: service.id,
      scope: 'users.read',
      jti: expect.any(String),
      iat: expect.any(Number),
      exp: (payload.iat as number) + 900,
    });
  });

  it('may with it what its scope says, and the fact names the client where no person acted', async () => {
    const narrow = world.anonymous.as(await tokenOf(world, service, { scope: 'users.read' }));
    expect((await narrow.ask('mutation { rotateSigningKey }')).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    const whole = world.anonymous.as(await tokenOf(world, service));
    expect((await whole.ask('mutation { rotateSigningKey }')).data).toEqual({ rotateSigningKey: true });
    const query = '{ auditEvents(first: 1, filter: { types: ["key.rotated"] }) { edges { node { actorClient actor { id } } } } }';
    expect((await admin.ask(query)).data.auditEvents.edges[0].node).toEqual({ actorClient: service.id, actor: null });
  });

  it('leaves the fact of each token, and when it was last used', async () => {
    const before = await factsOf(world, 'service_client.token_issued');
    await tokenOf(world, service);
    expect(await factsOf(world, 'service_client.token_issued')).toBe(before + 1);
    const { data } = await admin.ask('{ serviceClients { id lastUsedAt } }');
    expect(data.serviceClients).toContainEqual({ id: service.id, lastUsedAt: expect.any(String) });
  });

  it('is 401 at once for a token that has expired', async () => {
    const token = await tokenOf(world, service);
    world.clock.move(901);
    const { status } = await world.anonymous.as(token).raw({ query: '{ me { id } }' });
    world.clock.move(-901);
    expect(status).toBe(401);
  });

  it('is told by /auth/validate as a client, with no user', async () => {
    const token = await tokenOf(world, service);
    const { status, headers } = await fetch(`${world.url}/auth/validate`, { headers: { authorization: `Bearer ${token}` } });
    expect([status, headers.get('x-client-id'), headers.get('x-user-id')]).toEqual([200, service.id, '']);
    expect(headers.get('x-scopes')).toBe('keys.rotate users.read');
  });
});

describe('a request that is refused', () => {
  const secret = () => basic(service.id, service.secret);
  it.each([
    ['without a grant type', {}, 400, 'invalid_request'],
    ['for another grant', { grant_type: 'password' }, 400, 'unsupported_grant_type'],
    ['for more than the client may', { ...grant, scope: 'users.read audit.read' }, 400, 'invalid_scope'],
    ['for a scope out of form', { ...grant, scope: 'users.read  keys.rotate' }, 400, 'invalid_scope'],
    ['with two proofs', { ...grant, client_id: 'x', client_secret: 'y' }, 400, 'invalid_request'],
    ['for two clients', { ...grant, client_id: 'another' }, 400, 'invalid_request'],
    ['with a parameter twice', 'grant_type=client_credentials&grant_type=client_credentials', 400, 'invalid_request'],
  ] as const)('%s is named by RFC 6749 §5.2, and nothing happens', async (_, form, status, error) => {
    const before = await rows();
    const answer = await post(world, 'token', form as string, secret());
    expect([answer.status, answer.body['error'], answer.headers.get('cache-control')]).toEqual([status, error, 'no-store']);
    expect(await rows()).toBe(before);
  });

  it('is one that is no form, or not a POST', async () => {
    const before = await rows();
    const headers = { ...secret(), 'content-type': 'application/json' };
    const json = await fetch(`${world.url}/oauth/token`, { method: 'POST', headers, body: JSON.stringify(grant) });
    expect([json.status, ((await json.json()) as { error: string }).error]).toEqual([415, 'invalid_request']);
    expect((await fetch(`${world.url}/oauth/token`, { headers: secret() })).status).toBe(405);
    expect(await rows()).toBe(before);
  });

  it('says the same of a client that is not there, a wrong secret and an id that is none, and tells which scheme failed', async () => {
    const absent = '01890000-0000-7000-8000-000000000000';
    const answers = [];
    for (const [id, given] of [
      [service.id, 'lks_wrong'],
      [absent, service.secret],
      ['nobody', 'x'],
    ] as const) {
      const { status, body, headers } = await post(world, 'token', grant, basic(id, given));
      answers.push(JSON.stringify([status, body, headers.get('www-authenticate')]));
    }
    expect(new Set(answers).size).toBe(1);
    expect(JSON.parse(answers[0]!)).toEqual([
      401,
      { error: 'invalid_client', error_description: expect.any(String) },
      expect.stringMatching(/^Basic /),
    ]);
    expect(answers[0]).not.toContain(service.id);
    const byPost = await post(world, 'token', { ...grant, client_id: service.id, client_secret: 'wrong' });
    expect([byPost.status, byPost.headers.get('www-authenticate')]).toEqual([401, null]);
    const none = await post(world, 'token', { ...grant, client_id: service.id });
    expect([none.status, none.body['error']]).toEqual([401, 'invalid_client']);
  });

  it('leaves a fact that holds no secret', async () => {
    await post(world, 'token', grant, basic(service.id, 'lks_a wrong secret'));
    const [fact] = await world.sql<Record<string, unknown>>(
      `SELECT type, outcome, actor_id, actor_client, resource, data FROM audit_events WHERE type LIKE 'service_client.auth%' ORDER BY id DESC LIMIT 1`,
    );
    expect(fact).toEqual({
      type: 'service_client.authentication_failed',
      outcome: 'FAILURE',
      actor_id: null,
      actor_client: null,
      resource: `service_client:${service.id}`,
      data: { method: 'client_secret_basic' },
    });
  });
});

describe('tokens of one client', () => {
  it('are limited, and those of others are not', async () => {
    const limited = await openWorld({ RATE_LIMIT_SERVICE_TOKEN: '3/60s' });
    try {
      const root = (await limited.signedIn(undefined, { roles: ['superadmin'] })).client;
      const [busy, other] = [await serviceOf(root, []), await serviceOf(root, [])];
      const take = (client: Service) => post(limited, 'token', grant, basic(client.id, client.secret));
      const answers = await Promise.all(Array.from({ length: 5 }, () => take(busy)));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 429, 429]);
      const refused = answers.find(({ status }) => status === 429)!;
      expect([refused.body['error'], Number(refused.headers.get('retry-after'))]).toEqual(['temporarily_unavailable', expect.any(Number)]);
      expect(await factsOf(limited, 'service_client.token_issued')).toBe(3);
      expect((await take(other)).status).toBe(200);
      limited.clock.move(61);
      expect((await take(busy)).status).toBe(200);
    } finally {
      await limited.close();
    }
  });
});

describe('failed authentications', () => {
  it('are limited by network and by client, and lock no honest client out', async () => {
    const limited = await openWorld({ RATE_LIMIT_SERVICE: '3/900s' });
    try {
      const root = (await limited.signedIn(undefined, { roles: ['superadmin'] })).client;
      const honest = await serviceOf(root, []);
      const statuses = [];
      for (let i = 0; i < 5; i++) statuses.push((await post(limited, 'token', grant, basic(honest.id, 'wrong'))).status);
      expect(statuses).toEqual([401, 401, 401, 429, 429]);
      const refused = await post(limited, 'token', grant, basic('another', 'wrong'));
      expect([refused.status, Number(refused.headers.get('retry-after'))]).toEqual([429, expect.any(Number)]);
      expect(await factsOf(limited, 'service_client.authentication_failed')).toBe(3);
      expect((await post(limited, 'token', grant, basic(honest.id, honest.secret))).status).toBe(200);
    } finally {
      await limited.close();
    }
  });
});
