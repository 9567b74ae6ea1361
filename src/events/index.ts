/** The back door: what the house does behind its requests. */
import type { Auth } from '../auth/index.ts';
import type { Config } from '../config.ts';
import type { OpenedInfra } from '../infra/index.ts';
import { openJobs } from './queue.ts';
import { openTail } from './tail.ts';
import { openWebhooks } from './webhooks.ts';

/** Starts the watch on the log, the webhooks, the letters and the sweeps; `stop` lets what runs finish. */
export const openBackDoor = async (auth: Auth, infra: OpenedInfra, config: Config) => {
  const { audit, users, sessions, tokens, mfa, access, services, seals, identities, exports, tradingAccounts, webhooks, housekeeping } =
    auth;
  const tail = await openTail({ housekeeping, sessions, fanout: infra.fanout, log: infra.log });
  const sender = await openWebhooks({ work: webhooks.work, fanout: infra.fanout, log: infra.log });
  const every = { minute: '* * * * *', hour: '17 * * * *', day: '23 3 * * *' };
  const jobs = await openJobs({
    databaseUrl: infra.databaseUrl,
    post: auth.letters,
    writeExport: exports.write,
    mailer: infra.mailer,
    texter: infra.texter,
    log: infra.log,
    config,
    sweeps: {
      sealLog: { cron: every.minute, catchUp: true, run: async () => void (await audit.seal()) },
      expireSessions: { cron: every.minute, run: async () => void (await sessions.expire()) },
      sweepLockouts: { cron: every.hour, run: housekeeping.sweepLockouts },
      sweepSecondFactors: { cron: every.hour, run: mfa.sweep },
      sweepGrants: { cron: every.day, run: access.sweep },
      sweepTokens: { cron: every.hour, run: tokens.sweep },
      sweepExports: { cron: every.hour, run: exports.sweep },
      sweepOAuthStates: { cron: every.hour, run: identities.sweep },
      sweepServices: { cron: every.hour, run: services.sweep },
      rewrap: { cron: every.minute, run: seals.rewrapSome },
      recheckTradingAccounts: { cron: every.minute, run: async () => void (await tradingAccounts.recheck()) },
      sweepTradingAccounts: { cron: every.day, run: tradingAccounts.sweep },
      sweepWebhooks: { cron: every.hour, run: webhooks.sweep },
      rotateOldKey: { cron: every.hour, run: tokens.rotateIfOld },
      removeOldSessions: { cron: every.day, catchUp: true, run: async () => void (await sessions.removeOld()) },
      removeUnverified: { cron: every.day, catchUp: true, run: async () => void (await users.removeUnverified()) },
      ensurePartitions: { cron: every.day, catchUp: true, run: housekeeping.ensurePartitions },
    },
  });
  return {
    stop: async (): Promise<void> => {
      await Promise.all([tail.stop(), sender.stop(), jobs.stop()]);
    },
  };
};
