/** What the process holds at rest and with a thousand live subscriptions, and how fast one event reaches all of them. */
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { documents } from '../latchkey/documents.ts';
import { loginRequest, tokensOf } from '../latchkey/people.ts';
import { Subscriber } from '../latchkey/subscriber.ts';
import { Connection } from '../lib/connection.ts';
import { query } from '../lib/database.ts';
import { watch } from '../lib/meter.ts';
import { signedIn } from '../lib/people.ts';
import type { Section } from '../lib/report.ts';
import { graphql } from '../lib/request.ts';
import { settings } from '../lib/settings.ts';
import type { Stage } from '../lib/stage.ts';
import { figure } from '../lib/stats.ts';

const subscribers = 1000;
const events = 5;
const restSeconds = settings.quick ? 3 : 10;

/** MiB that `ps` says a process holds. */
const memoryOf = (pid: number): number => Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024;

/** Makes the first people administrators, who may follow anybody's sessions. */
const promote = (url: string): Promise<unknown> =>
  query(
    url,
    `INSERT INTO role_assignments (id, user_id, role_id, granted_at) SELECT uuidv7(), u.id, r.id, now() FROM users u, roles r
     WHERE r.name = 'superadmin' AND substring(u.email_key FROM '^person(\\d+)@')::int < $1`,
    [signedIn],
  );

export const memory = async (stage: Stage): Promise<Section> => {
  const { tokens } = await stage.house();
  const url = await stage.databaseUrl();
  await promote(url);
  // Each subscriber comes from an address of its own, as they would.
  const server = await (await stage.latchkey()).start('all', { TRUSTED_PROXIES: '127.0.0.1' });
  const all: Subscriber[] = [];
  try {
    await sleep(restSeconds * 1000);
    const rest = memoryOf(server.pid);

    const connection = new Connection(server.port);
    const followed = JSON.parse((await connection.send(graphql(documents.me, undefined, tokens[0]?.accessToken))).body).data.me
      .id as string;
    const open = async (count: number): Promise<void> => {
      const opened = Array.from({ length: count }, (_, i) => {
        const number = all.length + i;
        const token = tokens[number % tokens.length]?.accessToken as string;
        return Subscriber.open(server.port, `10.0.${number >> 8}.${number & 255}`, token, documents.sessionEvents, { userId: followed });
      });
      all.push(...(await Promise.all(opened)));
    };
    await open(20);
    await sleep(2000);
    const before = memoryOf(server.pid);
    while (all.length < subscribers) await open(Math.min(50, subscribers - all.length));
    await sleep(restSeconds * 1000);
    const live = memoryOf(server.pid);

    // A session of its own: other sections have refreshed those of `tokens`.
    let { refreshToken } = tokensOf(await connection.send(loginRequest(0)));
    const tellAll = async (): Promise<number[]> => {
      const slowest: number[] = [];
      for (let i = 0; i < events; i++) {
        const reached = all.map((subscriber) => subscriber.next());
        const sent = performance.now();
        ({ refreshToken } = tokensOf(await connection.send(graphql(documents.refresh, { input: { refreshToken } }))));
        const times = await Promise.all(reached);
        slowest.push(Math.max(...times) - sent);
        await sleep(500);
      }
      return slowest;
    };
    const { value: slowest, used } = await watch(tellAll);
    connection.close();
    return {
      title: `memory, and ${subscribers.toLocaleString('en')} live subscriptions on a WebSocket each`,
      results: [],
      ...(used && { foreign: used.foreign }),
      notes: [
        `resident: ${figure(rest)} MB at rest, ${figure(before)} MB with ${20} subscriptions, ${figure(live)} MB with ${subscribers}, ${figure(memoryOf(server.pid))} MB after ${events} events`,
        `one refresh told to all ${subscribers}, from its request to the last of them, ${events} times: ${slowest.map((ms) => `${Math.round(ms)} ms`).join(', ')}`,
      ],
      verdicts: [
        { what: 'memory at rest', kind: 'most', goal: 250, value: rest, unit: ' MB' },
        {
          what: 'memory of 1,000 live subscriptions',
          kind: 'most',
          goal: 100,
          value: ((live - before) * subscribers) / (subscribers - 20),
          unit: ' MB',
        },
        { what: 'one event reaches all 1,000 (slowest)', kind: 'most', goal: 500, value: Math.max(...slowest), unit: ' ms' },
      ],
    };
  } finally {
    for (const subscriber of all) subscriber.close();
    await server.stop();
  }
};
