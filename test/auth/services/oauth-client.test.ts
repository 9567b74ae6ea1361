/** A service that knows OAuth 2.0 and nothing of this house: openid-client finds the endpoints by itself, and uses them. */
import {
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  type CryptoKey,
  allowInsecureRequests as cleartext,
  clientCredentialsGrant,
  discovery,
  fetchProtectedResource,
  None,
  PrivateKeyJwt,
  ResponseBodyError,
  tokenIntrospection,
  tokenRevocation,
} from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../kit/client.ts';
import { freePort } from '../../kit/ports.ts';
import { useToken } from '../../kit/refreshing.ts';
import { type Service, serviceOf, signingPair } from '../../kit/services.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

const permissions = ['tokens.introspect', 'users.read'];
const { privateKey, jwks } = signingPair();
const keyOf = async () => {
  const { subtle } = globalThis.crypto;
  const bytes = privateKey.export({ format: 'der', type: 'pkcs8' });
  return subtle.importKey('pkcs8', bytes, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']) as Promise<CryptoKey>;
};

let world: World;
let boss: SignedInPerson;
let service: Service;
beforeAll(async () => {
  const port = await freePort();
  world = await openWorld({ PORT: String(port), PUBLIC_URL: `http://127.0.0.1:${port}` });
  boss = await world.signedIn(undefined, { roles: ['superadmin'] });
  service = await serviceOf(boss.client, permissions, jwks);
});
afterAll(() => world?.close());

const discovered = (url: string, id: string, by: ClientAuth): Promise<Configuration> =>
  discovery(new URL(url), id, undefined, by, { algorithm: 'oauth2', execute: [cleartext] });
const problemOf = (work: Promise<unknown>): Promise<Error | null> =>
  work.then(
    () => null,
    (error: Error) => error,
  );
const askedBy = async (service: Configuration, token: string) => {
  const body = JSON.stringify({ query: `{ users(filter: { search: "${boss.email}" }) { edges { node { email } } } }` });
  const headers = new Headers({ 'content-type': 'application/json' });
  const answer = await fetchProtectedResource(service, token, new URL('/graphql', world.url), 'POST', body, headers);
  return answer.json() as ReturnType<Client['ask']>;
};

describe('an OAuth client that knows the issuer alone', () => {
  it.each([
    ['client_secret_basic', () => ClientSecretBasic(service.secret)],
    ['client_secret_post', () => ClientSecretPost(service.secret)],
    ['private_key_jwt', async () => PrivateKeyJwt(await keyOf())],
  ])('takes a token by %s, opens a door with it, introspects and revokes it', async (_method, by) => {
    const client = await discovered(world.url, service.id, await by());
    const { access_token: token, expires_in, scope, token_type } = await clientCredentialsGrant(client, { scope: 'users.read' });
    expect([token_type, scope, expires_in]).toEqual(['bearer', 'users.read', 900]);
    expect((await askedBy(client, token)).data).toEqual({ users: { edges: [{ node: { email: boss.email } }] } });
    const told = { active: true, sub: service.id, client_id: service.id, scope: 'users.read' };
    expect(await tokenIntrospection(client, token)).toMatchObject(told);

    await tokenRevocation(client, token);
    expect(await tokenIntrospection(client, token)).toEqual({ active: false });
    // RFC 6750 §3.1.
    const challenges = [{ scheme: 'bearer', parameters: { error: 'invalid_token' } }];
    expect(await problemOf(askedBy(client, token))).toMatchObject({ status: 401, cause: challenges });
    // RFC 7009 §2.2: what is over already is no error.
    await tokenRevocation(client, token);
  });

  it('is told in the words of RFC 6749 what is wrong with its proof, its scope and its right to ask', async () => {
    const wrong = await discovered(world.url, service.id, ClientSecretPost('not the secret'));
    expect(await problemOf(clientCredentialsGrant(wrong))).toMatchObject({ error: 'invalid_client', status: 401 });
    const right = await discovered(world.url, service.id, ClientSecretPost(service.secret));
    const tooMuch = await problemOf(clientCredentialsGrant(right, { scope: 'users.read users.delete' }));
    expect(tooMuch).toBeInstanceOf(ResponseBodyError);
    expect(tooMuch).toMatchObject({ error: 'invalid_scope', status: 400 });
    const mute = await serviceOf(boss.client, ['users.read']);
    const client = await discovered(world.url, mute.id, ClientSecretBasic(mute.secret));
    const { access_token: token } = await clientCredentialsGrant(client);
    expect(await problemOf(tokenIntrospection(client, token))).toMatchObject({ error: 'unauthorized_client', status: 403 });
    const other = await discovered(world.url, service.id, ClientSecretBasic(service.secret));
    expect(await problemOf(tokenRevocation(other, token))).toMatchObject({ error: 'unauthorized_client', status: 400 });
  });

  it('without a secret ends the session of a refresh token that it has', async () => {
    const person = await world.signedIn();
    const client = await discovered(world.url, 'latchkey', None());
    await tokenRevocation(client, person.refreshToken, { token_type_hint: 'refresh_token' });
    expect(await useToken(world, person.accessToken)).not.toBe(person.id);
    expect(await problemOf(clientCredentialsGrant(client))).toMatchObject({ status: 401 });
  });

  it('finds them where the issuer has a path, as RFC 8414 §3.1 builds the address', async () => {
    const port = await freePort();
    const issuer = `http://127.0.0.1:${port}/identity`;
    const apart = await openWorld({ PORT: String(port), PUBLIC_URL: `http://127.0.0.1:${port}`, JWT_ISSUER: issuer });
    try {
      const admin = await apart.signedIn(undefined, { roles: ['superadmin'] });
      const own = await serviceOf(admin.client, permissions, jwks);
      const client = await discovered(issuer, own.id, PrivateKeyJwt(await keyOf()));
      expect(client.serverMetadata().issuer).toBe(issuer);
      const { access_token: token } = await clientCredentialsGrant(client);
      expect((await tokenIntrospection(client, token)).active).toBe(true);
    } finally {
      await apart.close();
    }
  });
});
