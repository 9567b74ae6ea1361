import type { Registry } from 'prom-client';
import type { House } from './house.ts';
import { toldMetrics } from './told-metrics.ts';

/** What /metrics tells of webhooks. */
export const observeWebhooks = (registry: Registry, { webhooks }: Pick<House, 'webhooks'>): void => {
  if (!webhooks) return;
  const { gauge, counter } = toldMetrics(registry);
  counter(
    'latchkey_webhooks_delivered_total',
    'Webhooks that were answered by 2xx, sent by this process',
    () => webhooks.progress().delivered,
  );
  counter('latchkey_webhooks_failed_total', 'Attempts of this process to send a webhook that failed', () => webhooks.progress().failed);
  gauge(
    'latchkey_webhooks_waiting',
    'Webhooks that are still to be sent, as this process last saw, counted to 10,000',
    () => webhooks.progress().waiting,
  );
};
