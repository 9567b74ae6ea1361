/** The same event once more, at once, under the same webhook-id: whether it was delivered, waits or was given up. */
import type { Clock, Database, Fanout, Limiter, Rate } from '../../infra/ports.ts';
import { rateLimited } from '../access/denial.ts';
import type { AuditTrail } from '../audit/record.ts';
import { findFact } from '../audit/store.ts';
import type { Caller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { parseId } from '../paging.ts';
import { webhookTopic } from './create.ts';
import { type EnterNeeds, reachEndpoint } from './enter.ts';
import { type Delivery, hostOf, resourceOf } from './model.ts';
import { findDelivery, requeueDelivery } from './queue-store.ts';

export type RedeliverNeeds = EnterNeeds & { database: Database; clock: Clock; fanout: Fanout; limiter: Limiter; trail: AuditTrail };
/** Of one endpoint: each is a fact, and a request to somebody. */
const redeliveries: Rate = { limit: 100, seconds: 3_600 };
export type Redelivered = { readonly kind: 'WebhookDelivery' } & Delivery;

/** Throws the denial RATE_LIMITED. NotFound also where the endpoint is disabled, or the event no longer kept. */
export const redeliverWebhook =
  (needs: RedeliverNeeds) =>
  async (caller: Caller, input: { deliveryId: string }): Promise<Redelivered | Refused<'NotFound'>> => {
    const { database, clock, fanout, limiter, trail } = needs;
    const id = parseId(input.deliveryId);
    const placed = id === null ? undefined : await findDelivery(database, id);
    if (!id || !placed || !(await reachEndpoint(needs, caller, placed))) return { kind: 'NotFound' };
    const { orgId, eventId, endpointId, url } = placed;
    if (!(await findFact(database, eventId, orgId, clock.now()))) return { kind: 'NotFound' };
    const place = await limiter.take(`redelivered:${endpointId}`, redeliveries);
    if (!place.allowed) throw rateLimited(place.retryAfterSeconds);
    const delivery = await database.transaction(async (sql) => {
      const queued = await requeueDelivery(sql, id, orgId, clock.now());
      const data = { host: hostOf(url), delivery: id, event: eventId };
      const fact = { type: 'webhook.redelivered', data, orgId, subjectId: null, resource: resourceOf(endpointId) } as const;
      if (queued) await trail.write(sql, [trail.fact(caller, fact)]);
      return queued;
    });
    if (!delivery) return { kind: 'NotFound' };
    trail.committed();
    fanout.publish(webhookTopic, 1);
    return { kind: 'WebhookDelivery', ...delivery };
  };
