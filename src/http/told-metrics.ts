import { Counter, Gauge, type Registry } from 'prom-client';

/** Metrics whose values the house knows: asked for when they are read. */
export const toldMetrics = (registry: Registry) => {
  const registers = [registry];
  return {
    gauge: (name: string, help: string, value: () => number): void => {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(value());
        },
      });
    },
    /** `total` is what there has been so far. */
    counter: (name: string, help: string, total: () => number): void => {
      let counted = 0;
      new Counter({
        name,
        help,
        registers,
        collect() {
          const now = total();
          this.inc(Math.max(0, now - counted));
          counted = now;
        },
      });
    },
  };
};
