/**
 * The domain on one page: `openAuth(infra)` opens every room and gives everything this house can do. It knows no GraphQL and no HTTP.
 */
import type { Config } from '../config.ts';
import type {
  Breaches,
  Brokers,
  Clock,
  Database,
  Fanout,
  Hasher,
  IdentityProviders,
  Kms,
  Limiter,
  Log,
  Places,
  Random,
  Sql,
  Texter,
  WebhookSender,
} from '../infra/ports.ts';
import type { PrismaClient } from '../infra/postgres/prisma.ts';
import { openBootstrap } from './access/bootstrap.ts';
import { openAccess } from './access/index.ts';
import { openPermissions } from './access/permissions.ts';
import { openAdministration } from './administration/index.ts';
import { openFeed } from './audit/feed.ts';
import { follow } from './audit/follow.ts';
import { openAudit } from './audit/index.ts';
import { openFacts } from './audit/list.ts';
import { readNews } from './audit/news.ts';
import { openTrail } from './audit/record.ts';
import { sealKey } from './audit/seal.ts';
import { ensurePartitions } from './audit/store.ts';
import type { Caller } from './caller.ts';
import { openExports } from './exports/index.ts';
import { openLinks } from './exports/model.ts';
import { openIdentities } from './identities/index.ts';
import { openLetters } from './letters/index.ts';
import { openComplete } from './login/complete.ts';
import { openLogin } from './login/index.ts';
import { openSignIn } from './login/sign-in.ts';
import { openMfa, openMfaParts } from './mfa/index.ts';
import { openRequirement } from './mfa/requirement.ts';
import { hearNews } from './news.ts';
import { openOrganizations } from './organizations/index.ts';
import { openMay } from './organizations/may.ts';
import { openPlaces } from './organizations/places.ts';
import { openPasswords } from './passwords/index.ts';
import { openSeals } from './seals/index.ts';
import { describeService } from './service-info.ts';
import { openServices } from './services/index.ts';
import { openEndings } from './sessions/ending.ts';
import { openGrants } from './sessions/grant.ts';
import { openSessions } from './sessions/index.ts';
import { openRevoked } from './sessions/revoked.ts';
import { openSeen } from './sessions/seen.ts';
import { lockoutKeys, openLockouts } from './throttle/index.ts';
import { openTokens } from './tokens/index.ts';
import { houseSecret } from './tokens/secrets.ts';
import { openTradingAccounts } from './trading-accounts/index.ts';
import { openClaim } from './users/claim-administration.ts';
import { openUsers } from './users/index.ts';
import { readUsers } from './users/read.ts';
import { openWebhooks } from './webhooks/index.ts';

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
  brokers: Brokers;
  providers: IdentityProviders;
  /** Null where no text messages can be sent. */
  texter: Texter | null;
  webhookSender: WebhookSender;
  clock: Clock;
  random: Random;
  log: Log;
};
export type AuthConfig = Config & { publicUrl: string; issuer: string };
export type Auth = Awaited<ReturnType<typeof openAuth>>;

/** What is offered can be delivered, and passkeys belong to the site that clients use. */
const withSecondFactors = (infra: Infra, given: AuthConfig) => {
  const site = new URL(given.publicUrl);
  return {
    ...given,
    MFA_TYPES: given.MFA_TYPES.filter((type) => type !== 'SMS' || infra.texter !== null),
    rpId: given.WEBAUTHN_RP_ID ?? site.hostname,
    origins: given.WEBAUTHN_ORIGINS.length > 0 ? given.WEBAUTHN_ORIGINS : [site.origin],
  };
};

