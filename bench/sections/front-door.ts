/** A five-field query that needs no database, through all limits, beside servers without any. */
import { type Client, expect } from '../lib/load.ts';
import { atLeast, type Section } from '../lib/report.ts';
import { graphql } from '../lib/request.ts';
import { compare, type Result } from '../lib/rounds.ts';
import { served } from '../lib/sides.ts';
import type { Stage } from '../lib/stage.ts';
import { query } from '../rivals/service-info.ts';

const request = graphql(query);
const asking = (): Client => (answer) => {
  if (answer) expect(answer, '"passwordPolicy":{"minLength":12}');
  return request;
};

export const frontDoor = async (stage: Stage): Promise<Section> => {
  const house = await stage.house();
  const results = await compare([
    served('Latchkey', house.server, asking),
    served('Mercurius, jit: 1', await stage.rival('mercurius'), asking),
    served('graphql-yoga', await stage.rival('yoga'), asking),
    served('node:http, fixed reply', await stage.rival('node-http'), asking),
  ]);
  const [own, mercurius, yoga] = results as [Result, Result, Result];
  return {
    title: `front door: \`${query}\``,
    results,
    notes: [],
    verdicts: [
      atLeast('front door / Mercurius with jit', 0.9, own, mercurius),
      atLeast('front door / graphql-yoga as it comes', 3, own, yoga),
    ],
  };
};
