/** What callers give the sessions room, how its operations end, and a session's events. */
import type { Administration } from '../../auth/administration/index.ts';
import type { SessionEvent as Event } from '../../auth/sessions/events.ts';
import type { Sessions } from '../../auth/sessions/index.ts';
import { builder } from '../builder.ts';
import { SignedIn } from '../login/login.ts';
import { problems } from '../problems.ts';
import { type OutcomeOf, resultUnion } from '../result.ts';

export const RefreshInput = builder.inputType('RefreshInput', {
  description: 'Without refreshToken: the one of the cookie, with the header x-latchkey-csrf.',
  fields: (t) => ({ refreshToken: t.string(), orgId: t.id() }),
});
export const RevokeSessionInput = builder.inputType('RevokeSessionInput', { fields: (t) => ({ sessionId: t.id({ required: true }) }) });
export const RevokeSessionsInput = builder.inputType('RevokeSessionsInput', {
  fields: (t) => ({ userId: t.id(), exceptCurrent: t.boolean({ defaultValue: true }) }),
});

const { TokenInvalid, SessionEnded, RefreshReused, AccountDeactivated, NotFound, TooManyAttempts } = problems;
export const RefreshResult = resultUnion<OutcomeOf<Sessions['refresh']> | OutcomeOf<Administration['impersonate']>>('RefreshResult', {
  SignedIn,
  TokenInvalid,
  SessionEnded,
  RefreshReused,
  AccountDeactivated,
  NotFound,
  TooManyAttempts,
});
export const LoggedOut = builder.objectRef<{ kind: 'LoggedOut'; sessionIds: readonly string[] }>('LoggedOut').implement({
  fields: (t) => ({ sessionIds: t.idList({ resolve: (ended) => [...ended.sessionIds] }) }),
});
export const LogoutResult = resultUnion<OutcomeOf<Sessions['logout']>>('LogoutResult', { LoggedOut, NotFound });

export const SessionEventType = builder.enumType('SessionEventType', { values: ['CREATED', 'REFRESHED', 'REVOKED', 'EXPIRED'] as const });
export const SessionEvent = builder.objectRef<Event>('SessionEvent').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    type: t.expose('type', { type: SessionEventType }),
    occurredAt: t.expose('occurredAt', { type: 'DateTime' }),
    reason: t.exposeString('reason', { nullable: true }),
  }),
});
