/** What a receiver is sent: the fact as its owner reads it by `auditEvents`, made of the log each time, so that no attempt says other than the first. */
import type { FactRow } from '../audit/model.ts';
import { seesWhereFrom } from '../audit/visible.ts';
import type { Endpoint } from './model.ts';

/**
 * JSON of a fixed form. People are told by their ids. An organization reads neither sessions nor where somebody was: no more than one of its
 * people with audit.read there sees of the same event.
 */
export const bodyOf = (fact: FactRow, { orgId }: Pick<Endpoint, 'orgId'>): string => {
  const platform = orgId === null;
  const where = seesWhereFrom(fact, { all: platform, userId: null });
  return JSON.stringify({
    id: fact.id,
    type: fact.type,
    occurredAt: fact.occurred_at.toISOString(),
    actorId: fact.actor_id,
    actorClient: fact.actor_client,
    impersonatorId: fact.impersonator_id,
    subjectId: fact.subject_id,
    orgId: fact.org_id,
    sessionId: platform ? fact.session_id : null,
    resource: fact.resource,
    outcome: fact.outcome,
    ipAddress: where ? fact.ip_address : null,
    userAgent: where ? fact.user_agent : null,
    requestId: where ? fact.request_id : null,
    data: fact.data,
  });
};
