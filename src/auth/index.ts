/**
 * The domain on one page: `openAuth(infra)` opens every room and gives everything this house can do. It knows no GraphQL and no HTTP.
 */
import type { Config } from '../config.ts';
import type { Breaches, Clock, Database, Fanout, Hasher, Kms, Limiter, Log, Places, Random, Sql } from '../infra/ports.ts';
import type { PrismaClient } from '../infra/postgres/prisma.ts';
import { openBootstrap } from './access/bootstrap.ts';
import { openPermissions } from './access/permissions.ts';
import { hasSuperadmin } from './access/store.ts';
import { openFeed } from './audit/feed.ts';
import { follow } from './audit/follow.ts';
import { openAudit } from './audit/index.ts';
import { readNews } from './audit/news.ts';
import { openTrail } from './audit/record.ts';
import { ensurePartitions } from './audit/store.ts';
import type { Caller } from './caller.ts';
import { openLetters } from './letters/index.ts';
import { openLogin } from './login/index.ts';
import { hearNews } from './news.ts';
import { openPasswords } from './passwords/index.ts';
import { describeService } from './service-info.ts';
import { openEndings } from './sessions/ending.ts';
import { openGrants } from './sessions/grant.ts';
import { openSessions } from './sessions/index.ts';
import { openRevoked } from './sessions/revoked.ts';
import { openSeen } from './sessions/seen.ts';
import { lockoutKeys, openLockouts } from './throttle/index.ts';
import { openTokens } from './tokens/index.ts';
import { houseSecret } from './tokens/secrets.ts';
import { openClaim } from './users/claim-administration.ts';
import { openUsers } from './users/index.ts';
import { readUsers } from './users/read.ts';

/** What the domain needs of the floor below. */
export type Infra = {
  database: Database;
  prisma: PrismaClient;
  fanout: Fanout;
  limiter: Limiter;
  kms: Kms;
  hasher: Hasher;
  places: Places;
  breaches: Breaches;
  clock: Clock;
  random: Random;
  log: Log;
};
export type AuthConfig = Config & { publicUrl: string; issuer: string };
export type Auth = Awaited<ReturnType<typeof openAuth>>;

export const openAuth = async (infra: Infra, config: AuthConfig) => {
  const { database, clock } = infra;
  await ensurePartitions(database, clock.now(), 3);
  const [refreshSecret, pepper] = await Promise.all([houseSecret({ ...infra }, 'refresh_mac'), houseSecret({ ...infra }, 'digest_pepper')]);
  const trail = openTrail(infra);
  const post = openLetters(infra);
  const permissions = openPermissions(infra);
  const tokens = await openTokens({ ...infra, trail, config, pepper });
  const seen = openSeen(infra);
  const revoked = await openRevoked({ ...infra, config });
  const endings = openEndings({ clock, trail, revoked });
  const grants = openGrants({ clock, accessTokens: tokens.accessTokens, refreshSecret, permissionsOf: permissions.of });
  const feed = openFeed(infra);
  const followFacts = follow({ database, feed, watchSession: revoked.watch });
  const lockouts = openLockouts({ clock, config });
  const bootstrap = openBootstrap({ ...infra, trail, permissions });
  const shared = { ...infra, config, trail, post, endings, pepper, oneTime: tokens.oneTime, bootstrap, lockouts };
  /** After a reset by mail: the locks of the account and of where its owner is now; those of other networks stay. */
  const unlock = (sql: Sql, caller: Caller, emailKey: string) => {
    const keys = lockoutKeys(pepper, emailKey, caller.network, null);
    return lockouts.clear(sql, [keys.account, keys.network]);
  };

  const passwords = openPasswords({ ...shared, unlock });

  return {
    users: { ...openUsers({ ...shared, mailReset: passwords.requestReset }), ...readUsers(infra) },
    passwords,
    login: openLogin({ ...shared, grants }),
    sessions: openSessions({ ...shared, seen, revoked, grants, accessTokens: tokens.accessTokens, refreshSecret, followFacts }),
    tokens: { jwks: tokens.keys.jwks, rotate: tokens.rotate, rotateIfOld: tokens.rotateIfOld, sweep: tokens.sweep },
    audit: openAudit({ database, followFacts }),
    access: { permissionsOf: permissions.of, hasSuperadmin: () => hasSuperadmin(database), firstAdministrator: openClaim(shared) },
    letters: post,
    serviceInfo: describeService(config),
    /** For the back door alone. */
    housekeeping: {
      hearNews: hearNews({ readNews: readNews(infra), clock, revoked, permissions, keys: tokens.keys }),
      pumpFeed: feed.pump,
      watchSession: revoked.watch,
      forgetEnded: revoked.forget,
      sweepLockouts: () => lockouts.sweep(database),
      ensurePartitions: () => ensurePartitions(database, clock.now(), 3),
    },
  };
};
