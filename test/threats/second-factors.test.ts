/** What could be tried against second factors. */
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stranger } from '../kit/caller.ts';
import { nothing, type Watch, watchChanges } from '../kit/changes.ts';
import { ask, challengeMutation, mfaLoginMutation, problem, totp, verifyMutation, type WithTotp, withTotp } from '../kit/mfa.ts';
import { openWorld, password, someEmail } from '../kit/world.ts';

let world: Awaited<ReturnType<typeof openWorld>>;
let watch: Watch;
beforeAll(async () => {
  world = await openWorld();
  watch = await watchChanges(world);
});
afterAll(() => world?.close());

// biome-ignore lint/suspicious/noExplicitAny: answers of any shape
type Any = any;
const login = (email: string, input: object = {}): Promise<Any> => ask(world.anonymous, mfaLoginMutation, { email, password, ...input });
const challenge = async (ada: WithTotp, input: object = {}): Promise<string> => (await login(ada.email, input)).challengeToken;
const verify = (input: object): Promise<Any> => ask(world.anonymous, verifyMutation, input);
const wrongFor = (ada: WithTotp): string => {
  const right = [-1, 0, 1, 2].map((step) => totp(ada.secret, world.clock.now(), step));
  return ['000000', '111111', '222222', '333333', '444444'].find((code) => !right.includes(code)) as string;
};
const lettersTo = (letters: readonly string[], name: string) => letters.filter((letter) => letter.startsWith(`${name} `)).length;

describe('guesses of a code', () => {
  it('aliased into one document are judged five times and no more, and the owner hears of it once', async () => {
    const ada = await withTotp(world);
    const challengeToken = await challenge(ada);
    const call = `verifyMfa(input: { challengeToken: "${challengeToken}", type: TOTP, code: "${wrongFor(ada)}" }) { __typename }`;
    const document = `mutation { ${Array.from({ length: 30 }, (_, n) => `a${n}: ${call}`).join(' ')} }`;
    const { answer, changed } = await watch(() => world.anonymous.ask(document));
    const kinds = Object.values(answer.data as Record<string, { __typename: string }>).map(({ __typename }) => __typename);
    expect(kinds.filter((kind) => kind === 'CodeInvalid')).toHaveLength(5);
    expect(new Set(kinds.slice(5))).toEqual(new Set(['TokenInvalid']));
    expect(changed.facts.filter((fact) => fact === 'mfa.failed CodeInvalid')).toHaveLength(5);
    expect(changed.facts.filter((fact) => fact === 'mfa.locked')).toHaveLength(1);
    expect(lettersTo(changed.letters, 'mfa-locked')).toBe(1);
  });

  it('spread over a day are thirty of an account, from all networks together, known devices aside', async () => {
    const ada = await withTotp(world);
    const device = { fingerprint: 'the desk of Ada' };
    const right = () => totp(ada.secret, world.clock.now());
    expect((await verify({ challengeToken: await challenge(ada, { device }), type: 'TOTP', code: right() })).__typename).toBe('SignedIn');
    for (let n = 0; n < 30; n += 1) {
      if (n % 5 === 0) world.clock.move(1801);
      // A right answer now and then changes nothing of it.
      if (n === 12)
        expect((await verify({ challengeToken: await challenge(ada), type: 'TOTP', code: right() })).__typename).toBe('SignedIn');
      expect((await verify({ challengeToken: await challenge(ada), type: 'TOTP', code: wrongFor(ada) })).__typename).toBe('CodeInvalid');
    }
    world.clock.move(1801);
    const { answer, changed } = await watch(async () => verify({ challengeToken: await challenge(ada), type: 'TOTP', code: right() }));
    expect(answer).toMatchObject({ __typename: 'AccountLocked', retryAfterSeconds: expect.any(Number) });
    expect(answer.retryAfterSeconds).toBeGreaterThan(70_000);
    expect(changed.facts.filter((fact) => fact.startsWith('mfa.failed'))).toEqual([]);
    expect((await verify({ challengeToken: await challenge(ada, { device }), type: 'TOTP', code: right() })).__typename).toBe('SignedIn');
  });

  it('spread over challenges count by account: the sixth is AccountLocked, the right code too, and a known device is not', async () => {
    const ada = await withTotp(world);
    const device = { fingerprint: 'the laptop of Ada' };
    const first = await verify({ challengeToken: await challenge(ada, { device }), type: 'BACKUP_CODE', code: ada.backupCodes[0] });
    expect(first.__typename).toBe('SignedIn');
    for (let n = 0; n < 5; n += 1)
      expect((await verify({ challengeToken: await challenge(ada), type: 'TOTP', code: wrongFor(ada) })).__typename).toBe('CodeInvalid');
    const challengeToken = await challenge(ada);
    const { answer, changed } = await watch(() => verify({ challengeToken, type: 'TOTP', code: totp(ada.secret, world.clock.now()) }));
    expect(answer).toMatchObject({ __typename: 'AccountLocked', code: 'ACCOUNT_LOCKED', retryAfterSeconds: expect.any(Number) });
    expect(changed).toEqual(nothing);
    // Whoever knows the fingerprint has the count of that device; the stranger does not.
    const known = await challenge(ada, { device });
    expect((await verify({ challengeToken: known, type: 'TOTP', code: totp(ada.secret, world.clock.now()) })).__typename).toBe('SignedIn');
    world.clock.move(1801);
    const after = await challenge(ada);
    expect((await verify({ challengeToken: after, type: 'TOTP', code: totp(ada.secret, world.clock.now()) })).__typename).toBe('SignedIn');
  });

  it('from many networks are thirty of an account, and then none for a day', async () => {
    const ada = await withTotp(world);
    const { login: doors, mfa } = world.house.auth;
    const kinds: string[] = [];
    for (let n = 0; n < 35; n += 1) {
      const from = stranger(`198.51.100.${n}`);
      const due = await doors.withPassword(from, { email: ada.email, password });
      if (due.kind !== 'MfaRequired') throw new Error(due.kind);
      kinds.push((await mfa.verify(from, { challengeToken: due.challengeToken, type: 'TOTP', code: wrongFor(ada) })).kind);
    }
    expect(kinds).toEqual([...Array(30).fill('CodeInvalid'), ...Array(5).fill('AccountLocked')]);
  });
});

