/**
 * Posting a letter: sealed before the transaction (it may carry a token, and job rows are readable by whoever reads the database),
 * queued inside it, sent by the back door (src/events) after it has committed.
 */
import type { Clock, Kms, Random, Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import type { Letter } from './model.ts';

/** The queue's task that delivers a letter, and its payload: `sealed` is base64 of the JSON of a `Letter`. */
export const letterTask = 'letter';
export type SealedLetter = { id: string; sealed: string };

// Ten attempts with the backoff of the queue (e^n seconds) reach over more than three hours.
const enqueue = statement(`SELECT graphile_worker.add_job($1::text, payload := $2::json, max_attempts := 10)`);

export type Post = {
  /** Seals the letters; the function it gives queues them in the caller's transaction. Call it before the transaction opens. */
  prepare(...letters: Letter[]): Promise<(sql: Sql) => Promise<void>>;
  /** What the queue's worker opens. Throws where the payload was not sealed here. */
  open(sealed: SealedLetter): Promise<Letter>;
};

export const openPost = (needs: { clock: Clock; random: Random; kms: Kms }): Post => ({
  prepare: async (...letters) => {
    const payloads = await Promise.all(
      letters.map(async (letter): Promise<SealedLetter> => {
        const id = needs.random.uuid(needs.clock.now());
        const sealed = await needs.kms.seal(Buffer.from(JSON.stringify(letter)), { purpose: 'letter', id });
        return { id, sealed: sealed.toString('base64') };
      }),
    );
    return async (sql) => {
      for (const payload of payloads) await sql.run(enqueue, [letterTask, JSON.stringify(payload)]);
    };
  },
  open: async ({ id, sealed }) => JSON.parse((await needs.kms.open(Buffer.from(sealed, 'base64'), { purpose: 'letter', id })).toString()),
});
