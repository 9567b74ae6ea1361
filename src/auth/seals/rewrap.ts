/**
 * Brings what is sealed under the master key that is current now. There is no state to lose: what is left to do is what does not begin as
 * every value sealed now does, and each row is one conditional UPDATE. So a run that was killed goes on where it was, and two at once do no harm.
 */
import { type Database, DoesNotOpen, type Kms, UnknownMasterKey } from '../../infra/ports.ts';
import { type Failure, nameOf, type SealedColumn } from './model.ts';
import { countStale, replaceSealed, type StaleRow, staleRows } from './store.ts';

const batch = 100;
/** Calls of a remote KMS at once. */
const lanes = 8;

export type Pass = {
  /** What was left to do when it began. */
  stale: number;
  rewrapped: number;
  /** Written by somebody else meanwhile, who seals under the current key by himself. */
  changed: number;
  failed: number;
  /** Where to go on, having stopped at the limit; null at the end. */
  next: Cursor | null;
};
/** Behind the row `after` of the column of this number. */
export type Cursor = { readonly column: number; readonly after: string | null };
export type PassOptions = {
  /** Rows after which to stop. */
  limit?: number;
  /** Rows that stay as they are are met again by every pass: a limited one goes on behind them. */
  from?: Cursor;
  /** Told after each batch. */
  progress?: (pass: Pass) => void;
  /** Told of each row that stays as it is. */
  failed?: (failure: Failure) => void;
};
type Needs = { database: Database; kms: Kms; columns: readonly SealedColumn[] };

/** Runs `work` on all `items`, some at once. After a throw none is begun any more, and those at work are waited for. */
const inLanes = async <T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> => {
  const waiting = [...items];
  const lane = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      try {
        await work(item);
      } catch (error) {
        waiting.length = 0;
        throw error;
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: lanes }, lane));
  for (const each of ended) if (each.status === 'rejected') throw each.reason;
};

/** Goes once over all columns. Throws `Unavailable` where the KMS or the database is away: what was done until then is done. */
export const rewrapOnce =
  ({ database, kms, columns }: Needs) =>
  async ({ limit = Number.POSITIVE_INFINITY, from = { column: 0, after: null }, progress, failed }: PassOptions = {}): Promise<Pass> => {
    const head = await kms.currentHead();
    const pass: Pass = { stale: 0, rewrapped: 0, changed: 0, failed: 0, next: null };
    for (const column of columns) pass.stale += await countStale(database, column, head);

    const one = (column: SealedColumn) => async (row: StaleRow) => {
      try {
        const fresh = await kms.rewrap(row.sealed, column.context(row.values));
        if (!fresh) return;
        if (await replaceSealed(database, column, row.key, row.sealed, fresh)) pass.rewrapped += 1;
        else pass.changed += 1;
      } catch (error) {
        if (!(error instanceof DoesNotOpen || error instanceof UnknownMasterKey)) throw error;
        pass.failed += 1;
        failed?.({ column: nameOf(column), key: row.key, reason: `${error.name}: ${error.message}` });
      }
    };
    let left = limit;
    for (const [number, column] of columns.entries()) {
      if (number < from.column) continue;
      for (let after = number === from.column ? from.after : null; ; ) {
        const rows: StaleRow[] = await staleRows(database, column, head, after, Math.min(batch, left));
        await inLanes(rows, one(column));
        left -= rows.length;
        if (rows.length > 0) progress?.(pass);
        after = rows.at(-1)?.key ?? after;
        if (left <= 0) return { ...pass, next: { column: number, after } };
        if (rows.length < batch) break;
      }
    }
    return pass;
  };
