/** The nouns of the log. */
import type { FactRow } from '../../auth/audit/model.ts';
import { builder, Node } from '../builder.ts';

export const AuditOutcome = builder.enumType('AuditOutcome', { values: ['SUCCESS', 'FAILURE'] as const });
export const AuditEventFilter = builder.inputType('AuditEventFilter', {
  description: '`types` takes whole names and prefixes: session.* .',
  fields: (t) => ({
    types: t.stringList(),
    actorId: t.id(),
    subjectId: t.id(),
    orgId: t.id(),
    outcome: t.field({ type: AuditOutcome }),
    resource: t.string(),
    ipAddress: t.string(),
    from: t.field({ type: 'DateTime' }),
    to: t.field({ type: 'DateTime' }),
  }),
});
export const AuditEvent = builder.objectRef<FactRow>('AuditEvent').implement({
  interfaces: [Node],
  fields: (t) => ({
    type: t.exposeString('type', { description: 'Dotted and lower-case, such as session.created or trading_account.linked.' }),
    occurredAt: t.expose('occurred_at', { type: 'DateTime' }),
    actorClient: t.exposeString('actor_client', {
      nullable: true,
      description: 'The service client or API key that acted, where no person did.',
    }),
    resource: t.exposeString('resource', { nullable: true }),
    outcome: t.expose('outcome', { type: AuditOutcome }),
    ipAddress: t.exposeString('ip_address', { nullable: true }),
    userAgent: t.exposeString('user_agent', { nullable: true }),
    requestId: t.exposeString('request_id', { nullable: true }),
    data: t.expose('data', { type: 'JSON' }),
  }),
});
