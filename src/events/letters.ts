/** Letters → mail: the queue's task that opens what an operation sealed, writes it and hands it to the mail server. */
import type { Post, SealedLetter } from '../auth/letters/post.ts';
import { renderLetter } from '../auth/letters/render.ts';
import type { Mailer } from '../infra/ports.ts';
import type { Task } from '../infra/postgres/queue.ts';

/** A letter that was not delivered. Says no more than the protocol's codes: a server's answer repeats addresses. */
export class LetterNotSent extends Error {
  override readonly name = 'LetterNotSent';
  readonly code: string | undefined;
  constructor(id: string, reason: string, code?: string) {
    super(`the letter ${id} ${reason}${code ? ` (${code})` : ''}`);
    this.code = code;
  }
}

const codeOf = (error: unknown): string | undefined => {
  const { code, responseCode } = error as { code?: unknown; responseCode?: unknown };
  return [code, responseCode].filter((part) => typeof part === 'string' || typeof part === 'number').join(' ') || undefined;
};

export const isSealed = (payload: unknown): payload is SealedLetter => {
  const { id, sealed } = (payload ?? {}) as Partial<Record<string, unknown>>;
  return typeof id === 'string' && typeof sealed === 'string';
};

/**
 * Delivers one letter; a throw is the queue's to retry, and after the last attempt the letter is dropped. `host` is the right-hand side of
 * Message-ID: its left is the letter's own id, so that of a letter that was sent twice mailboxes show one (RFC 5322 §3.6.4).
 */
export const deliverLetter =
  (needs: { post: Pick<Post, 'open'>; mailer: Pick<Mailer, 'send'>; host: string }): Task =>
  async (payload) => {
    if (!isSealed(payload)) throw new LetterNotSent('without an id', 'is no sealed letter');
    const { id } = payload;
    const letter = await needs.post.open(payload).catch((error) => {
      throw new LetterNotSent(id, 'does not open', codeOf(error));
    });
    const { subject, text, html, locale } = renderLetter(letter);
    await needs.mailer.send({ to: letter.to, subject, text, html, locale, messageId: `<${id}@${needs.host}>` }).catch((error) => {
      throw new LetterNotSent(id, 'was not taken by the mail server', codeOf(error));
    });
  };
