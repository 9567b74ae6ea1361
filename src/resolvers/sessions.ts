/** The sessions room's verbs, edges and stream. */
import { badRequest, forbidden } from '../auth/access/denial.ts';
import type { Caller } from '../auth/caller.ts';
import { builder } from '../schema/builder.ts';
import { prismaPage } from '../schema/pages.ts';
import { Session } from '../schema/sessions/session.ts';
import {
  LogoutResult,
  RefreshInput,
  RefreshResult,
  RevokeSessionInput,
  RevokeSessionsInput,
  SessionEvent,
} from '../schema/sessions/sessions.ts';
import { isSelf, User } from '../schema/users/user.ts';
import { deliver } from './deliver.ts';
import { signedInOnly } from './reference.ts';

const SessionEdge = builder.edgeObject({ type: Session, name: 'SessionEdge' });
// Counted only where it is asked for, and where nothing else is asked for nothing else is read.
const SessionConnection = builder.connectionObject(
  {
    type: Session,
    name: 'SessionConnection',
    fields: (t) => ({
      totalCount: t.int({
        extensions: { pothosPrismaTotalCount: true },
        resolve: (page) => (page as unknown as { totalCount(): Promise<number> }).totalCount(),
      }),
    }),
  },
  SessionEdge,
);

builder.queryField('sessions', (t) =>
  t.withAuth({ signedIn: true }).prismaConnection(
    {
      type: Session,
      cursor: 'id',
      extensions: prismaPage,
      door: { open: 'signedIn', note: "The viewer's own; with `userId`: sessions.read." },
      args: { userId: t.arg.id(), includeEnded: t.arg.boolean({ defaultValue: false }) },
      totalCount: (_root, args, { auth, caller }) => auth.sessions.count(caller, args),
      resolve: (query, _root, args, { auth, caller }) => auth.sessions.list(caller, args, query),
    },
    SessionConnection as never,
    SessionEdge as never,
  ),
);

builder.mutationField('refresh', (t) =>
  t.field({
    type: RefreshResult,
    door: 'anyone',
    args: { input: t.arg({ type: RefreshInput }) },
    resolve: async (_root, { input }, { auth, caller, reply }) => {
      const refreshToken = input?.refreshToken ?? caller.refreshCookie;
      if (!refreshToken) throw badRequest('Give input.refreshToken, or the cookie with the header x-latchkey-csrf.');
      const outcome = await auth.sessions.refresh(caller, { refreshToken, orgId: input?.orgId ?? null });
      return deliver(reply, input?.refreshToken ? 'BODY' : 'COOKIE', outcome) as never;
    },
  }),
);

builder.mutationField('logout', (t) =>
  t.field({
    type: LogoutResult,
    door: { open: 'anyone', note: 'Ends the session of the access token, or of the cookie.' },
    resolve: async (_root, _args, { auth, caller, reply }) => {
      const outcome = await auth.sessions.logout(caller);
      if (caller.refreshCookie) reply.clearRefreshCookie();
      return outcome;
    },
  }),
);

builder.mutationField('revokeSession', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: LogoutResult,
    door: { open: 'signedIn', note: "The viewer's own; of others: sessions.revoke." },
    args: { input: t.arg({ type: RevokeSessionInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.sessions.revoke(caller, input),
  }),
);

builder.mutationField('revokeSessions', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: LogoutResult,
    door: { open: 'signedIn', note: "The viewer's own; of others: sessions.revoke." },
    args: { input: t.arg({ type: RevokeSessionsInput }) },
    resolve: (_root, { input }, { auth, caller }) => auth.sessions.revokeAll(caller, input ?? {}),
  }),
);

builder.subscriptionField('sessionEvents', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: SessionEvent,
    door: { open: 'signedIn', note: 'Of the viewer; of another user or of an organization: sessions.read.' },
    args: { userId: t.arg.id(), orgId: t.arg.id(), after: t.arg.string() },
    subscribe: (_root, args, { auth, caller }) => auth.sessions.follow(caller, args),
    resolve: (event) => event,
  }),
);

builder.objectField(SessionEvent, 'session', (t) => t.field({ type: Session, resolve: (event) => ({ id: event.sessionId }) as never }));

const maySeeSessions = (userId: string, caller: Caller): boolean => isSelf(userId, caller) || caller.permissions.has('sessions.read');
builder.prismaObjectField(User, 'sessions', (t) =>
  t.prismaConnection(
    {
      type: Session,
      cursor: 'id',
      extensions: prismaPage,
      nullable: true,
      totalCount: (user, _args, { auth, caller }) =>
        maySeeSessions(user.id, caller) ? auth.sessions.count(caller, { userId: user.id }) : Promise.reject(forbidden()),
      resolve: (query, user, _args, { auth, caller }) =>
        maySeeSessions(user.id, caller) ? auth.sessions.list(caller, { userId: user.id }, query) : null,
    },
    SessionConnection as never,
    SessionEdge as never,
  ),
);

builder.asEntity(Session, {
  key: builder.selection<{ id: string }>('id'),
  resolveReference: ({ id }, { loaders, caller }) => signedInOnly(caller, () => loaders.sessionRef.load(id)) as never,
});
