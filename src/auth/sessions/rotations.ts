/**
 * Refreshes that come while others are being written are written together: one statement and one commit for all that have gathered. A
 * refresh that comes alone goes at once. Each still moves, or does not, by its own conditions.
 */
import { type Database, Unavailable } from '../../infra/ports.ts';
import type { Granted } from './model.ts';
import { type Rotation, rotateSession, rotateSessions } from './store.ts';

/** Statements at work at once: one commits while the next one is gathered and computed. */
const lanes = 2;
const most = 64;

type Waiting = Rotation & { settle(state: Granted | undefined): void; fail(error: unknown): void };
export type Rotations = ReturnType<typeof openRotations>;

export const openRotations = ({ database }: { database: Database }) => {
  let waiting: Waiting[] = [];
  let running = 0;
  let due = false;

  const alone = (one: Waiting): Promise<void> => rotateSession(database, one).then(one.settle, one.fail);

  const together = async (batch: readonly Waiting[]): Promise<void> => {
    const moved = await rotateSessions(database, batch);
    const bySession = new Map(moved.map((state) => [state.session_id, state]));
    for (const one of batch) one.settle(bySession.get(one.token.sessionId));
  };

  const write = async (batch: readonly Waiting[]): Promise<void> => {
    const [first] = batch;
    if (first && batch.length === 1) return alone(first);
    try {
      await together(batch);
    } catch (error) {
      // Away is away for all; anything else is one's own, and shall not be the others'.
      if (error instanceof Unavailable) for (const one of batch) one.fail(error);
      else await Promise.all(batch.map(alone));
    }
  };

  /** Of several refreshes of one session one is in a batch: the next finds what that one did. */
  const take = (): Waiting[] => {
    const batch = new Map<string, Waiting>();
    const left: Waiting[] = [];
    for (const one of waiting) {
      if (batch.size < most && !batch.has(one.token.sessionId)) batch.set(one.token.sessionId, one);
      else left.push(one);
    }
    waiting = left;
    return [...batch.values()];
  };

  const go = (): void => {
    due = false;
    while (running < lanes && waiting.length > 0) {
      running += 1;
      void write(take()).finally(() => {
        running -= 1;
        go();
      });
    }
  };

  return {
    /** The session as it is after the rotation; undefined where it did not move. Throws `Unavailable`. */
    rotate: (rotation: Rotation): Promise<Granted | undefined> =>
      new Promise((settle, fail) => {
        waiting.push({ ...rotation, settle, fail });
        // What else came in this turn of the event loop goes along.
        if (!due && running < lanes) {
          due = true;
          setImmediate(go);
        }
      }),
  };
};
