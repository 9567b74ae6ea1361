/** The KMS is away: what was opened lately still opens, whatever has to be sealed is UNAVAILABLE, and nothing is half-written. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nothing, type Watch, watchChanges } from '../kit/changes.ts';
import { ask, mfaLoginMutation, setupMutation, totp, verifyMutation, withTotp } from '../kit/mfa.ts';
import { startVault, type VaultServer } from '../kit/vault.ts';
import { openWorld, password, refreshMutation, someEmail, type World } from '../kit/world.ts';

let server: VaultServer;
let world: World;
let watch: Watch;
beforeAll(async () => {
  server = await startVault();
  server.makeKey('latchkey');
  world = await openWorld({
    KMS_PROVIDER: 'vault',
    KMS_VAULT_ADDR: server.url,
    KMS_VAULT_KEY: 'latchkey',
    KMS_VAULT_TOKEN: server.rootToken,
    KMS_TIMEOUT_MS: '300',
  });
  watch = await watchChanges(world);
});
afterAll(async () => {
  await world?.close();
  await server?.close();
});
const device = { name: 'Laptop', fingerprint: 'a device of one person' };
const signIn = async (person: { email: string }, code: string) => {
  const login = await ask(world.anonymous, mfaLoginMutation, { email: person.email, password, device });
  return world.anonymous.ask(verifyMutation, { input: { challengeToken: login['challengeToken'], type: 'TOTP', code } });
};
const rows = async () =>
  (await world.sql(`SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM mfa_methods) AS methods`))[0];

describe('A master key that is lost for one record', () => {
  it('is an error for that one alone, and never destroys it', async () => {
    const [unlucky, lucky] = [await withTotp(world), await withTotp(world)];
    const find = 'SELECT sealed_secret AS sealed FROM mfa_methods WHERE user_id = $1';
    const [kept] = await world.sql<{ sealed: Buffer }>(find, [unlucky.id]);
    const lost = Buffer.from(kept!.sealed);
    lost.write('nowhere1', lost.indexOf('latchkey'));
    const put = (sealed: Buffer) => world.sql('UPDATE mfa_methods SET sealed_secret = $1 WHERE user_id = $2', [sealed, unlucky.id]);
    await put(lost);
    const refused = await signIn(unlucky, totp(unlucky.secret, world.clock.now()));
    expect(refused.errors?.[0]?.extensions.code).toBe('INTERNAL');
    expect((await signIn(lucky, totp(lucky.secret, world.clock.now()))).data.verifyMfa.__typename).toBe('SignedIn');
    await world.house.auth.seals.rewrap();
    expect(world.house.auth.seals.progress()).toMatchObject({ failed: 1, left: 0 });
    expect((await world.sql<{ sealed: Buffer }>(find, [unlucky.id]))[0]!.sealed).toEqual(lost);
    await put(kept!.sealed);
    expect((await signIn(unlucky, totp(unlucky.secret, world.clock.now()))).data.verifyMfa.__typename).toBe('SignedIn');
  });
});

describe('While the KMS is away', () => {
  it('codes of cached keys, tokens and refreshes are good; whatever has to be sealed is UNAVAILABLE, and leaves nothing behind', async () => {
    const person = await withTotp(world);
    const [, stranger] = [await signIn(person, totp(person.secret, world.clock.now())), await world.signedIn()];
    const admin = await world.signedIn(undefined, { roles: ['superadmin'] });
    world.clock.move(60);
    server.state.trouble = 'away';
    const before = await rows();
    const attempts: [string, () => Promise<{ errors?: { extensions: Record<string, unknown> }[] }>][] = [
      ['an authenticator', () => stranger.client.ask(setupMutation, { input: { type: 'TOTP' } })],
      [
        'a registration',
        () =>
          world.anonymous.ask('mutation ($input: RegisterInput!) { register(input: $input) { __typename } }', {
            input: { email: someEmail(), password },
          }),
      ],
      ['a new signing key', () => admin.client.ask('mutation { rotateSigningKey }')],
    ];
    for (const [what, attempt] of attempts) {
      const { answer, changed } = await watch(attempt);
      expect(answer.errors?.[0]?.extensions, what).toMatchObject({ code: 'UNAVAILABLE', retryAfterSeconds: expect.any(Number) });
      expect(changed, what).toEqual(nothing);
    }
    expect(await rows()).toEqual(before);
    expect((await stranger.client.ask('{ me { id } }')).data.me.id).toBe(stranger.id);
    const { data } = await world.anonymous.ask(refreshMutation, { input: { refreshToken: stranger.refreshToken } });
    expect(data.refresh.__typename).toBe('SignedIn');
    expect((await signIn(person, totp(person.secret, world.clock.now()))).data.verifyMfa.__typename).toBe('SignedIn');
    expect(world.house.infra.kms.stats().away).toBe(true);
    const metrics = await (await fetch(`${world.url}/metrics`)).text();
    expect(metrics).toMatch(/^latchkey_kms_away 1$/m);
    expect(metrics).toMatch(/^latchkey_rewrap_failed 1$/m);
  });
});
