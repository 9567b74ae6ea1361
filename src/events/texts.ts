/** Text messages → the provider: the queue's task that opens what an operation sealed. */
import type { Post } from '../auth/letters/post.ts';
import { renderText } from '../auth/letters/render.ts';
import type { Texter } from '../infra/ports.ts';
import type { Task } from '../infra/postgres/queue.ts';
import { isSealed, LetterNotSent } from './letters.ts';

/** Delivers one text; a throw is the queue's to retry. Where no provider is configured any more it is dropped. */
export const deliverText =
  (needs: { post: Pick<Post, 'openText'>; texter: Texter | null }): Task =>
  async (payload) => {
    if (!isSealed(payload)) throw new LetterNotSent('?', 'is no sealed text');
    const text = await needs.post.openText(payload).catch(() => {
      throw new LetterNotSent(payload.id, 'does not open');
    });
    if (!needs.texter) throw new LetterNotSent(payload.id, 'cannot be sent: no SMS provider is configured');
    await needs.texter.send({ to: text.to, body: renderText(text) });
  };
