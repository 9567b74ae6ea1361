/** Streams of facts as the domain gives them, and facts written by hand. */
import type { CommittedFact, FactRow, FactType } from '../../src/auth/audit/model.ts';
import { openTrail } from '../../src/auth/audit/record.ts';
import { writeFacts } from '../../src/auth/audit/store.ts';
import type { Sql } from '../../src/infra/ports.ts';
import { stranger } from './caller.ts';
import type { World } from './world.ts';

export type Reader = {
  /** Ids of what has come so far. */
  readonly ids: string[];
  readonly types: string[];
  /** Null while it is open; 'ended', or the message it was dropped with. */
  over: string | null;
  /** Resolves once `count` have come or it is over; throws after `withinMs`. */
  until(count: number, withinMs?: number): Promise<string[]>;
  /** Unsubscribes. */
  stop(): Promise<void>;
};

/** Reads a stream to its end. */
export const readAll = (stream: AsyncGenerator<Pick<FactRow, 'id' | 'type'>, void, undefined>): Reader => {
  const [ids, types]: [string[], string[]] = [[], []];
  let changed = () => {};
  const reader: Reader = {
    ids,
    types,
    over: null,
    until: async (count, withinMs = 8000) => {
      const deadline = Date.now() + withinMs;
      while (ids.length < count && reader.over === null) {
        const left = deadline - Date.now();
        if (left <= 0) throw new Error(`${ids.length} facts of ${count} came within ${withinMs} ms`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, left);
          changed = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      return ids;
    },
    stop: async () => void (await stream.return()),
  };
  void (async () => {
    try {
      for await (const fact of stream) {
        ids.push(fact.id);
        types.push(fact.type);
        changed();
      }
      reader.over = 'ended';
    } catch (error) {
      reader.over = (error as Error).message;
    }
    changed();
  })();
  return reader;
};

/** Facts about `subjectId`, not yet written. */
export const factsAbout = (world: Pick<World, 'house'>, subjectId: string, count: number, type: FactType = 'user.updated'): FactRow[] => {
  const trail = openTrail(world.house.infra);
  const fact = { type, data: { fields: [] }, actorId: null, subjectId } as never;
  return Array.from({ length: count }, () => trail.fact(stranger(), fact));
};
/** Writes them in one transaction, and tells the readers of this process. */
export const write = async (
  world: Pick<World, 'house'>,
  facts: readonly FactRow[],
  sql: Sql = world.house.infra.database,
): Promise<void> => {
  await writeFacts(sql, facts);
  openTrail(world.house.infra).committed();
};

/**
 * Waits until readers may have all that has been committed: a transaction that is open anywhere on the server, also in the database of
 * another test, holds the log's readers back. What is followed after this begins with what comes after this.
 */
export const settled = async (world: Pick<World, 'sql'>): Promise<void> => {
  const waiting = 'SELECT 1 FROM audit_events WHERE tx >= pg_snapshot_xmin(pg_current_snapshot()) LIMIT 1';
  while ((await world.sql(waiting)).length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
};

/** Everything about `subjectId` in commit order. */
export const committed = async (world: Pick<World, 'sql'>, subjectId: string): Promise<string[]> =>
  (await world.sql<CommittedFact>('SELECT id FROM audit_events WHERE subject_id = $1 ORDER BY tx, seq', [subjectId])).map(
    (fact) => fact.id,
  );
