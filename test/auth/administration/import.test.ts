/** Accounts of other systems: their hashes sign in once, and are argon2id from then on. */
import { pbkdf2Sync, randomBytes, scryptSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isVerifiable, verifyForeign } from '../../../src/infra/hasher/foreign.ts';
import { admin, countFacts, factOf } from '../../kit/administration.ts';
import { loginMutation, openWorld, password, type SignedInPerson, someEmail, type World } from '../../kit/world.ts';

let world: World;
let boss: SignedInPerson;
beforeAll(async () => {
  world = await openWorld();
  boss = await world.signedIn(undefined, { roles: ['superadmin'] });
});
afterAll(() => world?.close());

const salt = randomBytes(16);
const base64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
const hashes: [string, () => Promise<string> | string][] = [
  [
    'argon2id of other costs',
    async () => (await import('@node-rs/argon2')).hash(password, { memoryCost: 128, timeCost: 2, parallelism: 1 }),
  ],
  ['scrypt', () => `$scrypt$ln=10,r=8,p=1$${base64(salt)}$${base64(scryptSync(password, salt, 32, { N: 1024, r: 8, p: 1 }))}`],
  ['pbkdf2', () => `$pbkdf2-sha256$i=1000,l=32$${base64(salt)}$${base64(pbkdf2Sync(password, salt, 1000, 32, 'sha256'))}`],
  [
    'pbkdf2 of passlib',
    () =>
      `$pbkdf2-sha512$1000$${base64(salt).replaceAll('+', '.')}$${base64(pbkdf2Sync(password, salt, 1000, 64, 'sha512')).replaceAll('+', '.')}`,
  ],
  // By libxcrypt.
  ['bcrypt, $2b$', () => '$2b$04$CCCCCCCCCCCCCCCCCCCCC.PEkyOQ3.fP17nRPOFwu2V9QhDVkFThW'],
  ['bcrypt, $2y$ of PHP', () => '$2y$05$abcdefghijklmnopqrstuuD3mHdCr44zlIZ.VZCaYRpfQhXMYnEo.'],
  ['bcrypt, $2a$', () => '$2a$06$abcdefghijklmnopqrstuu50eFBEC8vQwBnuFXMHE45jBnqvQ8xz.'],
  ['pbkdf2 of Django', () => `pbkdf2_sha256$1000$NaCl42$${pbkdf2Sync(password, 'NaCl42', 1000, 32, 'sha256').toString('base64')}`],
];
const login = async (email: string, given = password) =>
  (await world.anonymous.ask(loginMutation, { input: { email, password: given } })).data.login.__typename;
const hashOf = async (email: string) =>
  (
    await world.sql<{ hash: string }>('SELECT p.hash FROM passwords p JOIN users u ON u.id = p.user_id WHERE u.email_key = lower($1)', [
      email,
    ])
  )[0]?.hash;

