/** Sign-ins at four times what the machine can hash: what everybody else feels, and what the surplus is told. */
import { expect } from '../lib/load.ts';
import { watch } from '../lib/meter.ts';
import { shoot } from '../lib/open-loop.ts';
import type { Section } from '../lib/report.ts';
import { settings } from '../lib/settings.ts';
import { served } from '../lib/sides.ts';
import type { Stage } from '../lib/stage.ts';
import { figure, median, percentile } from '../lib/stats.ts';

/** `me` at a rate that leaves the server idle most of the time. */
const probeRate = 100;
const times = 4;

export const storm = async (stage: Stage): Promise<Section> => {
  const { clients } = await stage.house();
  const server = await (await stage.latchkey()).start('all');
  try {
    const seconds = settings.quick ? 4 : 12;
    const me = clients.me(0);
    const login = clients.login();
    const probe = async (): Promise<number[]> => {
      const { shots } = await shoot(server.port, probeRate, seconds, () => me(undefined));
      for (const { answer } of shots) expect(answer, '"email":"person');
      return shots.map(({ ms }) => ms);
    };
    await served('warm-up', server, clients.me).run(settings.warmUp);
    const capacity = (await served('capacity', server, clients.login, 16).run(seconds / 3)).rate;
    const { value: idle, used } = await watch(probe);
    const [busy, { shots, unsent }] = await Promise.all([probe(), shoot(server.port, capacity * times, seconds, () => login(undefined))]);

    const right = shots.filter(({ answer }) => answer.body.includes('"SignedIn"'));
    const refused = shots.filter(({ answer }) => answer.body.includes('"UNAVAILABLE"'));
    const hinted = refused.filter(({ answer }) => /\r\nretry-after: *\d/i.test(answer.head) && answer.body.includes('retryAfterSeconds'));
    const times99 = (values: readonly number[]) => `p50 ${figure(median(values))} ms, p99 ${figure(percentile(values, 0.99))} ms`;
    const others = shots.length - right.length - refused.length;
    return {
      title: `a storm of sign-ins at ${times} times the hashing capacity, all cores`,
      results: [],
      ...(used && { foreign: used.foreign }),
      notes: [
        `capacity ${figure(capacity)} sign-ins a second; the storm ${figure(capacity * times)} a second for ${seconds} s`,
        `\`me\` at ${probeRate} a second, idle: ${times99(idle)}; in the storm: ${times99(busy)}`,
        `signed in: ${right.length} (${figure(right.length / seconds)} a second), ${times99(right.map(({ ms }) => ms))}`,
        `UNAVAILABLE: ${refused.length} (${figure((100 * refused.length) / shots.length)} %), ${hinted.length} of them with a retry hint, ${times99(refused.map(({ ms }) => ms))}`,
        `anything else: ${others}; not sent for want of a free connection: ${unsent}`,
      ],
      verdicts: [
        {
          what: 'p99 of me in the storm / idle',
          kind: 'most',
          goal: 5,
          value: percentile(busy, 0.99) / percentile(idle, 0.99),
          unit: ' x',
        },
      ],
    };
  } finally {
    await server.stop();
  }
};
