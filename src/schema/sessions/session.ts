/** One sign-in on one device. */
import { builder, Node } from '../builder.ts';

export const Session = builder.prismaObject('Session', {
  description: 'One sign-in on one device.',
  interfaces: [Node],
  select: { id: true },
  fields: (t) => ({
    id: t.exposeID('id'),
    user: t.relation('user'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    lastSeenAt: t.expose('lastSeenAt', { type: 'DateTime' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
    revokedAt: t.expose('revokedAt', { type: 'DateTime', nullable: true }),
    revokedReason: t.exposeString('revokedReason', { nullable: true }),
    current: t.boolean({
      resolve: (session, _args, { caller, proved }) => session.id === caller.identity?.sessionId || proved.sessionIds.has(session.id),
    }),
    persistent: t.exposeBoolean('persistent'),
    ipAddress: t.exposeString('ipAddress', { nullable: true }),
    userAgent: t.exposeString('userAgent', { nullable: true }),
    browser: t.exposeString('browser', { nullable: true }),
    os: t.exposeString('os', { nullable: true }),
    country: t.exposeString('country', { nullable: true }),
    deviceName: t.exposeString('deviceName', { nullable: true }),
    deviceFingerprint: t.exposeString('deviceFingerprint', { nullable: true }),
    amr: t.exposeStringList('amr', { description: 'Authentication methods, RFC 8176 values: pwd, otp, hwk, sms, mfa, fed.' }),
    trustedDevice: t.boolean({
      description: 'Whether a trusted device stood for the second factor.',
      select: { trustedDeviceId: true },
      resolve: (session) => session.trustedDeviceId !== null,
    }),
    authenticatedAt: t.expose('authenticatedAt', { type: 'DateTime' }),
  }),
});
