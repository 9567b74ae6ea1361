import { createHash } from 'node:crypto';
import type { Breaches, Log } from '../ports.ts';
import { createBreaker } from './breaker.ts';

const longestAnswer = 1_048_576;

/** The answer's text, or an Error when it is longer than any range is (about 40 KB, padded 60 KB). */
const readBounded = async (answer: Response): Promise<string> => {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of answer.body ?? []) {
    size += part.length;
    if (size > longestAnswer) throw new Error('the breach service answered too much');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('latin1');
};

/** The count beside `suffix` in lines of `SUFFIX:COUNT`; padding lines count 0. */
const countIn = (lines: string, suffix: string): number => {
  const line = lines.split('\n').find((each) => each.slice(0, suffix.length).toUpperCase() === suffix);
  if (line === undefined) return 0;
  const count = Number(line.slice(suffix.length + 1));
  if (line[suffix.length] !== ':' || !Number.isInteger(count)) throw new Error('the breach service answered in another form');
  return count;
};

/**
 * Asks a Pwned-Passwords range API (https://haveibeenpwned.com/API/v3#SearchingPwnedPasswordsByRange): GET {url}/range/{5 hex digits of the
 * SHA-1}; padded, so the answer's length tells nothing either. Fails open: null after `timeoutMs`, on any fault, and for 30 s after five
 * faults in a row. Without a url it is not enabled.
 */
export const createBreaches = ({ url, timeoutMs = 1_500 }: { url: string | undefined; timeoutMs?: number }, log: Log): Breaches => {
  if (url === undefined) return { enabled: false, count: async () => null };
  const breaker = createBreaker();

  const ask = async (password: string): Promise<number> => {
    const digest = createHash('sha1').update(password).digest('hex').toUpperCase();
    const answer = await fetch(`${url}/range/${digest.slice(0, 5)}`, {
      headers: { 'Add-Padding': 'true', 'User-Agent': 'latchkey' },
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (answer.status !== 200) {
      await answer.body?.cancel();
      throw new Error(`the breach service answered ${answer.status}`);
    }
    return countIn(await readBounded(answer), digest.slice(5));
  };

  return {
    enabled: true,
    async count(password) {
      if (breaker.isOpen()) return null;
      try {
        const count = await ask(password);
        breaker.succeeded();
        return count;
      } catch (error) {
        breaker.failed();
        log.warn({ error }, 'a password could not be checked for breaches');
        return null;
      }
    },
  };
};
