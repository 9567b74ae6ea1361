/** What happens to an identity at the same time, fifty times, with the callers spread over two servers in processes of their own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../kit/client.ts';
import { freshDatabase, type TestDatabase } from '../kit/database.ts';
import { comeBack, complete, identitiesOf, settingsOf, signInBy, unlink } from '../kit/identities.ts';
import { type ServerProcess, startServer } from '../kit/process.ts';
import { type LocalProvider, openProvider, type ProviderPerson } from '../kit/provider.ts';
import { openWorld, type World } from '../kit/world.ts';

const rounds = 50;
const directory = mkdtempSync(join(tmpdir(), 'latchkey-identities-'));
let [provider, second]: LocalProvider[] = [];
let database: TestDatabase;
let servers: ServerProcess[] = [];
let world: World;
beforeAll(async () => {
  [provider, second, database] = await Promise.all([openProvider(), openProvider(), freshDatabase()]);
  const keyFile = join(directory, 'master-keys.json');
  const settings = { ...settingsOf(provider), ...settingsOf(second, 'SECOND') };
  // The world first: one process makes the keys.
  world = await openWorld(settings, { databaseUrl: database.url, keyFile });
  const own = { ...settings, DATABASE_URL: database.url, DATA_DIR: directory, KMS_MASTER_KEY_FILE: keyFile };
  servers = await Promise.all([startServer(own), startServer(own)]);
}, 60_000);
afterAll(async () => {
  await Promise.all(servers.map((server) => server.kill()));
  await world?.close();
  await database?.drop();
  await Promise.all([provider?.stop(), second?.stop()]);
  rmSync(directory, { recursive: true, force: true });
}, 30_000);

const at = (n: number): Client => servers[n % servers.length]!.client;
const tally = (kinds: readonly { __typename: string }[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { __typename: kind } of kinds) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
};
const usersOf = (person: ProviderPerson) => world.sql<{ id: string }>('SELECT id FROM users WHERE email_key = lower($1)', [person.email]);
const rowsOf = (person: ProviderPerson) =>
  world.sql<{ user_id: string }>('SELECT user_id FROM identities WHERE subject = $1', [person.sub]);
/** Begun one after the other, so that only what is tried runs at once. */
const begun = async (count: number, of: (n: number) => [Client, LocalProvider, ProviderPerson, object]) => {
  const back: { client: Client; input: object }[] = [];
  for (let n = 0; n < count; n += 1) {
    const [client, from, person, input] = of(n);
    back.push({ client, input: { ...(await comeBack(client, from, person, input)), ...input } });
  }
  return back;
};

describe('an identity that nobody has', () => {
  it('makes one user of two that come back with it at once, fifty times', { timeout: 60_000 }, async () => {
    for (let round = 0; round < rounds; round += 1) {
      const person = provider!.person();
      const both = await begun(2, (n) => [at(n), provider!, person, {}]);
      const answers = await Promise.all(both.map(({ client, input }) => complete(client, input)));
      expect(tally(answers)).toEqual({ SignedIn: 2 });
      const users = await usersOf(person);
      expect(users).toHaveLength(1);
      expect(new Set(answers.map(({ user }) => user.id))).toEqual(new Set([users[0]!.id]));
      expect(await rowsOf(person)).toEqual([{ user_id: users[0]!.id }]);
    }
  });

  it('makes one user of one address that two providers vouch for at once, and the other is IdentityTaken, fifty times', {
    timeout: 60_000,
  }, async () => {
    for (let round = 0; round < rounds; round += 1) {
      const [here, there] = [provider!.person(), second!.person()];
      there.email = here.email;
      const both = await begun(2, (n) => (n === 0 ? [at(0), provider!, here, {}] : [at(1), second!, there, { provider: 'second' }]));
      expect(tally(await Promise.all(both.map(({ client, input }) => complete(client, input))))).toEqual({ SignedIn: 1, IdentityTaken: 1 });
      expect(await usersOf(here)).toHaveLength(1);
      expect([...(await rowsOf(here)), ...(await rowsOf(there))]).toHaveLength(1);
    }
  });

  it('is linked to one of two who link it at once, and is IdentityTaken to the other, fifty times', { timeout: 60_000 }, async () => {
    const two = [await world.signedIn(), await world.signedIn()];
    const clients = two.map(({ accessToken }, n) => at(n).as(accessToken));
    for (let round = 0; round < rounds; round += 1) {
      const person = provider!.person();
      const both = await begun(2, (n) => [clients[n]!, provider!, person, {}]);
      expect(tally(await Promise.all(both.map(({ client, input }) => complete(client, input))))).toEqual({ SignedIn: 1, IdentityTaken: 1 });
      expect(await rowsOf(person)).toHaveLength(1);
    }
  });
});

describe('a state', () => {
  it('is used by one of fifty that bring it at once', async () => {
    const person = provider!.person();
    const [one] = await begun(1, () => [at(0), provider!, person, {}]);
    const answers = await Promise.all(Array.from({ length: rounds }, (_, n) => complete(at(n), one!.input)));
    expect(tally(answers)).toEqual({ SignedIn: 1, TokenInvalid: rounds - 1 });
    expect(await world.sql('SELECT 1 FROM sessions WHERE user_id = $1', [(await usersOf(person))[0]!.id])).toHaveLength(1);
  });
});

describe('two identities that are the only ways in', () => {
  it('are not both taken away at once, fifty times', { timeout: 90_000 }, async () => {
    for (let round = 0; round < rounds; round += 1) {
      const { accessToken } = await signInBy(at(round), provider!, provider!.person());
      const clients = [at(0).as(accessToken), at(1).as(accessToken)];
      await signInBy(clients[0]!, provider!, provider!.person());
      const both = await identitiesOf(clients[0]!);
      const answers = await Promise.all(both.map(({ id }, n) => unlink(clients[n]!, id)));
      expect(tally(answers)).toEqual({ User: 1, Conflict: 1 });
      expect(await identitiesOf(clients[1]!)).toHaveLength(1);
    }
  });

  it('leave one when one is taken away while it signs in, fifty times', { timeout: 90_000 }, async () => {
    for (let round = 0; round < rounds; round += 1) {
      const [mine, other] = [provider!.person(), provider!.person()];
      const first = await signInBy(at(0), provider!, mine);
      await signInBy(at(0).as(first.accessToken), provider!, other);
      const [back] = await begun(1, () => [at(1), provider!, other, {}]);
      const { id } = (await identitiesOf(at(0).as(first.accessToken))).find(({ subject }) => subject === other.sub);
      const [signedIn, taken] = await Promise.all([complete(at(1), back!.input), unlink(at(0).as(first.accessToken), id)]);
      expect(taken.__typename).toBe('User');
      // Before it was taken away, or just then, or afterwards as somebody new: never in between.
      expect(['SignedIn', 'TokenInvalid']).toContain(signedIn.__typename);
      if (signedIn.__typename === 'SignedIn' && signedIn.user.id !== first.user.id)
        expect(await rowsOf(other)).toEqual([{ user_id: signedIn.user.id }]);
      else expect(await rowsOf(other)).toEqual([]);
    }
  });
});
