/** What Prometheus reads at /metrics. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { House } from './house.ts';

/** Only names of this list become labels: a method is the client's to choose, and each value is a series for ever. */
const methods = new Set(['GET', 'HEAD', 'POST', 'OPTIONS']);

export const openMetrics = (hasher: House['hasher']) => {
  const registry = new Registry();
  // Process, heap, garbage collection and event loop lag.
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const requests = new Histogram({
    name: 'latchkey_http_request_duration_seconds',
    help: 'Time from a request to the end of its answer',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const operations = new Counter({
    name: 'latchkey_graphql_operations_total',
    help: 'GraphQL operations by their outcome: ok, or the code of their first error',
    labelNames: ['transport', 'type', 'outcome'],
    registers,
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
  return {
    /** `seconds` is the whole of the request; `route` one of the router's own names. */
    request: (route: string, method: string | undefined, status: number, seconds: number): void =>
      requests.observe({ route, method: method && methods.has(method) ? method : 'other', status }, seconds),
    operation: (transport: 'http' | 'sse' | 'ws', type: string, outcome: string): void => operations.inc({ transport, type, outcome }),
    live: (transport: 'sse' | 'ws', change: 1 | -1): void => live.inc({ transport }, change),
    read: (): Promise<string> => registry.metrics(),
    contentType: registry.contentType,
  };
};
export type Metrics = ReturnType<typeof openMetrics>;
