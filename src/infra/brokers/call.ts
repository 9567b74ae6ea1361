/**
 * How brokers are asked over HTTP: bounded in time and size, no redirects, JSON of a known form, a few retries of what may be retried,
 * and a circuit breaker. Whatever goes wrong is told by a code: answers and requests hold credentials.
 */
import {
  BrokenCircuitError,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleType,
  retry,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel';
import type { Log } from '../ports.ts';

export type CallSettings = { url: string; timeoutMs: number; retries: number };
export type Call = {
  method: 'GET' | 'POST';
  path: string;
  headers: Record<string, string>;
  form?: Record<string, string>;
  /** Whether the broker may get it twice. If not, it is sent again only where it cannot have arrived. */
  repeatable: boolean;
};
export type Told = { status: number; body: unknown };
/** The broker could not be asked, or did not answer as it should. */
export type Away = { kind: 'BrokerUnavailable'; retryAfterSeconds: number };

const longestAnswer = 65_536;
const failuresToOpen = 5;
const openSeconds = 30;
const awaySeconds = 5;
/** What a connection fails with before a byte of the request has left. */
const unsent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']);

/** `again`: it may be tried once more at once. `counts`: it speaks of the broker, and not of whom it was asked for. */
class Fault extends Error {
  override readonly name = 'BrokerFault';
  readonly code: string;
  readonly again: boolean;
  readonly counts: boolean;
  constructor(broker: string, code: string, { again = false, counts = true } = {}) {
    super(`${broker} could not be asked (${code})`);
    this.code = code;
    this.again = again;
    this.counts = counts;
  }
}

/** The code of a broken connection; null for anything else (a time that is over, a redirect). */
const brokenBy = (fault: unknown): string | null => {
  const { cause } = fault as { cause?: { code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : null;
};

const readBounded = async (answer: Response): Promise<string | null> => {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of answer.body ?? []) {
    size += part.length;
    if (size > longestAnswer) return null;
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
};
const parse = (text: string | null): unknown => {
  try {
    return text === null ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
};

/**
 * `ask` gives what `read` makes of an answer, or `BrokerUnavailable`: no answer in `timeoutMs` (which is not waited for again: somebody is
 * waiting here), a fault of the broker's after `retries` more attempts, an answer of which `read` makes nothing (undefined), and for 30 s
 * after five of them in a row. The breaker counts calls, not attempts, and no 4xx: there the broker is, and brokers limit each key by itself, so
 * that one user with a key that is worn out would cost all others the broker.
 */
export const createCaller = (broker: string, { url, timeoutMs, retries }: CallSettings, log: Log) => {
  const again = retry(
    handleType(Fault, (fault) => fault.again),
    { maxAttempts: retries, backoff: new ExponentialBackoff({ initialDelay: 150, maxDelay: 2_000 }) },
  );
  const breaker = circuitBreaker(
    handleType(Fault, (fault) => fault.counts),
    {
      halfOpenAfter: openSeconds * 1000,
      breaker: new ConsecutiveBreaker(failuresToOpen),
    },
  );
  const policy = wrap(breaker, again, timeout(timeoutMs, TimeoutStrategy.Cooperative));

  const send = async ({ method, path, headers, form, repeatable }: Call, signal: AbortSignal): Promise<Told> => {
    let status: number;
    let text: string | null;
    try {
      const answer = await fetch(`${url}${path}`, {
        method,
        headers: { accept: 'application/json', 'user-agent': 'latchkey', ...headers },
        ...(form && { body: new URLSearchParams(form) }),
        redirect: 'error',
        signal,
      });
      status = answer.status;
      text = await readBounded(answer);
    } catch (cause) {
      const code = brokenBy(cause);
      const told = signal.aborted ? 'timeout' : (code ?? (cause as Error).name);
      throw new Fault(broker, told, { again: !signal.aborted && code !== null && (repeatable || unsent.has(code)) });
    }
    if (status === 429 || status >= 500) throw new Fault(broker, String(status), { again: repeatable, counts: status !== 429 });
    return { status, body: parse(text) };
  };

  return {
    ask: async <T>(call: Call, read: (told: Told) => T | undefined): Promise<T | Away> => {
      try {
        return await policy.execute(async ({ signal }) => {
          const told = await send(call, signal);
          const made = read(told);
          if (made === undefined) throw new Fault(broker, `${told.status}, in another form`, { counts: told.status < 400 });
          return made;
        });
      } catch (error) {
        if (error instanceof BrokenCircuitError) return { kind: 'BrokerUnavailable', retryAfterSeconds: openSeconds };
        if (!(error instanceof Fault)) throw error;
        log.warn({ broker, code: error.code }, 'a broker could not be asked');
        return { kind: 'BrokerUnavailable', retryAfterSeconds: awaySeconds };
      }
    },
  };
};
