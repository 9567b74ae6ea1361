/** The door of the seals room: what is sealed anywhere in the house, and under which master keys. */
import type { Clock, Database, Kms, Log } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import { houseOrigin } from '../sessions/expire.ts';
import { sealedColumns } from './columns.ts';
import type { SealedColumn } from './model.ts';
import { type Cursor, type Pass, type PassOptions, rewrapOnce } from './rewrap.ts';
import { type InUse, keysInUse } from './store.ts';

export type SealNeeds = {
  database: Database;
  kms: Kms;
  clock: Clock;
  trail: AuditTrail;
  log: Log;
  columns?: readonly SealedColumn[];
};
/** What this process has done so far; `at` null: it has not looked yet. */
export type RewrapProgress = { at: Date | null; left: number; rewrapped: number; failed: number };
export type Seals = ReturnType<typeof openSeals>;

const hourMs = 3_600_000;
/** Rows of one run in the background: seconds, so that a stop of the server waits for none. */
const turn = 5_000;

export const openSeals = (needs: SealNeeds) => {
  const { database, kms, clock, trail, log, columns = sealedColumns } = needs;
  const once = rewrapOnce({ database, kms, columns });
  let progress: RewrapProgress = { at: null, left: 0, rewrapped: 0, failed: 0 };
  let clean: { head: Buffer; at: number } | null = null;
  let next: { cursor: Cursor; head: Buffer } | null = null;
  let untold = 0;

  const run = async (options: PassOptions = {}): Promise<Pass> => {
    const before = { rewrapped: progress.rewrapped, failed: options.from ? progress.failed : 0 };
    const note = (pass: Pass) => {
      const failed = before.failed + pass.failed;
      const left = Math.max(0, pass.stale - pass.rewrapped - pass.changed - failed);
      progress = { at: clock.now(), left, rewrapped: before.rewrapped + pass.rewrapped, failed };
      options.progress?.(pass);
    };
    const pass = await once({ ...options, progress: note });
    note(pass);
    untold += pass.rewrapped;
    if (!pass.next && untold > 0) {
      const keyId = (await kms.currentHead()).subarray(2).toString();
      const data = { keyId, rewrapped: untold, failed: progress.failed };
      await trail.write(database, [trail.fact(houseOrigin, { type: 'seals.rewrapped', data, actorId: null })]);
      trail.committed();
      untold = 0;
    }
    return pass;
  };

  return {
    /** One pass over everything; what it did. A fact tells when one has come to its end and something was rewrapped. */
    rewrap: run,
    /** The pass of the background: a part of the rows at a time; with nothing left to do it looks again after an hour, or when the master key has changed. */
    rewrapSome: async (): Promise<void> => {
      const head = await kms.currentHead();
      const now = clock.now().getTime();
      if (clean?.head.equals(head) && Math.abs(now - clean.at) < hourMs) return;
      const pass = await run({
        limit: turn,
        // Behind a cursor of another master key all has to be looked at again.
        ...(next?.head.equals(head) && { from: next.cursor }),
        failed: (failure) => log.error(failure, 'a sealed value cannot be rewrapped, and stays as it is'),
      });
      next = pass.next && { cursor: pass.next, head };
      clean = next ? null : { head, at: now };
      if (pass.rewrapped > 0) log.info(pass, 'sealed values were rewrapped');
    },
    progress: (): RewrapProgress => progress,
    /** How many values name which master key: one that none names can be taken away. */
    keysInUse: async (): Promise<InUse[]> => (await Promise.all(columns.map((column) => keysInUse(database, column)))).flat(),
  };
};
