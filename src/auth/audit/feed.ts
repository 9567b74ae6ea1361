/**
 * The log as it grows, in commit order, read once per process however many listen. The back door (src/events/tail.ts) says when to
 * look; nobody listening costs nothing.
 */
import type { Database } from '../../infra/ports.ts';
import type { CommittedFact, Position } from './model.ts';
import { readAfter, readEnd } from './store.ts';

const batch = 500;
export type Hear = (facts: readonly CommittedFact[]) => void;
export type Feed = ReturnType<typeof openFeed>;

export const openFeed = ({ database }: { database: Database }) => {
  const listeners = new Set<Hear>();
  let position: Position | null = null;
  let starting: Promise<Position> | null = null;
  let pumping: Promise<void> | null = null;

  const pump = async (): Promise<void> => {
    while (position && listeners.size > 0) {
      const from: Position = position;
      const facts: CommittedFact[] = await readAfter(database, from, batch);
      const last = facts.at(-1);
      // Meanwhile all listeners may have left, and others come, who begin somewhere else.
      if (!last || position !== from) return;
      position = { tx: last.tx, seq: last.seq };
      for (const hear of listeners) hear(facts);
      if (facts.length < batch) return;
    }
  };

  return {
    /** Every fact that becomes readable after this resolves; the function given ends it. */
    listen: async (hear: Hear): Promise<() => void> => {
      if (!position) {
        starting ??= readEnd(database).finally(() => {
          starting = null;
        });
        const end = await starting;
        position ??= end;
      }
      listeners.add(hear);
      return () => {
        listeners.delete(hear);
        if (listeners.size === 0) position = null;
      };
    },
    /** Looks once, after a look that is under way. */
    pump: async (): Promise<void> => {
      await pumping?.catch(() => {});
      pumping ??= pump().finally(() => {
        pumping = null;
      });
      return pumping;
    },
    listening: (): boolean => listeners.size > 0,
  };
};