export const openAuth = async (infra: Infra, given: AuthConfig) => {
  const { database, clock } = infra;
  const config = withSecondFactors(infra, given);
  await ensurePartitions(database, clock.now(), 3);
  const names = ['refresh_mac', 'digest_pepper', 'audit_seal', 'export_link'] as const;
  const [refreshSecret, pepper, sealSeed, linkSecret] = (await Promise.all(names.map((name) => houseSecret(infra, name)))) as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
  ];
  const trail = openTrail(infra);
  const post = openLetters(infra);
  const permissions = openPermissions(infra);
  const tokens = await openTokens({ ...infra, trail, config, pepper });
  const seen = openSeen(infra);
  const revoked = await openRevoked({ ...infra, config });
  const endings = openEndings({ clock, trail, revoked });
  const policyOf = async (userId: string) => (await permissions.compiled(userId)).policy;
  const requirement = openRequirement({ config, organizationRule: async (userId) => (await policyOf(userId)).requireMfa });
  const places = openPlaces({ permissions });
  const { isMember } = places;
  const { mayActAs } = permissions;
  const tokenNeeds = { accessTokens: tokens.accessTokens, refreshSecret, isMember, mayActAs };
  const grants = openGrants({ clock, ...tokenNeeds, scopesOf: permissions.scopes, requirement });
  const feed = openFeed(infra);
  const followFacts = follow({
    database,
    clock,
    feed,
    watchSession: revoked.watch,
    watchPermissions: permissions.watch,
    permissionsEnd: async (userId) => (await permissions.compiled(userId)).firstEnd,
    permissionsOf: permissions.of,
    mayActAs,
  });
  const may = openMay({ permissions, clock });
  const mayIn = may.holds;
  const facts = openFacts(infra);
  const lockouts = openLockouts({ clock, config });
  const bootstrap = openBootstrap({ ...infra, trail, permissions });
  const shared = { ...infra, config, trail, post, endings, pepper, oneTime: tokens.oneTime, bootstrap, lockouts };
  /** After a reset by mail: the locks of the account and of where its owner is now; those of other networks stay. */
  const unlock = (sql: Sql, caller: Caller, emailKey: string) => {
    const keys = lockoutKeys(pepper, emailKey, caller.network, null);
    return lockouts.clear(sql, [keys.account, keys.network]);
  };

  const passwords = openPasswords({ ...shared, unlock });
  const parts = openMfaParts(shared);
  const signIn = openSignIn({ ...shared, grants, policyOf, placeOf: places.placeOf });
  const complete = openComplete({ ...parts, signIn });
  const users = { ...openUsers({ ...shared, mailReset: passwords.requestReset }), ...readUsers(infra) };
  const sessions = openSessions({ ...shared, seen, revoked, grants, refreshSecret, followFacts, mayIn, isMember });

  return {
    users,
    passwords,
    login: openLogin({
      ...shared,
      ...parts,
      signIn,
      complete,
      isMember,
      webauthn: parts.factors.webauthn,
      mailReset: passwords.requestReset,
      addressOf: users.addressOf,
    }),
    identities: openIdentities({ ...shared, signIn, complete, grants }),
    organizations: openOrganizations({ ...shared, permissions, grants, isMember: places.isMember }),
    mfa: openMfa({ ...shared, ...parts, requirement, signIn, grants }),
    sessions,
    services: openServices({
      ...shared,
      ...tokenNeeds,
      revoked,
      permissionsOf: permissions.of,
      permissionsLasting: permissions.lasting,
      permissionsAnywhere: permissions.anywhere,
    }),
    tokens: { jwks: tokens.keys.jwks, rotate: tokens.rotate, rotateIfOld: tokens.rotateIfOld, sweep: tokens.sweep },
    audit: openAudit({ ...infra, followFacts, mayIn, facts, sealKey: sealKey(sealSeed) }),
    exports: openExports({
      ...shared,
      facts,
      mayIn,
      links: openLinks(linkSecret, config.publicUrl),
      stillSees: async (userId, orgId) =>
        (await permissions.of(userId)).has('audit.read') || (orgId !== null && (await may.has(userId, orgId, 'audit.read'))),
    }),
    access: {
      ...openAccess({ ...shared, permissions, may }),
      firstAdministrator: openClaim(shared),
    },
    administration: openAdministration({ ...shared, permissions, grants, sweeps: sessions }),
    seals: openSeals(shared),
    tradingAccounts: openTradingAccounts(shared),
    webhooks: openWebhooks({ ...shared, may }),
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
