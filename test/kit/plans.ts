/** Many rows, and what statements read of them: run by EXPLAIN ANALYZE beside their answer. */
import type pg from 'pg';
import type { Database } from '../../src/infra/ports.ts';

type Plan = {
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: Plan[];
};
const rowsOf = (plan: Plan): number =>
  Math.max(
    plan['Actual Loops'] * (plan['Actual Rows'] + (plan['Rows Removed by Filter'] ?? 0)),
    ...(plan.Plans ?? []).map((part) => rowsOf(part)),
  );

/** Many rows, a few thousand a statement: one long transaction would hold back the events of every test that runs beside it. */
export const inBatches = async (from: number, to: number, insert: (first: number, last: number) => Promise<unknown>): Promise<void> => {
  const size = 5_000;
  for (let first = from; first <= to; first += size) await insert(first, Math.min(to, first + size - 1));
};

/** `blocks`: all that were touched; `rows`: of the statements' steps, the most that one looked at. */
export type Seen = { blocks: number; rows: number };
export const watching = (client: pg.Client): { database: Database; seen: Seen } => {
  const seen = { blocks: 0, rows: 0 };
  const run = async ({ text }: { text: string }, values: readonly unknown[] = []) => {
    const { rows: answer } = await client.query(text, values as unknown[]);
    if (text.startsWith('EXPLAIN')) return answer;
    const { rows } = await client.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`, values as unknown[]);
    const { Plan: plan } = rows[0]['QUERY PLAN'][0] as { Plan: Plan };
    seen.blocks += plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
    seen.rows = Math.max(seen.rows, rowsOf(plan));
    return answer;
  };
  return { database: { run } as never, seen };
};
