/** The audit room's verbs, edges and stream. */
import type { Caller, SignedInCaller } from '../auth/caller.ts';
import { AuditEvent, AuditEventFilter, AuditVerification } from '../schema/audit/audit.ts';
import { builder } from '../schema/builder.ts';
import { Session } from '../schema/sessions/session.ts';
import { isSelf, User } from '../schema/users/user.ts';

const note = 'All events for a holder of audit.read; for anyone else those they are actor or subject of.';

const AuditEventConnection = builder.connectionObject({ type: AuditEvent, name: 'AuditEventConnection' }, { name: 'AuditEventEdge' });
/** Behind its door the caller is a signed-in one; the connection builder cannot say so in types. */
const signedIn = (caller: Caller) => caller as SignedInCaller;

builder.queryField('auditEvents', (t) =>
  t.connection(
    {
      type: AuditEvent,
      door: { open: 'signedIn', note },
      args: { filter: t.arg({ type: AuditEventFilter }) },
      resolve: (_root, args, { auth, caller }) => auth.audit.list(signedIn(caller), args),
    },
    AuditEventConnection,
  ),
);

builder.queryField('verifyAuditTrail', (t) =>
  t.field({
    type: AuditVerification,
    door: { permission: 'audit.verify' },
    description: 'Recomputes the seals of all batches that have events of that time, of all where no bound is given.',
    args: { from: t.arg({ type: 'DateTime' }), to: t.arg({ type: 'DateTime' }) },
    resolve: (_root, args, { auth }) => auth.audit.verify(args),
  }),
);

builder.subscriptionField('auditEvents', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: AuditEvent,
    door: { open: 'signedIn', note },
    args: { filter: t.arg({ type: AuditEventFilter }), after: t.arg.string() },
    subscribe: (_root, args, { auth, caller }) => auth.audit.follow(caller, args),
    resolve: (event) => event,
  }),
);

builder.objectFields(AuditEvent, (t) => ({
  actor: t.field({
    type: User,
    nullable: true,
    resolve: (fact, _args, { loaders }) => (fact.actor_id ? (loaders.userRef.load(fact.actor_id) as never) : null),
  }),
  impersonator: t.field({
    type: User,
    nullable: true,
    description: 'Set while an administrator acts as somebody else.',
    resolve: (fact, _args, { loaders }) => (fact.impersonator_id ? (loaders.userRef.load(fact.impersonator_id) as never) : null),
  }),
  subject: t.field({
    type: User,
    nullable: true,
    resolve: (fact, _args, { loaders }) => (fact.subject_id ? (loaders.userRef.load(fact.subject_id) as never) : null),
  }),
  session: t.field({
    type: Session,
    nullable: true,
    resolve: (fact, _args, { loaders }) => (fact.session_id ? (loaders.sessionRef.load(fact.session_id) as never) : null),
  }),
}));

builder.objectField(User, 'activity', (t) =>
  t.connection(
    {
      type: AuditEvent,
      nullable: true,
      args: { filter: t.arg({ type: AuditEventFilter }) },
      resolve: (user, args, { auth, caller }) =>
        isSelf(user.id, caller) || caller.permissions.has('audit.read')
          ? auth.audit.list(signedIn(caller), { ...args, personId: user.id })
          : null,
    },
    AuditEventConnection,
  ),
);
