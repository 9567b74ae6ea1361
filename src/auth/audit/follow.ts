/**
 * A subscriber's stream of facts: what came after `after` from the log, then live, without a gap or a repeat (DESIGN 7). It ends with
 * the subscriber's session. Each stream has its own bounded queue: a reader that stops reading is dropped and may resume, and nobody
 * else notices.
 */
import type { Clock, Database } from '../../infra/ports.ts';
import { Unavailable } from '../../infra/ports.ts';
import { badRequest, forbidden } from '../access/denial.ts';
import type { SignedInCaller } from '../caller.ts';
import { isUuid } from '../paging.ts';
import type { Feed } from './feed.ts';
import { type CommittedFact, isAfter, type Position } from './model.ts';
import { findLeastKept, findPosition, readAfter } from './store.ts';

/** Facts a stream may be behind before it is dropped. */
export const queueLimit = 1000;
const replayBatch = 200;

export type FollowNeeds = {
  database: Database;
  feed: Feed;
  /** Calls back once when the session ends, by revocation or by time. */
  watchSession: (sessionId: string, tell: () => void) => () => void;
  /** Calls back when what the user may has changed: a stream that was opened on it ends, and may be asked for again. */
  watchPermissions: (userId: string, tell: () => void) => () => void;
  /** When the first of the user's permissions ends by itself; null: none does. */
  permissionsEnd: (userId: string) => Promise<Date | null>;
  permissionsOf: (userId: string) => Promise<ReadonlySet<string>>;
  mayActAs: (adminId: string, userId: string) => Promise<boolean>;
  clock: Clock;
};
/** `orgId`: the organization whose facts they are, if any: nothing older than it keeps is told. `as` makes of an accepted fact what the stream gives. */
export type FollowOptions<T> = {
  after?: string | null;
  orgId?: string | null;
  /** Whether the stream may be given to its caller with these permissions on the platform. */
  may: (held: ReadonlySet<string>) => Promise<boolean>;
  accept: (fact: CommittedFact) => boolean;
  as: (fact: CommittedFact) => T;
};
export type Follow = <T>(caller: SignedInCaller, options: FollowOptions<T>) => Promise<AsyncGenerator<T, void, undefined>>;

/** Throws the denial BAD_REQUEST where `after` names no event. */
export const follow =
  (needs: FollowNeeds): Follow =>
  async <T>(caller: SignedInCaller, options: FollowOptions<T>): Promise<AsyncGenerator<T, void, undefined>> => {
    const { database, feed, watchSession, watchPermissions, permissionsEnd, permissionsOf, mayActAs, clock } = needs;
    const { after, orgId, may, accept, as } = options;
    let start: Position | null = null;
    if (after != null) {
      start = isUuid(after) ? await findPosition(database, after) : null;
      if (!start) throw badRequest('after is not the id of an event.');
    }
    // What comes live is younger.
    const least = (start && orgId && (await findLeastKept(database, orgId, clock.now()))) || '';

    let queue: CommittedFact[] = [];
    let state: 'open' | 'ended' | 'overrun' = 'open';
    let replaying = start !== null;
    let missed = false;
    let wake = () => {};

    const hear = (facts: readonly CommittedFact[]) => {
      // One that was dropped may never be read again: nothing more is kept for it.
      if (state !== 'open') return;
      for (const fact of facts) if (accept(fact)) queue.push(fact);
      if (queue.length > queueLimit) {
        queue = [];
        // While the log is replayed it is there to be read again; live, only the reader can be slow.
        if (replaying) missed = true;
        else state = 'overrun';
      }
      wake();
    };
    const { sessionId, userId, impersonatorId } = caller.identity;
    // Also of the administrator who acts as the user, and may lose that.
    const people = impersonatorId === null ? [userId] : [userId, impersonatorId];
    const ends = (await Promise.all(people.map(permissionsEnd))).filter((end) => end !== null);
    const until = ends.length === 0 ? null : new Date(Math.min(...ends.map((end) => end.getTime())));
    const stopListening = await feed.listen(hear);
    const over = () => {
      state = 'ended';
      wake();
    };
    const watches = [watchSession(sessionId, over), ...people.map((id) => watchPermissions(id, over))];
    /** A grant that has ended shows nothing more. */
    const isOver = (): boolean => state === 'ended' || (until !== null && clock.now() >= until);
    const close = () => {
      state = 'ended';
      stopListening();
      for (const stop of watches) stop();
      wake();
    };

    /** Asked once the watches are there: what was taken away since the caller was known has been heard by nobody. */
    const stands = async (): Promise<boolean> => {
      if (impersonatorId !== null && !(await mayActAs(impersonatorId, userId))) return false;
      const held = await permissionsOf(userId);
      return may(new Set([...caller.permissions].filter((permission) => held.has(permission))));
    };
    try {
      if (!(await stands())) throw forbidden('This may not be followed any more.');
    } catch (error) {
      close();
      throw error;
    }

    async function* replay(from: Position): AsyncGenerator<T, Position, undefined> {
      let position = from;
      for (;;) {
        missed = false;
        const facts = await readAfter(database, position, replayBatch);
        for (const fact of facts) {
          if (state !== 'open' || isOver()) return position;
          position = { tx: fact.tx, seq: fact.seq };
          if (fact.id >= least && accept(fact)) yield as(fact);
        }
        if (facts.length >= replayBatch || missed) continue;
        // In one turn with the question: what comes from now on is kept, or ends the stream.
        replaying = false;
        return position;
      }
    }

    async function* stream(): AsyncGenerator<T, void, undefined> {
      try {
        let last: Position | null = start && (yield* replay(start));
        for (;;) {
          if (state === 'overrun') throw new Unavailable('this reader is too slow: resume with after', 1);
          if (isOver()) return;
          const fact = queue.shift();
          if (!fact) {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          } else if (!last || isAfter(fact, last)) {
            last = fact;
            yield as(fact);
          }
        }
      } finally {
        close();
      }
    }

    const facts = stream();
    // A generator that waits for a fact would only see `return` at the next one: an unsubscribed stream must let go at once.
    const end = facts.return.bind(facts);
    facts.return = (value) => {
      close();
      return end(value);
    };
    return facts;
  };
