/** The same pages of a thousand and of a million rows: whether a list costs what is shown of it, or what there is. */
import { type Crowd, makeCrowd } from '../latchkey/crowd.ts';
import { documents } from '../latchkey/documents.ts';
import { signIn } from '../latchkey/people.ts';
import { openLatchkey } from '../latchkey/start.ts';
import { type Client, expect } from '../lib/load.ts';
import { counter } from '../lib/people.ts';
import type { Section } from '../lib/report.ts';
import { graphql } from '../lib/request.ts';
import { compare, type Result, type Side } from '../lib/rounds.ts';
import { settings } from '../lib/settings.ts';
import { served } from '../lib/sides.ts';
import type { Stage } from '../lib/stage.ts';

const few = 1_000;
/** Few at a time: a page's own latency, not the queue before the one core. */
const connections = 4;
const turn = 1;

type Page = {
  readonly name: string;
  readonly document: string;
  readonly variables: (crowd: Crowd, n: number) => object;
  readonly mark: string;
};
const sample = ({ samples }: Crowd, n: number) => samples[n % samples.length] as Crowd['samples'][number];
const page = (name: string, document: string, mark: string, variables: Page['variables'] = () => ({})): Page => ({
  name,
  document,
  mark,
  variables,
});
const more = '"hasNextPage":true';
const some = '"edges":[{"node"';
const listsOf = (name: string, document: string, counted: string, filter: object): Page[] => [
  page(`${name}, first page`, document, more),
  // Somebody is the last one: nobody comes after him.
  page(`${name}, after a cursor`, document, '"edges":[', (crowd, n) => ({ after: sample(crowd, n).id })),
  page(`${name}, filtered`, document, some, () => ({ filter })),
  page(`${name}, frequent search`, document, more, ({ firstNames }, n) => ({ filter: { search: firstNames[n % firstNames.length] } })),
  page(`${name}, rare search`, document, some, (crowd, n) => ({ filter: { search: sample(crowd, n).address } })),
  page(`${name}, with totalCount`, counted, '"totalCount":'),
];
const pagesOf: readonly Page[] = [
  ...listsOf('users', documents.users, documents.usersCounted, { status: 'DEACTIVATED' }),
  ...listsOf('orgMembers', documents.members, documents.membersCounted, { role: 'trader' }),
  page('orgMembers, without a factor', documents.members, more, () => ({ filter: { mfaEnabled: false } })),
];

/** Processor time of a page, the server's and PostgreSQL's; NaN where it cannot be told. */
const busy = ({ cost }: Result): number => (cost ? cost.cpuUs + cost.databaseUs : Number.NaN);

/** A Latchkey with a database of its own, and each page as a side. */
const open = async (url: string, rows: number) => {
  const latchkey = await openLatchkey(url);
  const server = await latchkey.start('one').catch(async (error) => {
    await latchkey.close();
    throw error;
  });
  const close = () => server.stop().finally(latchkey.close);
  try {
    const crowd = await makeCrowd(url, rows);
    const [admin] = await signIn(server.port, 1);
    const asking =
      ({ document, variables, mark }: Page) =>
      (client: number): Client => {
        const next = counter(1_000_000, client * 53);
        return (answer) => {
          if (answer) expect(answer, mark);
          return graphql(document, { orgId: crowd.orgId, ...variables(crowd, next()) }, admin?.accessToken);
        };
      };
    const sides = pagesOf.map((one): Side => {
      const name = `${one.name}, ${rows.toLocaleString('en')}`;
      return { ...served(name, server, asking(one), connections), bare: true };
    });
    for (const side of sides) await side.run(settings.warmUp / sides.length);
    return { sides, close };
  } catch (error) {
    await close();
    throw error;
  }
};

export const pages = async (stage: Stage): Promise<Section> => {
  const short = await open(await stage.databaseUrl('few'), few);
  try {
    const began = performance.now();
    const long = await open(await stage.databaseUrl('many'), settings.many);
    const seconds = Math.round((performance.now() - began) / 1000);
    try {
      const sides = pagesOf.flatMap((_, at) => [short.sides[at] as Side, long.sides[at] as Side]);
      const results = await compare(sides, await stage.postmaster(), turn);
      const of = (at: number): Result => results[at] as Result;
      return {
        title: `pages of ${few.toLocaleString('en')} and of ${settings.many.toLocaleString('en')} rows, 25 on each`,
        results,
        notes: [`${connections} connections; every user is a member of the organization; ${seconds} s to make the long lists.`],
        verdicts: pagesOf.map(({ name }, at) => ({
          what: `p99 of ${name}: long list / short list`,
          kind: 'most',
          goal: 2,
          value: of(2 * at + 1).p99 / of(2 * at).p99,
          unit: ' x',
          byCpu: busy(of(2 * at + 1)) / busy(of(2 * at)),
        })),
      };
    } finally {
      await long.close();
    }
  } finally {
    await short.close();
  }
};
