/** The shipped list of common passwords (./common.txt), held in memory: about 23,000 words, read once. */
import { readFileSync } from 'node:fs';

const lines = readFileSync(new URL('./common.txt', import.meta.url), 'utf8').split('\n');
const words: ReadonlySet<string> = new Set(lines.filter((line) => line !== '' && !line.startsWith('# ') && line !== '#'));

/**
 * Whether a lower-case password is on the list, or is a word of the list with no more digits and signs after it than the word is long:
 * `monkey123456` is the first thing tried after `monkey`, while a word before a long random tail is as good as the tail.
 */
export const isCommon = (password: string): boolean => {
  const stem = password.replace(/[\p{N}\p{P}\p{S}]+$/u, '');
  return words.has(password) || (words.has(stem) && password.length <= 2 * stem.length);
};
