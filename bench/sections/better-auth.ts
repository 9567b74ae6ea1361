/** The same job on the same PostgreSQL, each server on one core. */
import { atLeast, type Section } from '../lib/report.ts';
import { compare, type Result } from '../lib/rounds.ts';
import { rawLoop, served } from '../lib/sides.ts';
import type { Stage } from '../lib/stage.ts';

type Job = 'me' | 'sessions' | 'login';

const against =
  (job: Job, goal: number, title: string, what: string, connections?: number) =>
  async (stage: Stage): Promise<Section> => {
    const house = await stage.house();
    const rival = await stage.betterAuth();
    const results = await compare(
      [
        served('Latchkey', house.server, house.clients[job], connections),
        served('better-auth', rival.server, rival.clients[job], connections),
        ...(job === 'login' ? [rawLoop('argon2id in a bare loop', await stage.raw('one'), '/hash')] : []),
      ],
      await stage.postmaster(),
    );
    const [own, other] = results as [Result, Result];
    return { title, results, notes: [], verdicts: [atLeast(what, goal, own, other)] };
  };

export const me = against('me', 6, '`me` (bearer, five fields) against GET get-session', 'me / better-auth get-session');
export const sessions = against(
  'sessions',
  5,
  '`sessions(first: 10)` of ten against GET list-sessions',
  'sessions / better-auth list-sessions',
);
// As many as may hash and wait by Latchkey's defaults on one core: more would be a storm, which has a section of its own.
export const login = against(
  'login',
  1.3,
  '`login` against POST sign-in/email, hashing on the one core too',
  'login / better-auth sign-in',
  16,
);

export const refresh = async (stage: Stage): Promise<Section> => {
  const house = await stage.house();
  const rival = await stage.betterAuth();
  const raw = await stage.raw('one');
  const results = await compare(
    [
      served('Latchkey', house.server, house.clients.refresh),
      served('better-auth', rival.server, rival.clients.refresh),
      rawLoop('one UPDATE, a row for each client', raw, '/update/own'),
      rawLoop('one UPDATE over 10,000 rows', raw, '/update/spread'),
    ],
    await stage.postmaster(),
  );
  const [own, other, ownRow, spread] = results as [Result, Result, Result, Result];
  return {
    title: '`refresh` against GET get-session with `updateAge: 0` (its session refresh), and a bare prepared UPDATE',
    results,
    notes: ["Every refresh rotates the token and records a fact in the same transaction; better-auth's moves the session's end."],
    verdicts: [
      atLeast('refresh / better-auth session refresh', 6, own, other),
      atLeast('refresh / one prepared UPDATE, a row for each client', 0.5, own, ownRow),
      atLeast('refresh / one prepared UPDATE over 10,000 rows', 0.5, own, spread),
    ],
  };
};
