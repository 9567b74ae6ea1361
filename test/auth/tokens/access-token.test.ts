/** Access tokens by RFC 9068, and that our JWS of node:crypto and jose's are one. */
import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { calculateJwkThumbprint, createLocalJWKSet, type JSONWebKeySet, jwtVerify, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Algorithm, signJwt, verifyJwt } from '../../../src/auth/tokens/jwt.ts';
import { judged, refreshWith, useToken } from '../../kit/refreshing.ts';
import { ownKey, partsOf } from '../../kit/signing.ts';
import { openWorld, type World } from '../../kit/world.ts';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const pairs: [Algorithm, ReturnType<typeof generateKeyPairSync>][] = [
  ['ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
  ['RS256', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ['EdDSA', generateKeyPairSync('ed25519')],
] as never;

describe.each(['ES256', 'RS256', 'EdDSA'])('a house that signs with %s', (algorithm) => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld({ JWT_ALGORITHM: algorithm, JWT_AUDIENCE: 'orders' });
  });
  afterAll(() => world?.close());

  it('issues tokens with the header and the claims of RFC 9068, and nothing else', async () => {
    const person = await world.signedIn(undefined, { roles: ['support'] });
    const { header, claims } = partsOf(person.accessToken);
    const { kid } = await ownKey(world);
    expect(header).toEqual({ alg: algorithm, typ: 'at+jwt', kid });
    const now = Math.floor(world.clock.now().getTime() / 1000);
    expect(claims).toEqual({
      iss: 'https://id.example.com',
      aud: 'orders',
      sub: person.id,
      client_id: 'latchkey',
      iat: expect.any(Number),
      exp: (claims['iat'] as number) + 900,
      jti: expect.stringMatching(uuid),
      sid: person.sessionId,
      scope: expect.stringMatching(/^[a-z.]+( [a-z.]+)*$/),
      amr: ['pwd'],
      auth_time: expect.any(Number),
      gen: 0,
    });
    expect((claims['scope'] as string).split(' ').sort()).toEqual([
      'permissions.check',
      'sessions.read',
      'sessions.revoke',
      'users.read',
      'users.unlock',
    ]);
    for (const name of ['iat', 'auth_time']) expect(Math.abs((claims[name] as number) - now)).toBeLessThanOrEqual(5);
  });

  it('publishes keys by which jose verifies them, named by their RFC 7638 thumbprints, public halves only', async () => {
    const person = await world.signedIn();
    const jwks = world.house.auth.tokens.jwks() as JSONWebKeySet;
    expect(jwks.keys).toHaveLength(2);
    for (const key of jwks.keys) {
      expect(key).toMatchObject({ use: 'sig', alg: algorithm, kid: await calculateJwkThumbprint(key) });
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(key).not.toHaveProperty(secret);
    }
    const options = { issuer: 'https://id.example.com', audience: 'orders', typ: 'at+jwt', algorithms: [algorithm] };
    const { payload } = await jwtVerify(person.accessToken, createLocalJWKSet(jwks), { ...options, currentDate: world.clock.now() });
    expect(payload.sub).toBe(person.id);
  });

  it('accepts what jose signs with the same key, and refuses it with one claim less', async () => {
    const person = await world.signedIn();
    const { header, claims } = partsOf(person.accessToken);
    const { privateKey } = await ownKey(world);
    const signed = (payload: Record<string, unknown>) => new SignJWT(payload).setProtectedHeader(header as never).sign(privateKey);
    expect(await useToken(world, await signed(claims))).toBe(person.id);
    for (const name of Object.keys(claims).filter((each) => each !== 'iat')) {
      const { [name]: _, ...less } = claims;
      expect(await judged(world, await signed(less)), `without ${name}`).toBe('UNAUTHENTICATED');
    }
  });
});

describe('the tokens of a session', () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld({ ACCESS_TOKEN_TTL_SECONDS: '60', JWT_ISSUER: 'https://issuer.example.com' });
  });
  afterAll(() => world?.close());

  it('have ids of their own, count the generation, and keep the time of the sign-in', async () => {
    const person = await world.signedIn();
    const first = partsOf(person.accessToken).claims;
    world.clock.move(30);
    const refreshed = await refreshWith(world, person.refreshToken);
    const second = partsOf(refreshed.accessToken).claims;
    expect(second).toMatchObject({ sid: first['sid'], gen: 1, auth_time: first['auth_time'], iss: 'https://issuer.example.com' });
    expect(second['jti']).not.toBe(first['jti']);
    expect(second['exp']).toBe((second['iat'] as number) + 60);
  });

  it('end to the second, also one that has been verified before', async () => {
    const person = await world.signedIn();
    expect(await useToken(world, person.accessToken)).toBe(person.id);
    const left = (partsOf(person.accessToken).claims['exp'] as number) * 1000 - world.clock.now().getTime();
    world.clock.move(left / 1000 - 0.5);
    expect(await judged(world, person.accessToken)).toBe('accepted');
    world.clock.move(0.5);
    expect(await judged(world, person.accessToken)).toBe('UNAUTHENTICATED');
    expect(await useToken(world, person.accessToken)).toBe('UNAUTHENTICATED');
  });
});

describe.each(pairs)('a JWS with %s', (algorithm, { publicKey, privateKey }) => {
  const claims = fc.dictionary(
    fc
      .string({ minLength: 1, maxLength: 8 })
      .filter((name) => !['__proto__', 'exp', 'nbf', 'iat', 'iss', 'sub', 'aud', 'jti'].includes(name)),
    fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.string(), { maxLength: 3 })),
    { maxKeys: 6 },
  );
  const keyOf = (kid: string) => (kid === 'k1' ? { algorithm, publicKey } : undefined);
  const runs = { numRuns: 25 };

  it('of ours is read by jose, and one of jose’s by us, with the same claims', async () => {
    await fc.assert(
      fc.asyncProperty(claims, async (given) => {
        const plain = JSON.parse(JSON.stringify(given));
        const ours = signJwt({ algorithm, kid: 'k1', privateKey }, 'at+jwt', given);
        expect({ ...(await jwtVerify(ours, publicKey, { typ: 'at+jwt', algorithms: [algorithm] })).payload }).toEqual(plain);
        const theirs = await new SignJWT(given).setProtectedHeader({ alg: algorithm, typ: 'at+jwt', kid: 'k1' }).sign(privateKey);
        expect(verifyJwt(theirs, 'at+jwt', keyOf)).toEqual(plain);
        expect(verifyJwt(ours, 'at+jwt', keyOf)).toEqual(plain);
      }),
      runs,
    );
  });

  it('is refused by both after any one character was changed', async () => {
    await fc.assert(
      fc.asyncProperty(claims, fc.nat(), fc.constantFrom('A', 'Q', 'g', 'w', '_', '-', '.'), async (given, where, character) => {
        const token = signJwt({ algorithm, kid: 'k1', privateKey }, 'at+jwt', given);
        const at = where % token.length;
        const changed = token.slice(0, at) + character + token.slice(at + 1);
        fc.pre(changed !== token);
        expect(verifyJwt(changed, 'at+jwt', keyOf)).toBeNull();
      }),
      { numRuns: 100 },
    );
  });

  it('is never made of chance: any text is none, and nothing throws', () => {
    const words = fc.array(
      fc.oneof(
        fc.string(),
        fc.json().map((text) => Buffer.from(text).toString('base64url')),
      ),
      { maxLength: 4 },
    );
    fc.assert(fc.property(words, (parts) => verifyJwt(parts.join('.'), 'at+jwt', keyOf) === null));
  });
});
