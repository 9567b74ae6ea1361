/** private_key_jwt (RFC 7523): an assertion is good from its client, for this house, soon, and once. */
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../kit/client.ts';
import {
  assertionOf,
  clientMutation,
  factsOf,
  grant,
  post,
  type Service,
  type SigningPair,
  serviceOf,
  signingPair,
} from '../../kit/services.ts';
import { openWorld, type World } from '../../kit/world.ts';

let world: World;
let admin: Client;
let pair: SigningPair;
let service: Service;
beforeAll(async () => {
  world = await openWorld();
  admin = (await world.signedIn(undefined, { roles: ['superadmin'] })).client;
  pair = signingPair();
  service = await serviceOf(admin, ['users.read'], pair.jwks);
});
afterAll(() => world?.close());

const ask = async (form: Record<string, string>) => {
  const { status, body } = await post(world, 'token', { ...grant, ...form });
  return status === 200 ? 'token' : `${status} ${body['error']}`;
};
const made = (claims: Record<string, unknown> = {}, header: object = {}) => assertionOf(world, service.id, pair.privateKey, claims, header);
const now = () => Math.floor(world.clock.now().getTime() / 1000);

describe('an assertion', () => {
  it.each([
    ['for the token endpoint', {}],
    ['for the issuer', { aud: 'https://id.example.com' }],
    ['for one audience in a list', { aud: ['https://id.example.com'] }],
    ['without a time of issue', { iat: undefined }],
  ])('%s is taken', async (_, claims) => {
    expect(await ask(await made(claims))).toBe('token');
  });

  it('may come with the client_id that it names, and with no other', async () => {
    expect(await ask({ ...(await made()), client_id: service.id })).toBe('token');
    expect(await ask({ ...(await made()), client_id: '01890000-0000-7000-8000-000000000000' })).toBe('401 invalid_client');
  });

  it('is taken once, whichever of fifty requests at once brings it', async () => {
    const one = await made();
    const before = await factsOf(world, 'service_client.token_issued');
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(one)));
    expect(answers.filter((answer) => answer === 'token')).toHaveLength(1);
    expect(answers.filter((answer) => answer === '401 invalid_client')).toHaveLength(49);
    expect(await factsOf(world, 'service_client.token_issued')).toBe(before + 1);
  });

  it.each([
    ['of another issuer', () => ({ iss: 'somebody' })],
    ['for another subject', () => ({ sub: '01890000-0000-7000-8000-000000000000' })],
    ['for another audience', () => ({ aud: 'https://other.example.com' })],
    ['for two audiences', () => ({ aud: ['https://id.example.com', 'https://other.example.com'] })],
    ['that is over', () => ({ exp: now() - 60 })],
    ['that lives too long', () => ({ exp: now() + 3600 })],
    ['that never ends', () => ({ exp: undefined })],
    ['without a jti', () => ({ jti: undefined })],
    ['that is not good yet', () => ({ nbf: now() + 120 })],
  ])('%s is refused, and no token is given', async (_, claims) => {
    const before = await factsOf(world, 'service_client.token_issued');
    expect(await ask(await made(claims()))).toBe('401 invalid_client');
    expect(await factsOf(world, 'service_client.token_issued')).toBe(before);
  });

  it('whose subject is no text is refused like any other', async () => {
    for (const sub of [[service.id], 7, { id: service.id }, true, null]) expect(await ask(await made({ sub }))).toBe('401 invalid_client');
  });

  it('that another key has signed, that is not signed, or that is signed with the public key as a secret is refused', async () => {
    const forged = await assertionOf(world, service.id, signingPair().privateKey);
    const [header, claims] = (await made())['client_assertion']!.split('.');
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${claims}.`;
    const payload = { iss: service.id, sub: service.id, aud: 'https://id.example.com', exp: now() + 60, jti: 'j' };
    const secret = new TextEncoder().encode(JSON.stringify(pair.jwks.keys[0]));
    const confused = await new SignJWT(payload).setProtectedHeader({ alg: 'HS256' }).sign(secret);
    for (const assertion of [forged['client_assertion']!, unsigned, confused, `${header}.${claims}.`, 'x', ''])
      expect(await ask({ ...forged, client_assertion: assertion })).toMatch(/^401 invalid_client$/);
  });

  it('brings no key of its own: jwk and jku in its header count for nothing', async () => {
    const thief = signingPair();
    const form = await assertionOf(world, service.id, thief.privateKey, {}, { jwk: thief.jwks.keys[0], jku: 'https://evil.example/jwks' });
    expect(await ask(form)).toBe('401 invalid_client');
  });

  it('of a client without keys is refused, and the type of an assertion has to be named', async () => {
    const keyless = await serviceOf(admin, []);
    expect(await ask(await assertionOf(world, keyless.id, pair.privateKey))).toBe('401 invalid_client');
    expect(await ask({ ...(await made()), client_assertion_type: 'other' })).toBe('400 invalid_request');
  });

  it('that names no key is tried with each of several', async () => {
    const second = signingPair();
    const both = await serviceOf(admin, [], { keys: [...pair.jwks.keys, ...second.jwks.keys] });
    expect(await ask(await assertionOf(world, both.id, second.privateKey))).toBe('token');
    expect(await ask(await assertionOf(world, both.id, pair.privateKey))).toBe('token');
  });
});

describe('the keys of a client', () => {
  it.each([
    ['none', { keys: [] }],
    ['no set', 'text'],
    ['a secret one', { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }],
    ['a private one', { keys: [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y', d: 'd' }] }],
    ['a weak one', { keys: [{ kty: 'RSA', n: Buffer.alloc(128, 255).toString('base64url'), e: 'AQAB' }] }],
    ['one that is no point', { keys: [{ kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA' }] }],
    ['one for encryption', () => ({ keys: [{ ...pair.jwks.keys[0], use: 'enc' }] })],
  ] as const)('are refused where there is %s, and no client is made', async (_, jwks) => {
    const before = await factsOf(world, 'service_client.created');
    const input = { name: 'Orders', permissions: [], jwks: typeof jwks === 'function' ? jwks() : jwks };
    const { data } = await admin.ask(clientMutation, { input });
    expect(data.createServiceClient).toMatchObject({ __typename: 'InvalidInput', field: 'input.jwks' });
    expect(await factsOf(world, 'service_client.created')).toBe(before);
  });
});