describe('a challenge', () => {
  it('of one user is not answered by the codes of another, and none of those is spent', async () => {
    const [ada, eve] = [await withTotp(world), await withTotp(world)];
    const challengeToken = await challenge(ada);
    for (const answer of [
      { type: 'TOTP', code: totp(eve.secret, world.clock.now()) },
      { type: 'BACKUP_CODE', code: eve.backupCodes[0] },
    ])
      expect((await verify({ challengeToken, ...answer })).__typename).toBe('CodeInvalid');
    const own = await challenge(eve);
    expect((await verify({ challengeToken: own, type: 'BACKUP_CODE', code: eve.backupCodes[0] })).__typename).toBe('SignedIn');
    expect(
      (await verify({ challengeToken: await challenge(eve), type: 'TOTP', code: totp(eve.secret, world.clock.now()) })).__typename,
    ).toBe('SignedIn');
  });

  it('that nobody was given is none, whatever the attacker has chosen or seen', async () => {
    const ada = await withTotp(world);
    const code = totp(ada.secret, world.clock.now());
    const passkey: Any = (await world.anonymous.ask('mutation { passkeyOptions { challengeToken } }')).data.passkeyOptions;
    for (const challengeToken of ['', 'chosen', ada.accessToken, ada.refreshToken, passkey.challengeToken]) {
      const { answer, changed } = await watch(() => verify({ challengeToken, type: 'TOTP', code }));
      expect(answer.__typename, challengeToken).toBe('TokenInvalid');
      expect(changed).toEqual(nothing);
    }
  });

  it('opens no other door: it is no bearer, no refresh token, no token of a mail', async () => {
    const token = await challenge(await withTotp(world));
    expect((await world.anonymous.as(token).ask('{ me { id } }')).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    const kinds = [
      await ask(world.anonymous, `mutation ($input: RefreshInput) { refresh(input: $input) { __typename } }`, { refreshToken: token }),
      await ask(world.anonymous, `mutation ($input: VerifyEmailInput!) { verifyEmail(input: $input) { __typename } }`, { token }),
      await ask(world.anonymous, `mutation ($input: MagicLinkLoginInput!) { loginWithMagicLink(input: $input) { __typename } }`, { token }),
      await ask(world.anonymous, `mutation ($input: DisownSessionInput!) { disownSession(input: $input) { __typename ${problem} } }`, {
        token,
      }),
    ].map(({ __typename }) => __typename);
    expect(kinds).toEqual(['TokenInvalid', 'TokenInvalid', 'TokenInvalid', 'TokenInvalid']);
  });

  it('tells of a factor that the user does not have, or may not use here, as of one that is not enabled', async () => {
    const challengeToken = await challenge(await withTotp(world));
    for (const type of ['SMS', 'EMAIL', 'WEBAUTHN']) {
      const { answer, changed } = await watch(() => ask(world.anonymous, challengeMutation, { challengeToken, type }));
      expect(answer.__typename).toBe('MfaNotEnabled');
      expect(changed).toEqual(nothing);
    }
  });

  it('is told after the right password alone: a wrong one says no more of an account with a second factor than of any', async () => {
    const ada = await withTotp(world);
    const told = [];
    for (const email of [ada.email, (await world.person()).email, someEmail()])
      told.push(await ask(world.anonymous, mfaLoginMutation, { email, password: 'a wrong password' }));
    expect(new Set(told.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(told[0]!.__typename).toBe('InvalidCredentials');
  });
});

describe('a token whose second factor is due', () => {
  it('is refused by a service that verifies it by the JWKS, and taken once the factor is given', async () => {
    const strict = await openWorld({ MFA_REQUIRED: 'on' });
    try {
      const keys = createRemoteJWKSet(new URL(`${strict.url}/.well-known/jwks.json`));
      const check = (token: string) => jwtVerify(token, keys, { issuer: 'https://id.example.com', audience: 'latchkey' });
      const ada = await withTotp(strict);
      await expect(check(ada.accessToken)).rejects.toThrow(/aud/);
      const { data } = await strict.anonymous.ask(
        'mutation ($input: RefreshInput) { refresh(input: $input) { ... on SignedIn { accessToken } } }',
        {
          input: { refreshToken: ada.refreshToken },
        },
      );
      expect((await check(data.refresh.accessToken)).payload['amr']).toEqual(['pwd', 'otp', 'mfa']);
    } finally {
      await strict.close();
    }
  });
});
