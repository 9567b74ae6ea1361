/** Reads a request's body up to a limit. */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { limits } from './limits.ts';

export type Body = { readonly text: string } | { readonly refused: 400 | 413; readonly message: string };

const tooLarge: Body = { refused: 413, message: `The body is too large (at most ${limits.bodyBytes} bytes).` };
const notUtf8: Body = { refused: 400, message: 'The body is not UTF-8.' };

/** Resolves once the body is there or is known to be too large; null when the client went away in the middle. */
export const readBody = (req: IncomingMessage): Promise<Body | null> =>
  new Promise((resolve) => {
    if (Number(req.headers['content-length']) > limits.bodyBytes) return resolve(tooLarge);
    const chunks: Buffer[] = [];
    let size = 0;
    req.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limits.bodyBytes) return chunks.push(chunk);
      chunks.length = 0;
      resolve(tooLarge);
      return req.pause();
    });
    req.on('end', () => {
      const bytes = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
      // RFC 8259 §8.1; decoding would put U+FFFD into somebody's password without a word.
      resolve(isUtf8(bytes) ? { text: bytes.toString('utf8') } : notUtf8);
    });
    req.on('error', () => resolve(null));
  });
