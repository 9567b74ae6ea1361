/** The services room's verbs. */
import { builder } from '../schema/builder.ts';
import { DeleteResult } from '../schema/deleted.ts';
import * as services from '../schema/services/services.ts';

const managed = { permission: 'services.manage' } as const;

builder.queryField('serviceClients', (t) =>
  t.field({
    type: [services.ServiceClient],
    door: managed,
    description: 'Newest first.',
    resolve: (_root, _args, { auth }) => auth.services.clients(),
  }),
);

builder.mutationField('createServiceClient', (t) =>
  t.field({
    type: services.ServiceClientResult,
    door: { open: managed, stepUp: 'withFactor' },
    args: { input: t.arg({ type: services.CreateServiceClientInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.services.createClient(caller, input),
  }),
);

builder.mutationField('rotateServiceClientSecret', (t) =>
  t.field({
    type: services.ServiceClientResult,
    door: { open: managed, stepUp: 'withFactor', note: 'Of clients that may no more than the caller; of others: NotFound.' },
    args: { input: t.arg({ type: services.ServiceClientInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.services.rotateSecret(caller, input),
  }),
);

builder.mutationField('deleteServiceClient', (t) =>
  t.field({
    type: DeleteResult,
    door: managed,
    args: { input: t.arg({ type: services.ServiceClientInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.services.deleteClient(caller, input),
  }),
);

builder.queryField('apiKeys', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: [services.ApiKey],
    door: { open: 'signedIn', note: "The viewer's own, newest first." },
    resolve: (_root, _args, { auth, caller }) => auth.services.apiKeys(caller),
  }),
);

builder.mutationField('createApiKey', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: services.ApiKeyResult,
    door: { open: 'signedIn', stepUp: 'always' },
    args: { input: t.arg({ type: services.CreateApiKeyInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.services.createApiKey(caller, input),
  }),
);

builder.mutationField('deleteApiKey', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: DeleteResult,
    door: 'signedIn',
    args: { input: t.arg({ type: services.ApiKeyInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.services.deleteApiKey(caller, input),
  }),
);

builder.queryField('introspectToken', (t) =>
  t.field({
    type: services.TokenIntrospection,
    door: { permission: 'tokens.introspect' },
    args: { token: t.arg.string({ required: true }) },
    resolve: (_root, { token }, { auth }) => auth.services.introspect(token),
  }),
);
