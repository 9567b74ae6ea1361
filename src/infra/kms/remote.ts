/** How a KMS over the network is called: in bounded time, again where that may help, and not at all for a while where it does not answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createBreaker } from '../outside/breaker.ts';
import { Unavailable } from '../ports.ts';

const attempts = 3;
const pauseMs = 100;

/** It did not answer, or answered that it cannot now: worth another try. `code` is all that is told of what happened. */
export class Transient extends Error {
  override readonly name = 'Transient';
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** It answered that it will not: the configuration, or what this process may, is wrong. For an operator to mend, so no try helps. */
export class Refused extends Unavailable {}

export type Remote = {
  /** What `work` gives; it is run three times at most, each within `timeoutMs`, with pauses at random (full jitter). Throws `Unavailable`. */
  call<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  isAway(): boolean;
};

/** `name` is what errors call it. What `work` throws goes through as it is, but for `Transient`. */
export const createRemote = ({ name, timeoutMs }: { name: string; timeoutMs: number }): Remote => {
  const breaker = createBreaker();
  return {
    isAway: breaker.isOpen,
    async call(work) {
      for (let attempt = 1; ; attempt += 1) {
        if (breaker.isOpen()) throw new Unavailable(`${name} does not answer`, 30);
        try {
          const done = await work(AbortSignal.timeout(timeoutMs));
          breaker.succeeded();
          return done;
        } catch (error) {
          if (!(error instanceof Transient)) {
            breaker.succeeded();
            throw error;
          }
          breaker.failed();
          if (attempt === attempts) throw new Unavailable(`${name} does not answer (${error.code})`, 5);
          await sleep(Math.random() * pauseMs * 2 ** attempt);
        }
      }
    },
  };
};

/** Of a failed request the code alone: what came instead of an answer may repeat what was sent. */
export const codeOf = (fault: unknown): string => {
  const { name, code, cause } = (fault ?? {}) as { name?: string; code?: unknown; cause?: { code?: unknown } };
  const given = cause?.code ?? code;
  return typeof given === 'string' ? given : (name ?? 'unknown');
};

/** `look`'s answer, kept for `ms`; those who ask meanwhile wait for one look together. */
export const remembered = <T>(look: () => Promise<T>, ms: number) => {
  let known: { value: T; until: number } | undefined;
  let looking: Promise<T> | undefined;
  const know = (value: T): T => {
    known = { value, until: performance.now() + ms };
    return value;
  };
  return {
    know,
    /** What was known last, however old. */
    last: (): T | undefined => known?.value,
    get: async (): Promise<T> => {
      if (known && performance.now() < known.until) return known.value;
      looking ??= look()
        .then(know)
        .finally(() => {
          looking = undefined;
        });
      return looking;
    },
  };
};
