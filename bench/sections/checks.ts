/** `checkPermission` with a bearer token, against a server that looks at nothing: what a gateway pays for each question. */
import { documents } from '../latchkey/documents.ts';
import { query } from '../lib/database.ts';
import { type Client, expect } from '../lib/load.ts';
import { counter, signedIn } from '../lib/people.ts';
import { atLeast, type Section } from '../lib/report.ts';
import { graphql } from '../lib/request.ts';
import { compare, type Result } from '../lib/rounds.ts';
import { served } from '../lib/sides.ts';
import type { Stage } from '../lib/stage.ts';

const typename = graphql('{ __typename }');
const bare = (): Client => (answer) => {
  if (answer) expect(answer, '"__typename":"Query"');
  return typename;
};
const things = 1_000;

/** Every person signed in may read ten portfolios. */
const permit = async (url: string): Promise<void> => {
  await query(url, `INSERT INTO permissions (name, description) VALUES ('portfolios.read', 'Read portfolios')`);
  await query(
    url,
    `INSERT INTO permission_grants (id, user_id, permission, resource, granted_at, expires_at)
     SELECT uuidv7(), id, 'portfolios.read', 'portfolio:' || n * 2, now(), now() + interval '7 days' FROM users, generate_series(0, 9) AS n
     WHERE substring(email_key FROM '^person(\\d+)@')::int < $1`,
    [signedIn],
  );
};

export const checks = async (stage: Stage): Promise<Section> => {
  const house = await stage.house();
  await permit(await stage.databaseUrl());
  const asking = (client: number): Client => {
    const [next, thing] = [counter(signedIn, client), counter(things, client * 31)];
    let allowed = false;
    return (answer) => {
      if (answer) expect(answer, `{"data":{"checkPermission":{"allowed":${allowed}}}}`);
      const number = thing();
      allowed = number < 20 && number % 2 === 0;
      const input = { permission: 'portfolios.read', resource: `portfolio:${number}` };
      return graphql(documents.checkPermission, { input }, house.tokens[next()]?.accessToken);
    };
  };
  // One that has not read the permissions before the grants.
  const server = await (await stage.latchkey()).start('one');
  try {
    const results = await compare(
      [served('Latchkey checkPermission', server, asking), served('graphql-yoga, { __typename }', await stage.rival('yoga'), bare)],
      await stage.postmaster(),
    );
    const [own, yoga] = results as [Result, Result];
    return {
      title: '`checkPermission` (bearer, a resource) against a bare `{ __typename }`',
      results,
      notes: [],
      verdicts: [atLeast('checkPermission / graphql-yoga with { __typename }', 0.5, own, yoga)],
    };
  } finally {
    await server.stop();
  }
};
