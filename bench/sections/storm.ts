/** Sign-ins at four times what the machine can hash: what everybody else feels, and what the surplus is told. */
import type { Answer } from '../lib/connection.ts';
import { expect } from '../lib/load.ts';
import { watch } from '../lib/meter.ts';
import { type Shot, shoot } from '../lib/open-loop.ts';
import type { Section } from '../lib/report.ts';
import { settings } from '../lib/settings.ts';
import { served } from '../lib/sides.ts';
import type { Stage } from '../lib/stage.ts';
import { figure, median, percentile } from '../lib/stats.ts';

/** `me` at a rate that leaves the server idle most of the time. */
const probeRate = 200;
const times = 4;
const seconds = settings.quick ? 2 : 3;
const rest = 500;

const p99 = (values: readonly number[]): number => percentile(values, 0.99);
const told = (values: readonly number[]): string =>
  values.length === 0 ? 'none' : `p50 ${figure(median(values))} ms, p99 ${figure(p99(values))} ms`;
const hinted = ({ head, body }: Answer): boolean => /\r\nretry-after: *\d/i.test(head) && body.includes('"retryAfterSeconds"');

export const storm = async (stage: Stage): Promise<Section> => {
  const { clients } = await stage.house();
  const server = await (await stage.latchkey()).start('all');
  try {
    const me = clients.me(0);
    const login = clients.login();
    const probe = async (): Promise<number[]> => {
      const { shots } = await shoot(server.port, probeRate, seconds, () => me(undefined));
      for (const { answer } of shots) expect(answer, '"email":"person');
      return shots.map(({ ms }) => ms);
    };
    await served('warm-up', server, clients.me).run(settings.warmUp);
    const capacity = (await served('capacity', server, clients.login, 16).run(seconds)).rate;

    // Calm and storm take turns, and a round has its own p99: one stall of the machine is one round's.
    const [idle, busy]: [number[][], number[][]] = [[], []];
    const shots: Shot[] = [];
    const foreign: number[] = [];
    let unsent = 0;
    for (let round = 0; round < settings.rounds; round++) {
      await new Promise((resolve) => setTimeout(resolve, rest));
      const { value, used } = await watch(probe);
      idle.push(value);
      foreign.push(used?.foreign ?? 0);
      const [felt, shot] = await Promise.all([probe(), shoot(server.port, capacity * times, seconds, () => login(undefined))]);
      busy.push(felt);
      shots.push(...shot.shots);
      unsent += shot.unsent;
    }
    const right = shots.filter(({ answer }) => answer.body.includes('"SignedIn"'));
    const refused = shots.filter(({ answer }) => answer.body.includes('"UNAVAILABLE"'));
    const hints = refused.filter(({ answer }) => hinted(answer)).length;
    const others = shots.length - right.length - refused.length;
    const each = (rounds: readonly number[][]) => rounds.map((round) => figure(p99(round))).join(', ');
    return {
      title: `a storm of sign-ins at ${times} times the hashing capacity, all cores`,
      results: [],
      foreign: median(foreign),
      notes: [
        `capacity ${figure(capacity)} sign-ins a second; ${settings.rounds} storms of ${figure(capacity * times)} a second for ${seconds} s`,
        `\`me\` at ${probeRate} a second, idle: ${told(idle.flat())}; p99 of the rounds ${each(idle)} ms`,
        `\`me\` in the storms: ${told(busy.flat())}; p99 of the rounds ${each(busy)} ms`,
        `signed in: ${right.length} (${figure(right.length / seconds / settings.rounds)} a second), ${told(right.map(({ ms }) => ms))}`,
        `UNAVAILABLE: ${refused.length} (${figure((100 * refused.length) / shots.length)} %), ${hints} of them with a retry hint, ${told(refused.map(({ ms }) => ms))}`,
        `anything else: ${others}; not sent for want of a free connection: ${unsent}`,
      ],
      verdicts: [
        {
          what: 'p99 of me in the storm / idle, medians of the rounds',
          kind: 'most',
          goal: 5,
          value: median(busy.map(p99)) / median(idle.map(p99)),
          unit: ' x',
        },
      ],
    };
  } finally {
    await server.stop();
  }
};
