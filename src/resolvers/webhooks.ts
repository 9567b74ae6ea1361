/** The webhooks room's verbs and edge. */
import { builder } from '../schema/builder.ts';
import { DeleteResult } from '../schema/deleted.ts';
import * as webhooks from '../schema/webhooks/webhooks.ts';

const program = 'webhooks.manage';
const note = 'webhooks.manage; of an organization: org.webhooks.manage there.';

builder.queryField('webhooks', (t) =>
  t.field({
    type: [webhooks.WebhookEndpoint],
    door: { open: 'signedIn', program, asOneself: true, note: `${note} Newest first.` },
    args: { orgId: t.arg.id() },
    resolve: (_root, { orgId }, { auth, caller }) => auth.webhooks.list(caller, orgId ?? null),
  }),
);

builder.objectField(webhooks.WebhookEndpoint, 'deliveries', (t) =>
  t.connection(
    {
      type: webhooks.WebhookDelivery,
      description: 'Of the last 30 days, newest first.',
      resolve: (endpoint, args, { auth }) => auth.webhooks.deliveries(endpoint, args),
    },
    { name: 'WebhookDeliveryConnection' },
    { name: 'WebhookDeliveryEdge' },
  ),
);

builder.mutationField('createWebhook', (t) =>
  t.field({
    type: webhooks.WebhookResult,
    door: { open: 'signedIn', program, stepUp: 'always', note: `${note} And audit.read: nobody has sent what he may not read.` },
    args: { input: t.arg({ type: webhooks.CreateWebhookInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.webhooks.create(caller, input),
  }),
);

builder.mutationField('deleteWebhook', (t) =>
  t.field({
    type: DeleteResult,
    door: { open: 'signedIn', program, stepUp: 'always', note },
    args: { input: t.arg({ type: webhooks.WebhookInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.webhooks.delete(caller, input),
  }),
);

builder.mutationField('redeliverWebhook', (t) =>
  t.field({
    type: webhooks.RedeliverResult,
    door: { open: 'signedIn', program, asOneself: true, note: `${note} To an endpoint that is enabled.` },
    args: { input: t.arg({ type: webhooks.RedeliverInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.webhooks.redeliver(caller, input),
  }),
);
