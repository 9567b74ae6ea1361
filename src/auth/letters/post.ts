/**
 * Posting a letter or a text message: sealed before the transaction (it may carry a token, and job rows are readable by whoever reads the database),
 * queued inside it, sent by the back door (src/events) after it has committed.
 */
import type { Clock, Kms, Random, Sql } from '../../infra/ports.ts';
import { statement } from '../../infra/postgres/database.ts';
import type { Letter, Text } from './model.ts';

/** The queue's tasks that deliver, and their payload: `sealed` is base64 of the JSON of a `Letter` or a `Text`. */
export const letterTask = 'letter';
export const textTask = 'text';
export type SealedLetter = { id: string; sealed: string };

// Ten attempts with the backoff of the queue (e^n seconds) reach over more than three hours; a code is of no use that late.
const enqueue = statement(`SELECT graphile_worker.add_job($1::text, payload := $2::json, max_attempts := $3::int)`);
const attemptsOf = { [letterTask]: 10, [textTask]: 5 } as const;

export type Post = {
  /** Seals the letters; the function it gives queues them in the caller's transaction. Call it before the transaction opens. */
  prepare(...letters: Letter[]): Promise<(sql: Sql) => Promise<void>>;
  /** The same for a text message. */
  prepareText(text: Text): Promise<(sql: Sql) => Promise<void>>;
  /** What the queue's worker opens. Throws where the payload was not sealed here. */
  open(sealed: SealedLetter): Promise<Letter>;
  openText(sealed: SealedLetter): Promise<Text>;
};

export const openPost = (needs: { clock: Clock; random: Random; kms: Kms }): Post => {
  type Task = keyof typeof attemptsOf;
  const seal = async (purpose: Task, what: Letter | Text): Promise<SealedLetter> => {
    const id = needs.random.uuid(needs.clock.now());
    const sealed = await needs.kms.seal(Buffer.from(JSON.stringify(what)), { purpose, id });
    return { id, sealed: sealed.toString('base64') };
  };
  const queue = (task: Task, payloads: readonly SealedLetter[]) => async (sql: Sql) => {
    for (const payload of payloads) await sql.run(enqueue, [task, JSON.stringify(payload), attemptsOf[task]]);
  };
  const open = async (purpose: Task, { id, sealed }: SealedLetter) =>
    JSON.parse((await needs.kms.open(Buffer.from(sealed, 'base64'), { purpose, id })).toString());
  return {
    prepare: async (...letters) => queue(letterTask, await Promise.all(letters.map((letter) => seal(letterTask, letter)))),
    prepareText: async (text) => queue(textTask, [await seal(textTask, text)]),
    open: (sealed) => open(letterTask, sealed),
    openText: (sealed) => open(textTask, sealed),
  };
};
