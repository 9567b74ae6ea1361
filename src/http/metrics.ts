/** What Prometheus reads at /metrics. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { openDurations } from './durations.ts';
import type { House } from './house.ts';
import { observeKms } from './kms-metrics.ts';
import { observeWebhooks } from './webhook-metrics.ts';

/** Only names of this list become labels: a method is the client's to choose, and each value is a series for ever. */
const methods = ['GET', 'HEAD', 'POST', 'OPTIONS'];

type Observed = Pick<House, 'hasher' | 'kms' | 'seals' | 'webhooks' | 'registry'>;
/** `registry`: where other doors of the house add theirs. */
export const openMetrics = ({ hasher, kms, seals, webhooks, registry = new Registry() }: Observed) => {
  // Process, heap, garbage collection and event loop lag.
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const requests = openDurations(registry, {
    name: 'latchkey_http_request_duration_seconds',
    help: 'Time from a request to the end of its answer',
  });
  // Handed to prom-client when it is asked, for the same reason.
  type Counts = Map<string, Map<string, number>>;
  const outcomes: Record<'http' | 'sse' | 'ws', Counts> = { http: new Map(), sse: new Map(), ws: new Map() };
  new Counter({
    name: 'latchkey_graphql_operations_total',
    help: 'GraphQL operations by their outcome: ok, or the code of their first error',
    labelNames: ['transport', 'type', 'outcome'],
    registers,
    collect() {
      for (const [transport, counts] of Object.entries(outcomes))
        for (const [type, ofType] of counts) {
          for (const [outcome, count] of ofType) this.inc({ transport, type, outcome }, count);
          ofType.clear();
        }
    },
  });
  const live = new Gauge({
    name: 'latchkey_graphql_live_connections',
    help: 'Open WebSockets and event streams',
    labelNames: ['transport'],
    registers,
  });
  if (hasher) {
    new Gauge({
      name: 'latchkey_password_hashes',
      help: 'Password hashes at work and waiting',
      labelNames: ['state'],
      registers,
      collect() {
        const { running, queued } = hasher.stats();
        this.set({ state: 'running' }, running);
        this.set({ state: 'queued' }, queued);
      },
    });
    let counted = 0;
    new Counter({
      name: 'latchkey_password_hashes_refused_total',
      help: 'Password hashes refused because the queue was full',
      registers,
      collect() {
        const { refused } = hasher.stats();
        this.inc(Math.max(0, refused - counted));
        counted = refused;
      },
    });
  }
  observeKms(registry, { kms, seals });
  observeWebhooks(registry, { webhooks });
  return {
    /** `seconds` is the whole of the request; `route` one of the router's own names. */
    request: (route: string, method: string | undefined, status: number, seconds: number): void => {
      const index = methods.indexOf(method ?? '');
      requests(route, status * 8 + index, () => ({ route, method: methods[index] ?? 'other', status }), seconds);
    },
    operation: (transport: 'http' | 'sse' | 'ws', type: string, outcome: string): void => {
      const counts = outcomes[transport];
      let ofType = counts.get(type);
      if (!ofType) {
        ofType = new Map();
        counts.set(type, ofType);
      }
      ofType.set(outcome, (ofType.get(outcome) ?? 0) + 1);
    },
    live: (transport: 'sse' | 'ws', change: 1 | -1): void => live.inc({ transport }, change),
    read: (): Promise<string> => registry.metrics(),
    contentType: registry.contentType,
  };
};
export type Metrics = ReturnType<typeof openMetrics>;
