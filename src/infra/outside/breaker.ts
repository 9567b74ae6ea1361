const failuresToOpen = 5;
const openMs = 30_000;

/**
 * A circuit breaker: open for 30 s after five failures in a row. Then calls pass again, and the next failure opens it again.
 * Time is the process' monotonic one: a breaker measures a duration, and is no fact of the domain.
 */
export const createBreaker = (now: () => number = () => performance.now()) => {
  let failures = 0;
  let openUntil = Number.NEGATIVE_INFINITY;
  return {
    isOpen: (): boolean => now() < openUntil,
    succeeded() {
      failures = 0;
    },
    failed() {
      failures += 1;
      if (failures >= failuresToOpen) openUntil = now() + openMs;
    },
  };
};
