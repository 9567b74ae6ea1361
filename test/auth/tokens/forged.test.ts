/** Forged and misused tokens, after the list of RFC 8725: each is UNAUTHENTICATED and leaves nothing behind. */
import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nothing, type Watch, watchChanges } from '../../kit/changes.ts';
import { judged, useToken } from '../../kit/refreshing.ts';
import { type OwnKey, ownKey, part, partsOf, signAs } from '../../kit/signing.ts';
import { openWorld, type SignedInPerson, type World } from '../../kit/world.ts';

let world: World;
let watch: Watch;
let person: SignedInPerson;
let key: OwnKey;
let next: OwnKey;
let header: Record<string, unknown>;
let claims: Record<string, unknown>;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
  person = await world.signedIn(undefined, { roles: ['superadmin'] });
  [key, next] = [await ownKey(world), await ownKey(world, 'next')];
  ({ header, claims } = partsOf(person.accessToken));
});
afterAll(() => world?.close());

const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const strangerJwk = () => stranger.publicKey.export({ format: 'jwk' });
const hmac = (secret: string | Buffer): string => {
  const input = `${part({ ...header, alg: 'HS256' })}.${part(claims)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
};
const publicKey = () => createPublicKey({ key: key.publicJwk, format: 'jwk' });
const resigned = (signature: (own: Buffer) => string): string => {
  const [head, body] = person.accessToken.split('.');
  return `${head}.${body}.${signature(partsOf(person.accessToken).signature)}`;
};
const der = (own: Buffer): Buffer => {
  const integer = (bytes: Buffer) => {
    const positive = bytes[0]! & 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
    return Buffer.concat([Buffer.of(2, positive.length), positive]);
  };
  const both = Buffer.concat([integer(own.subarray(0, 32)), integer(own.subarray(32))]);
  return Buffer.concat([Buffer.of(0x30, both.length), both]);
};
/** Of P-256: a signature value at or above it is none. */
const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');

const forgeries: Record<string, () => string> = {
  'alg none without a signature': () => `${part({ ...header, alg: 'none' })}.${part(claims)}.`,
  'alg none with the signature kept': () => `${part({ ...header, alg: 'none' })}.${person.accessToken.split('.').slice(1).join('.')}`,
  'alg NoNe': () => `${part({ ...header, alg: 'NoNe' })}.${part(claims)}.AA`,
  'HS256 with the public key in PEM as the secret': () => hmac(publicKey().export({ format: 'pem', type: 'spki' })),
  'HS256 with the public key in DER as the secret': () => hmac(publicKey().export({ format: 'der', type: 'spki' })),
  'HS256 with the published JWK as the secret': () => hmac(JSON.stringify(key.publicJwk)),
  'HS256 with an empty secret': () => hmac(''),
  'the name of another algorithm': () => signAs(key, { ...header, alg: 'RS256' }, claims),
  'no name of an algorithm': () => signAs(key, { typ: header['typ'], kid: header['kid'] }, claims),
  'a list of algorithms': () => signAs(key, { ...header, alg: ['ES256'] }, claims),
  'no type': () => signAs(key, { alg: header['alg'], kid: header['kid'] }, claims),
  'the type JWT, as an ID token would have': () => signAs(key, { ...header, typ: 'JWT' }, claims),
  'the type of a logout token': () => signAs(key, { ...header, typ: 'logout+jwt' }, claims),
  'no kid': () => signAs(key, { alg: header['alg'], typ: header['typ'] }, claims),
  'the kid of our other key': () => signAs(key, { ...header, kid: next.kid }, claims),
  'a kid that is nobody’s': () => signAs(key, { ...header, kid: 'nobody' }, claims),
  'a kid that is a path': () => signAs(key, { ...header, kid: '../../../../dev/null' }, claims),
  'a kid that is a property of every object': () => signAs(key, { ...header, kid: '__proto__' }, claims),
  'a kid that is SQL': () => signAs(key, { ...header, kid: "' UNION SELECT '" }, claims),
  'a stranger’s signature under our kid': () => signAs(stranger, header, claims),
  'a stranger’s key embedded as jwk': () => signAs(stranger, { ...header, jwk: strangerJwk() }, claims),
  'our own key embedded as jwk': () => signAs(key, { ...header, jwk: key.publicJwk }, claims),
  'a jku to a stranger’s keys': () => signAs(stranger, { ...header, jku: 'https://evil.example.com/jwks.json' }, claims),
  'an x5u to a stranger’s certificate': () => signAs(stranger, { ...header, x5u: 'https://evil.example.com/cert.pem' }, claims),
  'an x5c of a stranger': () => signAs(stranger, { ...header, x5c: ['MIIB'] }, claims),
  'a crit that nobody understands': () => signAs(key, { ...header, crit: ['exp'] }, claims),
  'an unencoded payload (b64 false)': () => signAs(key, { ...header, b64: false, crit: ['b64'] }, claims),
  'compressed claims (zip)': () => signAs(key, { ...header, zip: 'DEF' }, claims),
  'another issuer': () => signAs(key, header, { ...claims, iss: 'https://id.example.com.evil.example' }),
  'another audience': () => signAs(key, header, { ...claims, aud: 'somebody-else' }),
  'a list of audiences': () => signAs(key, header, { ...claims, aud: ['latchkey', 'somebody-else'] }),
  'an end in the past': () => signAs(key, header, { ...claims, exp: Math.floor(Date.now() / 1000) - 1 }),
  'an end that is no number': () => signAs(key, header, { ...claims, exp: '9999999999' }),
  'an end that is not whole': () => signAs(key, header, { ...claims, exp: 9999999999.5 }),
  'no end': () => signAs(key, header, { ...claims, exp: undefined }),
  'a subject that is no text': () => signAs(key, header, { ...claims, sub: { $ne: null } }),
  'a generation that is no number': () => signAs(key, header, { ...claims, gen: null }),
  'claims that are not JSON': () => signAs(key, header, '{"sub":'),
  'claims that are a list': () => signAs(key, header, [claims]),
  'claims that are null': () => signAs(key, header, 'null'),
  'a header that is not JSON': () => signAs(key, 'nonsense', claims),
  'a header that is null': () => signAs(key, 'null', claims),
  'two parts': () => person.accessToken.split('.').slice(0, 2).join('.'),
  'four parts': () => `${person.accessToken}.${part('more')}`,
  'five parts, as an encrypted one has': () => `${person.accessToken}.AA.AA`,
  'an empty signature': () => resigned(() => ''),
  'a signature of zeros': () => resigned(() => Buffer.alloc(64).toString('base64url')),
  'a signature of the curve’s order': () => resigned(() => Buffer.concat([order, order]).toString('base64url')),
  'the signature in DER': () => resigned((own) => der(own).toString('base64url')),
  'the signature with a byte more': () => resigned((own) => Buffer.concat([own, Buffer.of(0)]).toString('base64url')),
  'the signature with a byte less': () => resigned((own) => own.subarray(0, 63).toString('base64url')),
  'the signature twice': () => resigned((own) => Buffer.concat([own, own]).toString('base64url')),
  'the signature with padding': () => resigned((own) => `${own.toString('base64url')}==`),
  'the signature in the other base64 alphabet': () => resigned((own) => own.toString('base64')),
  // 64 bytes leave four spare bits in the last character: the next one in the alphabet spells the same bytes.
  'a second spelling of the same signature': () =>
    resigned((own) => own.toString('base64url').replace(/.$/, (last) => ({ A: 'B', Q: 'R', g: 'h', w: 'x' })[last] ?? '')),
  'a line break in it': () => `${person.accessToken.slice(0, 50)}\n${person.accessToken.slice(50)}`,
  'a megabyte behind it': () => person.accessToken + 'A'.repeat(1_000_000),
  'nothing but dots': () => '..',
};

describe('a bearer token with', () => {
  it.each(Object.entries(forgeries))('%s is refused, and nothing is left behind', async (_title, forge) => {
    const token = forge();
    expect(token).not.toBe(person.accessToken);
    const { answer, changed } = await watch(() => judged(world, token));
    expect(answer).toBe('UNAUTHENTICATED');
    expect(changed).toEqual(nothing);
  });

  it('everything right is accepted: what was refused above was refused for its fault', async () => {
    expect(await judged(world, signAs(key, header, claims))).toBe('accepted');
    expect(await judged(world, signAs(next, { ...header, kid: next.kid }, claims))).toBe('accepted');
    expect(await judged(world, person.accessToken)).toBe('accepted');
  });
});

describe('a token of another purpose', () => {
  it('opens no door as a bearer: a refresh token, the token and the code of a mail, an id', async () => {
    await world.anonymous.ask(`mutation { requestPasswordReset(input: { email: "${person.email}" }) { __typename } }`);
    const mailed = /token=([\w-]+)/.exec((await world.mail(person.email)).text)![1] as string;
    for (const token of [person.refreshToken, mailed, person.sessionId, '123456']) {
      const { answer, changed } = await watch(() => useToken(world, token));
      expect(answer).toBe('UNAUTHENTICATED');
      expect(changed).toEqual(nothing);
    }
  });

  it('does no other job: an access or refresh token sets no password and verifies no address', async () => {
    for (const token of [person.refreshToken, person.accessToken]) {
      const reset = await world.anonymous.ask('mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { __typename } }', {
        input: { token, newPassword: 'seven quiet otters' },
      });
      expect(reset.data.resetPassword.__typename).toBe('TokenInvalid');
      const verified = await world.anonymous.ask('mutation ($input: VerifyEmailInput!) { verifyEmail(input: $input) { __typename } }', {
        input: { token },
      });
      expect(verified.data.verifyEmail.__typename).toBe('TokenInvalid');
    }
    expect(await judged(world, person.accessToken)).toBe('accepted');
  });
});
