/** PostgreSQL is the truth: while it is away the answer is UNAVAILABLE, quickly, and when it is back the same process goes on. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startScratch } from '../../scripts/scratch.ts';
import { openLoad } from '../kit/load.ts';
import { openStream } from '../kit/stream.ts';
import { loginMutation, openWorld, password, refreshMutation, type SignedInPerson, type World } from '../kit/world.ts';

describe('PostgreSQL restarted in mid-load', () => {
  let server: Awaited<ReturnType<typeof startScratch>>;
  let world: World;
  beforeAll(async () => {
    server = await startScratch();
    world = await openWorld({}, { databaseUrl: server.url });
  });
  afterAll(async () => {
    await world?.close();
    await server?.stop();
  });

  /** Fast shutdown; the embedded server's keeper starts it again on the same port. */
  const restart = async (): Promise<void> => {
    const [row] = await world.sql<{ data_directory: string }>('SHOW data_directory');
    const pid = Number((await readFile(join(row!.data_directory, 'postmaster.pid'), 'utf8')).split('\n')[0]);
    process.kill(pid, 'SIGINT');
  };

  it('gives right answers or UNAVAILABLE and nothing else, and recovers without a restart', { timeout: 60_000 }, async () => {
    const people: SignedInPerson[] = [];
    for (let i = 0; i < 6; i++) people.push(await world.signedIn());
    const tokens = people.map((person) => person.refreshToken);
    const load = openLoad(6, async (lane) => {
      const person = people[lane]!;
      if (lane < 2) return world.anonymous.ask(loginMutation, { input: { email: person.email, password } });
      if (lane < 4) return person.client.ask('{ me { id email } }');
      const answer = await world.anonymous.ask(refreshMutation, { input: { refreshToken: tokens[lane] } });
      if (answer.data?.refresh.__typename === 'SignedIn') tokens[lane] = answer.data.refresh.refreshToken;
      return answer;
    });
    await pause(800);
    await restart();
    await pause(6000);
    const endings = await load.stop();
    const wrong = endings.filter(({ kind, code }) => kind === 'cut' || (kind === 'refused' && code !== 'UNAVAILABLE'));
    expect(wrong).toEqual([]);
    expect(endings.some(({ code }) => code === 'UNAVAILABLE')).toBe(true);
    const answers = endings.filter(({ kind }) => kind === 'answered').map(({ data }) => Object.values(data as object)[0]);
    expect(
      answers.every(
        (answer) => answer.__typename === 'SignedIn' || people.some(({ id, email }) => id === answer.id && email === answer.email),
      ),
    ).toBe(true);
    // Every session that was refreshed is still one honest client's: nobody was logged out.
    for (const lane of [4, 5]) {
      const { data } = await world.anonymous.ask(refreshMutation, { input: { refreshToken: tokens[lane] } });
      expect(data.refresh.__typename).toBe('SignedIn');
    }
    const late = endings.filter(({ at }) => at > endings.at(-1)!.at - 1000);
    expect(late.every(({ kind }) => kind === 'answered')).toBe(true);
  });

  it('loses nothing of a stream that resumes with after', { timeout: 60_000 }, async () => {
    const person = await world.signedIn();
    const query = 'subscription ($after: String) { sessionEvents(after: $after) { id type session { id } } }';
    const first = await openStream(person.client, query);
    await world.signIn(person);
    const seen = (await first.next()).sessionEvents;
    await restart();
    await first.close();
    for (let waited = 0; waited < 15_000; waited += 200) {
      const { data } = await world.anonymous.ask(loginMutation, { input: { email: person.email, password } });
      if (data?.login.__typename === 'SignedIn') break;
      await pause(200);
    }
    const resumed = await openStream(person.client, query, { after: seen.id });
    const next = (await resumed.next()).sessionEvents;
    expect(next.type).toBe('CREATED');
    expect(next.session.id).not.toBe(seen.session.id);
    await resumed.close();
  });
});
