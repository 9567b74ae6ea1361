/** A decision in the process, on the same rules and the same questions: Latchkey beside casbin and CASL, one question after the other on one core. */
import { Connection } from '../lib/connection.ts';
import type { Section } from '../lib/report.ts';
import { get } from '../lib/request.ts';
import { compare, type Result } from '../lib/rounds.ts';
import type { Server } from '../lib/server.ts';
import { settings } from '../lib/settings.ts';
import { rawLoop } from '../lib/sides.ts';
import type { Stage } from '../lib/stage.ts';
import { figure, median, percentile } from '../lib/stats.ts';

const few = settings.quick ? 10 : 100;
const us = (ms: number): string => `${figure(ms * 1000)} µs`;

/** Throws where the sides do not answer every question alike: what differs is not compared. */
const agree = async (server: Server): Promise<{ questions: number; few: number; allowed: number }> => {
  const connection = new Connection(server.port);
  const answer = JSON.parse((await connection.send(get('/agree'))).body);
  connection.close();
  if (answer.unlike) throw new Error(`the sides answer a question unlike: ${JSON.stringify(answer.unlike)}`);
  return answer;
};

export const access = async (stage: Stage): Promise<Section> => {
  const server = await stage.rival('access', { DATABASE_URL: await stage.databaseUrl('access'), FEW: String(few) });
  const asked = await agree(server);
  const side = (name: string, path: string) => rawLoop(name, server, path);
  const results = await compare([
    side('Latchkey, the decision', '/latchkey/decide'),
    side('Latchkey, all of checkPermission', '/latchkey/check'),
    side('CASL, an ability for each user', '/casl'),
    side('casbin, enforceSync', '/casbin/enforceSync'),
    side('casbin, CachedEnforcer, asked before', '/casbin/cached'),
  ]);
  const once = async (path: string) => {
    const { latencies } = await side(path, path).run(settings.turn);
    return `p50 ${us(median(latencies))}, p99 ${us(percentile(latencies, 0.99))}`;
  };
  const [decision, whole, casl, casbin] = results as [Result, Result, Result, Result];
  const against = (what: string, own: Result, name: string, other: Result) => [
    { what: `${what} / ${name}`, kind: 'least' as const, goal: 1, value: own.rate / other.rate, unit: ' x' },
    { what: `p99 of ${name} / of ${what}`, kind: 'least' as const, goal: 1, value: other.p99 / own.p99, unit: ' x' },
  ];
  return {
    title: 'decisions in the process: 1,000 roles and 10,000 grants of 5,000 people in 200 organizations',
    // One process for all of them, and no database in between: what an answer costs is its latency.
    results: results.map((result) => ({ ...result, cost: null })),
    foreign: median(results.map(({ cost }) => cost?.foreign ?? 0)),
    notes: [
      ...results.map(({ name, p50, p99 }) => `${name}: p50 ${us(p50)}, p99 ${us(p99)}`),
      `the first decision about a user, read from PostgreSQL and compiled: ${await once('/latchkey/cold')}; an ability built from rows in memory: ${await once('/casl/build')}; casbin’s enforce: ${await once('/casbin/enforce')}`,
      `${asked.questions.toLocaleString('en')} questions, ${asked.allowed.toLocaleString('en')} of them allowed, and ${asked.few} of these for casbin, which looks at every policy; every side answers all of its questions alike. A CachedEnforcer keeps its answers until it is told to forget them, ends of grants notwithstanding: it is no rival, since nothing else answers from what was asked before.`,
    ],
    verdicts: (
      [
        ['decisions', decision],
        ['all of checkPermission', whole],
      ] as const
    ).flatMap(([what, own]) => [...against(what, own, 'CASL', casl), ...against(what, own, 'casbin', casbin)]),
  };
};