describe('importUsers', () => {
  it.each(hashes)('lets a hash by %s sign in, and makes it argon2id at once', async (_name, make) => {
    const email = someEmail();
    const passwordHash = await make();
    const outcome = await admin(boss.client, 'importUsers', { users: [{ email, passwordHash, emailVerified: true }] });
    expect(outcome).toEqual({ __typename: 'UsersImported', created: 1, skipped: [] });
    expect(await hashOf(email)).toBe(passwordHash);
    expect(await login(email, 'something else entirely')).toBe('InvalidCredentials');
    expect(await login(email)).toBe('SignedIn');
    expect(await hashOf(email)).toMatch(/^\$argon2id\$v=19\$m=64,/);
    expect(await login(email)).toBe('SignedIn');
  });

  it('skips who cannot be taken and says why; the others come in, each with its fact', async () => {
    const [good, twice] = [someEmail(), someEmail()];
    const users = [
      { email: good, username: 'imported.one', name: 'Imported One' },
      { email: boss.email },
      { email: twice },
      { email: twice.toUpperCase() },
      { email: someEmail(), username: 'IMPORTED.one' },
      { email: someEmail(), username: '!' },
      { email: someEmail(), passwordHash: '$2x$12$KIXQ4u1yq7n0p3l5QmJ0hO0h6k8dY1r2s3t4u5v6w7x8y9z0A1B2C' },
      { email: someEmail(), passwordHash: 'd41d8cd98f00b204e9800998ecf8427e' },
    ];
    const { created, skipped } = await admin(boss.client, 'importUsers', { users });
    expect(created).toBe(2);
    expect(skipped.map(({ code }: { code: string }) => code)).toEqual([
      'EMAIL_TAKEN',
      'EMAIL_TAKEN',
      'USERNAME_TAKEN',
      'INVALID_INPUT',
      'INVALID_INPUT',
      'INVALID_INPUT',
    ]);
    expect(skipped[4].message).toContain('bcrypt');
    const [row] = await world.sql<{ id: string }>('SELECT id FROM users WHERE email_key = $1', [good]);
    expect(await factOf(world, 'user.imported', row!.id)).toMatchObject({ actor_id: boss.id, data: { verified: false } });
  });

  it('of the same people twice at once, in whatever order, takes each once', async () => {
    const users = Array.from({ length: 100 }, () => ({ email: someEmail() }));
    const both = [users, users.toReversed()].map((those) => admin(boss.client, 'importUsers', { users: those }));
    const outcomes = await Promise.all(both);
    expect(outcomes.map((outcome) => outcome.__typename)).toEqual(['UsersImported', 'UsersImported']);
    expect(outcomes[0].created + outcomes[1].created).toBe(100);
  });

  it('refuses none, or too many at a time, and nothing happens', async () => {
    const before = await countFacts(world);
    expect((await admin(boss.client, 'importUsers', { users: [] })).__typename).toBe('InvalidInput');
    const many = Array.from({ length: 501 }, (_, n) => ({ email: `m${n}@example.com` }));
    expect((await admin(boss.client, 'importUsers', { users: many })).__typename).toBe('InvalidInput');
    expect(await countFacts(world)).toBe(before);
  });

  it('takes no hash whose verification would cost too much', () => {
    const digest = base64(randomBytes(32));
    expect(isVerifiable(bcryptHash.replace('$05$', '$14$'))).toBe(true);
    for (const usual of [
      `$scrypt$ln=15,r=8,p=1$${digest}$${digest}`,
      `$scrypt$ln=17,r=8,p=1$${digest}$${digest}`,
      `$pbkdf2$i=1300000$${digest}$${digest}`,
      `$argon2id$v=19$m=262144,t=3,p=1$${digest}$${digest}`,
    ])
      expect(isVerifiable(usual), usual).toBe(true);
    for (const costly of [
      `$scrypt$ln=25,r=8,p=1$${digest}$${digest}`,
      `$scrypt$ln=10,r=8,p=99$${digest}$${digest}`,
      `$pbkdf2-sha256$i=99999999$${digest}$${digest}`,
      `$argon2id$v=19$m=99999999,t=2,p=1$${digest}$${digest}`,
      // Each number alone would pass: a minute and a half, eleven seconds, four.
      `$argon2id$v=19$m=1048576,t=50,p=1$${digest}$${digest}`,
      `$scrypt$ln=18,r=8,p=16$${digest}$${digest}`,
      `$pbkdf2$i=5000000$${digest}$${base64(randomBytes(120))}`,
      `$pbkdf2-sha256$i=1000$${digest}$${base64(randomBytes(4))}`,
      bcryptHash.replace('$05$', '$15$'),
      bcryptHash.replace('$05$', '$03$'),
      bcryptHash.replace('$2a$', '$2x$'),
      bcryptHash.replace('$2a$', '$2$'),
      bcryptHash.slice(0, -1),
    ])
      expect(isVerifiable(costly), costly).toBe(false);
  });
});

/** Openwall's crypt_blowfish 1.3, wrapper.c, and jBCrypt 0.4, TestBCrypt.java. */
const bcryptHash = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';
const longOne = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored';
const longHash = '$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui';
describe('a hash by bcrypt', () => {
  it.each([
    ['U*U', bcryptHash],
    ['U*U*', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK'],
    ['U*U*U', '$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a'],
    ['abc', '$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i'],
    ['~!@#$%^&*()      ~!@#$%^&*()PNBFRD', '$2a$06$fPIsBO8qRqkjj273rfaOI.HtSV9jLDpTbZn782DC6/t7qT67P6FfO'],
    ['Grüße 🔑 aus Wien', '$2y$05$NaClNaClNaClNaClNaCl.uTZkphIE3rkOEQpeW/g3JFYwpedXgCXe'],
    [longOne, longHash],
  ])('of “%s” is met by that, and by nothing else', (given, hash) => {
    expect(verifyForeign(hash, given)).toBe(true);
    for (const wrong of ['', given.slice(1), ` ${given}`, `!${given}`, `${given}\0`, `${given}\0${given}`])
      expect(verifyForeign(hash, wrong), wrong).toBe(false);
  });

  it('asks for the first 72 bytes of a longer one once, and for the whole ever after', async () => {
    const [whole, other] = [someEmail(), someEmail()];
    const users = [whole, other].map((email) => ({ email, passwordHash: longHash, emailVerified: true }));
    expect((await admin(boss.client, 'importUsers', { users })).created).toBe(2);
    expect(await login(whole, longOne.slice(0, 71))).toBe('InvalidCredentials');
    expect(await login(whole, longOne)).toBe('SignedIn');
    expect(await login(whole, longOne.slice(0, 72))).toBe('InvalidCredentials');
    expect(await login(other, `${longOne.slice(0, 72)} and anything`)).toBe('SignedIn');
    expect(await login(other, longOne)).toBe('InvalidCredentials');
  });
});
