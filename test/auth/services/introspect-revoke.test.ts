/** Introspection (RFC 7662), revocation (RFC 7009) and metadata (RFC 8414), for programs. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Client } from '../../kit/client.ts';
import { refreshWith, useToken } from '../../kit/refreshing.ts';
import { basic, factsOf, grant, keyMutation, post, type Service, serviceOf, tokenOf } from '../../kit/services.ts';
import { openWorld, type SignedInPerson } from '../../kit/world.ts';

type Opened = Awaited<ReturnType<typeof openWorld>>;
let world: Opened;
let admin: Client;
let asker: Service;
let other: Service;
let person: SignedInPerson;
beforeAll(async () => {
  world = await openWorld();
  admin = (await world.signedIn(undefined, { roles: ['superadmin'] })).client;
  asker = await serviceOf(admin, ['tokens.introspect', 'users.read']);
  other = await serviceOf(admin, ['users.read']);
  person = await world.signedIn(undefined, { roles: ['support'] });
});
afterAll(() => world?.close());

const introspect = async (token: string) => (await post(world, 'introspect', { token }, basic(asker.id, asker.secret))).body;
const query = 'query ($token: String!) { introspectToken(token: $token) { active sub sid org scope clientId exp iat amr } }';

describe('introspection', () => {
  it('tells a person’s access token, over HTTP and in the graph', async () => {
    const told = await introspect(person.accessToken);
    expect(told).toEqual({
      active: true,
      sub: person.id,
      sid: person.sessionId,
      scope: expect.stringContaining('users.read'),
      client_id: 'latchkey',
      exp: expect.any(Number),
      iat: expect.any(Number),
      amr: ['pwd'],
    });
    expect(Number(told['exp']) - Number(told['iat'])).toBe(900);
    const { data } = await world.anonymous.as(await tokenOf(world, asker)).ask(query, { token: person.accessToken });
    const { client_id: clientId, ...same } = told;
    expect(data.introspectToken).toEqual({ ...same, clientId, org: null });
  });

  it('tells a refresh token while it is the current one, and uses nothing up', async () => {
    const someone = await world.signedIn();
    expect(await introspect(someone.refreshToken)).toMatchObject({ active: true, sub: someone.id, sid: someone.sessionId });
    const next = await refreshWith(world, someone.refreshToken);
    expect(next.__typename).toBe('SignedIn');
    expect(await introspect(someone.refreshToken)).toEqual({ active: false });
    expect(await introspect(next.refreshToken)).toMatchObject({ active: true });
  });

  it('tells a program’s token and an API key', async () => {
    expect(await introspect(await tokenOf(world, other))).toEqual({
      active: true,
      sub: other.id,
      client_id: other.id,
      scope: 'users.read',
      exp: expect.any(Number),
      iat: expect.any(Number),
    });
    const { data } = await person.client.ask(keyMutation, { input: { name: 'k', permissions: ['users.read'] } });
    const told = await introspect(data.createApiKey.key);
    expect(told).toMatchObject({ active: true, sub: person.id, client_id: 'api-key', scope: 'users.read' });
    expect(told).not.toHaveProperty('sid');
  });

  it('tells nothing of a token that is over, revoked, forged or none', async () => {
    const gone = await world.signedIn();
    await gone.client.ask('mutation { logout { __typename } }');
    const tokens = [gone.accessToken, gone.refreshToken, `${person.accessToken.slice(0, -4)}AAAA`, 'lk_nothing', 'lkr_nothing', 'x'];
    for (const token of tokens) expect(await introspect(token), token).toEqual({ active: false });
    const late = await tokenOf(world, other);
    world.clock.move(901);
    expect(await introspect(late)).toEqual({ active: false });
    world.clock.move(-901);
  });

  it('is for clients with the permission alone: 401 without a proof or with a wrong one, 403 without the permission', async () => {
    const form = { token: person.accessToken };
    const anonymous = await post(world, 'introspect', form);
    const wrong = await post(world, 'introspect', form, basic(asker.id, 'wrong'));
    const weak = await post(world, 'introspect', form, basic(other.id, other.secret));
    expect([anonymous.status, wrong.status, weak.status]).toEqual([401, 401, 403]);
    for (const { body } of [anonymous, wrong, weak]) expect(Object.keys(body).sort()).toEqual(['error', 'error_description']);
    expect((await post(world, 'introspect', {}, basic(asker.id, asker.secret))).status).toBe(400);
    const { errors } = await person.client.ask(query, form);
    expect(errors?.[0]?.extensions.code).toBe('FORBIDDEN');
  });
});

const revoke = (token: string, service?: Service) => post(world, 'revoke', { token }, service && basic(service.id, service.secret));

describe('revocation', () => {
  it('ends a program’s own token here at once and within a second in another house, and no other token of it', async () => {
    const second = await openWorld({}, { databaseUrl: world.databaseUrl, keyFile: world.keyFile, clock: world.clock });
    try {
      const [doomed, spared] = [await tokenOf(world, other), await tokenOf(world, other)];
      const answer = await revoke(doomed, other);
      expect([answer.status, answer.body, answer.headers.get('cache-control')]).toEqual([200, {}, 'no-store']);
      const code = async (house: Opened, token: string) =>
        (await house.anonymous.as(token).ask('{ serviceInfo { name } }')).errors?.[0]?.extensions.code ?? 'taken';
      expect([await code(world, doomed), await code(world, spared)]).toEqual(['UNAUTHENTICATED', 'taken']);
      await vi.waitFor(async () => expect(await code(second, doomed)).toBe('UNAUTHENTICATED'), { timeout: 1000, interval: 20 });
      const third = await openWorld({}, { databaseUrl: world.databaseUrl, keyFile: world.keyFile, clock: world.clock });
      expect(await code(third, doomed)).toBe('UNAUTHENTICATED');
      await third.close();
    } finally {
      await second.close();
    }
  });

  it('ends the session of a refresh token, for whoever has it, with the facts of a sign-out', async () => {
    const someone = await world.signedIn();
    expect((await revoke(someone.refreshToken)).status).toBe(200);
    expect(await useToken(world, someone.accessToken)).toBe('UNAUTHENTICATED');
    const facts = await world.sql<{ type: string }>(
      `SELECT type FROM audit_events WHERE session_id = $1 AND type IN ('session.revoked', 'user.logout') ORDER BY type`,
      [someone.sessionId],
    );
    expect(facts.map(({ type }) => type)).toEqual(['session.revoked', 'user.logout']);
  });

  it('is 200 for what is no token, and changes nothing', async () => {
    const before = await factsOf(world, '%');
    for (const token of ['x', 'lkr_x', 'lk_x']) expect((await revoke(token, other)).status).toBe(200);
    expect((await revoke('lkr_x')).status).toBe(200);
    expect(await factsOf(world, '%')).toBe(before);
  });

  it('refuses another client’s token, a person’s access token, and a client that has not proved itself; they live on', async () => {
    const token = await tokenOf(world, asker);
    const told = async (answer: ReturnType<typeof revoke>) => [(await answer).status, (await answer).body['error']];
    expect(await told(revoke(token, other))).toEqual([400, 'unauthorized_client']);
    expect(await told(revoke(person.accessToken, other))).toEqual([400, 'unsupported_token_type']);
    expect(await told(revoke(token))).toEqual([401, 'invalid_client']);
    expect(await told(post(world, 'revoke', {}, basic(other.id, other.secret)))).toEqual([400, 'invalid_request']);
    expect(await introspect(token)).toMatchObject({ active: true });
    expect(await useToken(world, person.accessToken)).toBe(person.id);
  });
});

describe('/.well-known/oauth-authorization-server', () => {
  it('says what a client needs to find its way, and its endpoints are there', async () => {
    const response = await fetch(`${world.url}/.well-known/oauth-authorization-server`);
    const told = (await response.json()) as Record<string, string & string[]>;
    const methods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'];
    expect(told).toMatchObject({
      issuer: 'https://id.example.com',
      grant_types_supported: ['client_credentials'],
      response_types_supported: [],
      token_endpoint_auth_methods_supported: methods,
      introspection_endpoint_auth_methods_supported: methods,
      revocation_endpoint_auth_methods_supported: [...methods, 'none'],
      token_endpoint_auth_signing_alg_values_supported: expect.arrayContaining(['ES256', 'RS256', 'EdDSA']),
    });
    const at = (name: string) => `${world.url}${new URL(told[name]!).pathname}`;
    expect((await fetch(at('jwks_uri'))).status).toBe(200);
    // RFC 8414 §3.3: the issuer is the one that the client has asked.
    expect(new URL(told['issuer']!).origin).toBe(new URL(told['token_endpoint']!).origin);
    const form = { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: '' };
    for (const name of ['token_endpoint', 'introspection_endpoint', 'revocation_endpoint'])
      expect([400, 401]).toContain((await fetch(at(name), form)).status);
    const headers = { ...form.headers, ...basic(other.id, other.secret) };
    const found = await fetch(at('token_endpoint'), { ...form, headers, body: new URLSearchParams(grant).toString() });
    expect(found.status).toBe(200);
  });
});
