/** A session's life as a stream: its facts in the words of the contract's SessionEvent. */
import { badRequest, forbidden } from '../access/denial.ts';
import type { Follow } from '../audit/follow.ts';
import type { CommittedFact } from '../audit/model.ts';
import type { MayIn } from '../audit/visible.ts';
import type { SignedInCaller } from '../caller.ts';
import { isUuid } from '../paging.ts';

export const sessionEventTypes = {
  'session.created': 'CREATED',
  'session.refreshed': 'REFRESHED',
  'session.revoked': 'REVOKED',
  'session.expired': 'EXPIRED',
} as const;
export type SessionEvent = {
  id: string;
  type: (typeof sessionEventTypes)[keyof typeof sessionEventTypes];
  occurredAt: Date;
  sessionId: string;
  reason: string | null;
};

const eventOf = (fact: CommittedFact): SessionEvent => ({
  id: fact.id,
  type: sessionEventTypes[fact.type as keyof typeof sessionEventTypes],
  occurredAt: fact.occurred_at,
  sessionId: fact.session_id as string,
  reason: (fact.data['reason'] as string | undefined) ?? null,
});

/** The viewer's own sessions; another user's, or an organization's, with sessions.read. */
export const followSessions =
  ({ followFacts, mayIn }: { followFacts: Follow; mayIn: MayIn }) =>
  async (caller: SignedInCaller, input: { userId?: string | null; orgId?: string | null; after?: string | null }) => {
    for (const id of [input.userId, input.orgId]) if (id != null && !isUuid(id)) throw badRequest('userId and orgId take ids.');
    const orgId = input.orgId?.toLowerCase() ?? null;
    const userId = input.userId?.toLowerCase() ?? (orgId ? null : caller.identity.userId);
    const own = userId === caller.identity.userId && orgId === null;
    const may = async (held: ReadonlySet<string>): Promise<boolean> =>
      own || held.has('sessions.read') || (orgId !== null && mayIn(caller, orgId, 'sessions.read'));
    if (!(await may(caller.permissions))) throw forbidden('sessions.read is needed.');
    const accept = (fact: CommittedFact) =>
      fact.type in sessionEventTypes &&
      fact.session_id !== null &&
      (userId === null || fact.subject_id === userId) &&
      (!orgId || fact.org_id === orgId);
    return followFacts(caller, { after: input.after ?? null, orgId, may, accept, as: eventOf });
  };
