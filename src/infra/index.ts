/** Chooses the implementations by the configuration: what is not set is embedded (never with NODE_ENV=production, see src/config.ts). */
import type { Config } from '../config.ts';
import { openBrokers } from './brokers/index.ts';
import { systemClock } from './clock.ts';
import { createHasher } from './hasher/index.ts';
import { openKms } from './kms/index.ts';
import { createInbox } from './mail/inbox.ts';
import { createSmtpMailer } from './mail/smtp.ts';
import { createMemoryFanout } from './memory/fanout.ts';
import { createMemoryLimiter } from './memory/limiter.ts';
import { createBreaches } from './outside/breaches.ts';
import { openPlaces } from './outside/places.ts';
import { createTexter } from './outside/texter.ts';
import { createWebhookSender } from './outside/webhooks.ts';
import type { Clock, Fanout, Limiter, Log, Random } from './ports.ts';
import { Unavailable } from './ports.ts';
import { openDatabase } from './postgres/database.ts';
import { startEmbedded } from './postgres/embedded.ts';
import { migrate } from './postgres/migrate.ts';
import { openPrisma } from './postgres/prisma.ts';
import { migrateQueue } from './postgres/queue.ts';
import { openProviders } from './providers/index.ts';
import { systemRandom } from './random.ts';
import { connectRedis } from './redis/connect.ts';
import { createRedisFanout } from './redis/fanout.ts';
import { createRedisLimiter } from './redis/limiter.ts';

export type OpenedInfra = Awaited<ReturnType<typeof openInfra>>;

const openShared = async (
  config: Config,
  clock: Clock,
  log: Log,
): Promise<{ fanout: Fanout; limiter: Limiter; redis: { ping(timeoutMs: number): Promise<void> } | null; close(): Promise<void> }> => {
  const memory = createMemoryLimiter(clock);
  if (!config.REDIS_URL) {
    const fanout = createMemoryFanout(log);
    return { fanout, limiter: memory, redis: null, close: () => fanout.close() };
  }
  const redis = await connectRedis(config.REDIS_URL, log);
  const fanout = createRedisFanout(config.REDIS_URL, log);
  const ping = async (timeoutMs: number) => {
    const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Unavailable('Redis does not answer')), timeoutMs).unref());
    await Promise.race([redis.ping(), late]);
  };
  return {
    fanout,
    limiter: createRedisLimiter(redis, memory, log, clock),
    redis: { ping },
    close: async () => {
      await fanout.close();
      redis.disconnect();
    },
  };
};

/** Opens everything the house stands on; `close` takes it down in the reverse order. */
export const openInfra = async (config: Config, log: Log, ports: { clock?: Clock; random?: Random } = {}) => {
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const closer of closers.reverse()) await closer().catch((error) => log.warn({ err: error }, 'a part did not close cleanly'));
  };
  try {
    const clock = ports.clock ?? systemClock;
    const random = ports.random ?? systemRandom;
    let databaseUrl = config.DATABASE_URL;
    if (!databaseUrl) {
      const embedded = await startEmbedded({ dataDir: config.DATA_DIR, log });
      closers.push(embedded.stop);
      databaseUrl = embedded.url;
    }
    const applied = await migrate(databaseUrl);
    if (applied.length > 0) log.info({ migrations: applied }, 'migrations have been applied');
    await migrateQueue(databaseUrl, log);
    const database = openDatabase({ url: databaseUrl, size: config.DATABASE_POOL_SIZE, log });
    closers.push(database.close);
    const prisma = openPrisma(database.pool);
    closers.push(() => prisma.$disconnect());
    const kms = await openKms(config, log);
    closers.push(async () => kms.close());
    const shared = await openShared(config, clock, log);
    closers.push(shared.close);
    const hasher = createHasher(config);
    closers.push(hasher.close);
    const development = config.SMTP_URL && config.SMS_URL ? null : createInbox(clock, log, '/inbox');
    // Production has neither of the two: mail goes by SMTP, and without a provider no text messages are offered.
    const inbox = config.production ? null : development;
    const mailer = config.SMTP_URL ? createSmtpMailer({ SMTP_URL: config.SMTP_URL, MAIL_FROM: config.MAIL_FROM }) : inbox!;
    const { SMS_URL: url, SMS_ACCOUNT: account, SMS_TOKEN: token, SMS_FROM: from } = config;
    const texter = url && account && token && from ? createTexter({ url, account, token, from }) : (inbox?.texter ?? null);
    closers.push(mailer.close);
    return {
      database,
      databaseUrl,
      prisma,
      fanout: shared.fanout,
      limiter: shared.limiter,
      redis: shared.redis,
      kms,
      hasher,
      places: await openPlaces(config.GEOIP_DATABASE),
      breaches: createBreaches({ url: config.PASSWORD_BREACH_URL }, log),
      brokers: openBrokers(config, log),
      webhookSender: createWebhookSender({ opened: config.WEBHOOK_ALLOW_PRIVATE }),
      providers: openProviders(config, log),
      mailer,
      texter,
      inbox,
      clock,
      random,
      log,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};
