/** The nouns of webhooks, what callers give the room, and how its operations end. */
import type { Webhooks } from '../../auth/webhooks/index.ts';
import type { Delivery, Endpoint } from '../../auth/webhooks/model.ts';
import { builder, Node } from '../builder.ts';
import { problems } from '../problems.ts';
import { type OutcomeOf, resultUnion } from '../result.ts';

export const WebhookEndpoint = builder.objectRef<Endpoint>('WebhookEndpoint').implement({
  description: 'A URL to which events are POSTed, signed by Standard Webhooks.',
  interfaces: [Node],
  fields: (t) => ({
    id: t.exposeID('id'),
    url: t.expose('url', { type: 'URL' }),
    types: t.stringList({ resolve: ({ types }) => [...types] }),
    enabled: t.exposeBoolean('enabled', {
      description: 'False once it has answered 410 Gone, or done nothing but fail for five days; it stays so.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
  }),
});
export const WebhookDelivery = builder.objectRef<Delivery>('WebhookDelivery').implement({
  description: 'One event for one endpoint. Its id is the webhook-id of every attempt.',
  fields: (t) => ({
    id: t.exposeID('id'),
    eventId: t.exposeID('eventId'),
    type: t.exposeString('type'),
    attempt: t.exposeInt('attempt', { description: 'How many there have been.' }),
    statusCode: t.exposeInt('statusCode', { nullable: true, description: 'What the last attempt was answered.' }),
    error: t.exposeString('error', { nullable: true, description: 'Why the last attempt failed, in a word.' }),
    durationMs: t.exposeInt('durationMs', { nullable: true }),
    at: t.expose('at', { type: 'DateTime', description: 'When the last attempt began; before the first, when it was queued.' }),
    nextAttemptAt: t.expose('nextAttemptAt', { type: 'DateTime', nullable: true, description: 'Null: delivered, or given up.' }),
  }),
});

export const CreateWebhookInput = builder.inputType('CreateWebhookInput', {
  fields: (t) => ({
    orgId: t.id({ description: 'Whose events; left out: the platform’s, which are all.' }),
    url: t.field({ type: 'URL', required: true, description: 'https; outside of production also http.' }),
    types: t.stringList({ required: true, description: '1 to 50 names of events, prefixes such as session.* , or * .' }),
  }),
});
export const WebhookInput = builder.inputType('WebhookInput', { fields: (t) => ({ endpointId: t.id({ required: true }) }) });
export const RedeliverInput = builder.inputType('RedeliverInput', { fields: (t) => ({ deliveryId: t.id({ required: true }) }) });

type Made = Extract<OutcomeOf<Webhooks['create']>, { kind: 'WebhookCreated' }>;
export const WebhookCreated = builder.objectRef<Made>('WebhookCreated').implement({
  fields: (t) => ({
    endpoint: t.expose('endpoint', { type: WebhookEndpoint }),
    secret: t.exposeString('secret', { description: 'Shown once: whsec_ and the base64 of the key that signs.' }),
  }),
});

const { NotFound, InvalidInput, QuotaExceeded } = problems;
export const WebhookResult = resultUnion<OutcomeOf<Webhooks['create']>>('WebhookResult', {
  WebhookCreated,
  NotFound,
  InvalidInput,
  QuotaExceeded,
});
export const RedeliverResult = resultUnion<OutcomeOf<Webhooks['redeliver']>>('RedeliverResult', { WebhookDelivery, NotFound });
