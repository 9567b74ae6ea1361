/** Sides measured side by side: every side is warmed up, then they take turns, each round beginning with another one. */
import type { Measured } from './load.ts';
import { type Used, watch } from './meter.ts';
import { settings } from './settings.ts';
import { median, percentile } from './stats.ts';

/** `bare`: a loop with next to nothing that could get warm. */
export type Side = { readonly name: string; readonly pid: number; readonly bare?: boolean; run(seconds: number): Promise<Measured> };
/** What an answer cost, and the medians of the rounds' shares (0 to 1) of the machine; see `Used`. */
export type Cost = {
  readonly cpuUs: number;
  readonly databaseUs: number;
  readonly zero: number;
  readonly others: number;
  readonly foreign: number;
};
/** `rate` is the median of the rounds, `least` and `most` their range; latencies in ms over all rounds. */
export type Result = {
  readonly name: string;
  readonly rate: number;
  readonly least: number;
  readonly most: number;
  readonly p50: number;
  readonly p99: number;
  readonly cost: Cost | null;
};
type Turn = { readonly measured: Measured; readonly used: Used | null };

const costOf = (turns: readonly Turn[], answers: number): Cost | null => {
  const used = turns.flatMap((turn) => (turn.used ? [turn.used] : []));
  if (used.length === 0) return null;
  const each = (ms: (one: Used) => number) => (1000 * used.reduce((sum, one) => sum + ms(one), 0)) / answers;
  const middle = (share: (one: Used) => number) => median(used.map(share));
  return {
    cpuUs: each((one) => one.serverMs),
    databaseUs: each((one) => one.databaseMs),
    zero: middle((one) => one.zero),
    others: middle((one) => one.others),
    foreign: middle((one) => one.foreign),
  };
};

const resultOf = (name: string, turns: readonly Turn[]): Result => {
  const rates = turns.map(({ measured }) => measured.rate);
  const latencies = turns.flatMap(({ measured }) => measured.latencies);
  return {
    name,
    rate: median(rates),
    least: Math.min(...rates),
    most: Math.max(...rates),
    p50: median(latencies),
    p99: percentile(latencies, 0.99),
    cost: costOf(turns, latencies.length),
  };
};

/** `postmaster`: PostgreSQL's first process, where the sides use it; `turn`: seconds of one side's turn. */
export const compare = async (sides: readonly Side[], postmaster: number | null = null, turn = settings.turn): Promise<Result[]> => {
  for (const side of sides) await side.run(side.bare ? 1 : settings.warmUp);
  const turns = sides.map((): Turn[] => []);
  for (let round = 0; round < settings.rounds; round++) {
    for (let i = 0; i < sides.length; i++) {
      const at = (round + i) % sides.length;
      const side = sides[at] as Side;
      const { value, used } = await watch(() => side.run(turn), { server: side.pid, postmaster });
      turns[at]?.push({ measured: value, used });
    }
  }
  return sides.map(({ name }, i) => resultOf(name, turns[i] ?? []));
};
