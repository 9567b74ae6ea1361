/** A clock that tests move; it runs on by itself, as the system's does. */
import type { Clock } from '../../src/infra/ports.ts';

export type MovableClock = Clock & { move(seconds: number): void };

export const movableClock = (): MovableClock => {
  let offset = 0;
  return {
    now: () => new Date(Date.now() + offset),
    move: (seconds) => {
      offset += seconds * 1000;
    },
  };
};
