/** How much of the machine's hashing a sign-in gets, all cores for each side. */
import { atLeast, type Section } from '../lib/report.ts';
import { compare, type Result } from '../lib/rounds.ts';
import { rawLoop, served } from '../lib/sides.ts';
import type { Stage } from '../lib/stage.ts';

const connections = 16;

export const hash = async (stage: Stage): Promise<Section> => {
  const { clients } = await stage.house();
  const server = await (await stage.latchkey()).start('all');
  try {
    const raw = await stage.raw('all');
    const results = await compare(
      [served('Latchkey login', server, clients.login, connections), rawLoop('@node-rs/argon2 in a bare loop', raw, '/hash')],
      await stage.postmaster(),
    );
    const [own, bare] = results as [Result, Result];
    return {
      title: '`login` against the raw argon2id rate (m=19456, t=2, p=1), all cores',
      results,
      notes: ['PostgreSQL and the load share the cores with the hashing.'],
      verdicts: [atLeast('login / raw argon2id rate of the machine', 0.9, own, bare)],
    };
  } finally {
    await server.stop();
  }
};
