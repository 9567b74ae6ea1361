/** The door of the webhooks room. */
import { type CreateNeeds, createWebhook } from './create.ts';
import { deleteWebhook } from './delete.ts';
import { type Attempted, type DeliverNeeds, deliverWebhook } from './deliver.ts';
import { listDeliveries, listWebhooks } from './list.ts';
import { keptDays } from './model.ts';
import { projectWebhooks } from './project.ts';
import { type Claim, type ClaimRequest, claimDue, countWaiting, sweepDeliveries } from './queue-store.ts';
import { type RedeliverNeeds, redeliverWebhook } from './redeliver.ts';
import { anyEnabled } from './store.ts';

export type WebhooksNeeds = CreateNeeds & DeliverNeeds & RedeliverNeeds;
export type Webhooks = ReturnType<typeof openWebhooks>;
/** What this process has done, and what waited when it last looked. */
export type WebhookProgress = { delivered: number; failed: number; waiting: number };

/** Longer than an attempt can take: a claim that is older was a killed process's. */
const leaseMs = 60_000;

export const openWebhooks = (needs: WebhooksNeeds) => {
  const { database, clock, random } = needs;
  const attempt = deliverWebhook(needs);
  const progress: WebhookProgress = { delivered: 0, failed: 0, waiting: 0 };
  return {
    list: listWebhooks(needs),
    deliveries: listDeliveries(needs),
    create: createWebhook(needs),
    delete: deleteWebhook(needs),
    redeliver: redeliverWebhook(needs),
    progress: (): WebhookProgress => progress,
    sweep: (): Promise<void> => sweepDeliveries(database, new Date(clock.now().getTime() - keptDays * 86_400_000)),
    /** For the back door alone. */
    work: {
      /** Whether there is anybody to send to. */
      any: (): Promise<boolean> => anyEnabled(database),
      project: projectWebhooks(needs),
      count: async (): Promise<void> => {
        progress.waiting = await countWaiting(database);
      },
      claim: (asked: Pick<ClaimRequest, 'failing' | 'perEndpoint' | 'running' | 'perOwner' | 'owners' | 'room'>): Promise<Claim[]> => {
        const now = clock.now();
        return claimDue(database, { ...asked, now, lease: random.uuid(now), until: new Date(now.getTime() + leaseMs) });
      },
      deliver: async (claim: Claim, stopping: AbortSignal): Promise<Attempted> => {
        const ended = await attempt(claim, stopping);
        if (ended === 'Delivered') progress.delivered += 1;
        if (ended === 'Failed') progress.failed += 1;
        return ended;
      },
    },
  };
};
