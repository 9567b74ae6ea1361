/** A user's own figures. */
import type { UserDashboard as Figures } from '../../auth/users/dashboard.ts';
import { builder } from '../builder.ts';
import { DailyCount } from '../daily-count.ts';

export const UserDashboard = builder.objectRef<Figures>('UserDashboard').implement({
  fields: (t) => ({
    activeSessions: t.exposeInt('activeSessions'),
    tradingAccounts: t.exposeInt('tradingAccounts', { description: 'One’s own that are linked.' }),
    organizations: t.exposeInt('organizations'),
    unusedBackupCodes: t.exposeInt('unusedBackupCodes'),
    lastLoginAt: t.expose('lastLoginAt', { type: 'DateTime', nullable: true }),
    failedLogins30d: t.exposeInt('failedLogins30d'),
    logins30d: t.expose('logins30d', { type: [DailyCount], description: 'Sign-ins per day of UTC, oldest first.' }),
  }),
});
