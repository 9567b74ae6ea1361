/** Compares two secrets in a time that tells nothing of where they differ, nor of their lengths. */
import { createHash, timingSafeEqual } from 'node:crypto';

export const sameSecret = (given: string, wanted: string): boolean => {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
};
