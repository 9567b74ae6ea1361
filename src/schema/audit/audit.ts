/** The nouns of the log. */

import type { FactRow } from '../../auth/audit/model.ts';
import type { AuditVerification as Verified } from '../../auth/audit/verify-trail.ts';
import { seesWhereFrom } from '../../auth/audit/visible.ts';
import { builder, Node } from '../builder.ts';
import type { Context } from '../context.ts';

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
const whereFrom =
  (part: (fact: FactRow) => string | null) =>
  (fact: FactRow, _args: object, { caller }: Context): string | null =>
    seesWhereFrom(fact, { all: caller.permissions.has('audit.read'), userId: caller.identity?.userId ?? null }) ? part(fact) : null;

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
    ipAddress: t.string({ nullable: true, resolve: whereFrom((fact) => fact.ip_address) }),
    userAgent: t.string({ nullable: true, resolve: whereFrom((fact) => fact.user_agent) }),
    requestId: t.string({ nullable: true, resolve: whereFrom((fact) => fact.request_id) }),
    data: t.expose('data', { type: 'JSON' }),
  }),
});

export const AuditVerification = builder.objectRef<Verified>('AuditVerification').implement({
  description: 'Events are sealed in signed Merkle batches; a verification recomputes them.',
  fields: (t) => ({
    valid: t.exposeBoolean('valid'),
    events: t.exposeInt('events', { description: 'How many were recomputed. What the last minute brought has no seal yet.' }),
    seals: t.exposeInt('seals'),
    from: t.expose('from', { type: 'DateTime', nullable: true }),
    to: t.expose('to', { type: 'DateTime', nullable: true }),
    firstBroken: t.exposeID('firstBroken', { nullable: true, description: 'Id of the first event that does not match its seal.' }),
  }),
});
