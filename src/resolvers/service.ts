/** What the service says of itself. */
import { builder } from '../schema/builder.ts';
import { ServiceInfo } from '../schema/service/service-info.ts';

builder.queryField('serviceInfo', (t) =>
  t.field({ type: ServiceInfo, door: 'anyone', resolve: (_root, _args, { auth }) => auth.serviceInfo }),
);
