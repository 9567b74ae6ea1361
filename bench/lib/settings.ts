/** How long and how often: from the environment, with `BENCH_QUICK=1` for a run that only shows that everything works. */
const quick = process.env['BENCH_QUICK'] === '1';

const number = (name: string, usual: number, short: number): number => {
  const text = process.env[name];
  const value = text ? Number(text) : quick ? short : usual;
  if (!(value > 0)) throw new Error(`${name} has to be a number above 0.`);
  return value;
};

export const settings = {
  quick,
  /** Seconds of load that each side gets before it is measured: Yoga's figures mean nothing before about 10. */
  warmUp: number('BENCH_WARMUP', 10, 2),
  rounds: number('BENCH_ROUNDS', 5, 2),
  /** Seconds of one side's turn in a round. */
  turn: number('BENCH_TURN', 2.5, 1),
  connections: number('BENCH_CONNECTIONS', 32, 32),
  /** Database connections of each side. */
  pool: number('BENCH_POOL', 10, 10),
  /** Rows in the tables of users and sessions. */
  people: number('BENCH_PEOPLE', 10_000, 2_000),
  /** Rows of the long lists. */
  many: number('BENCH_MANY', 1_000_000, 50_000),
  /** Where Latchkey's processes leave CPU profiles; not set: nowhere. */
  profileDir: process.env['BENCH_PROFILE'],
} as const;
