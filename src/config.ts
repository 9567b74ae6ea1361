/**
 * The one place that reads the environment. Everything else is handed the frozen, typed `Config`.
 * `.env.example` and the README's table are generated from `settings` (scripts/generate.ts), and a test keeps them current.
 */
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { type Env, flag, httpUrl, integer, isInTheClear, list, rate, type Setting, setting } from './config/forms.ts';
import { kmsProblems, kmsSettings } from './config/kms.ts';
import { oauthSettings, type ProviderConfig, readProviders } from './config/oauth.ts';
import { webhookSettings } from './config/webhooks.ts';

export { familySettings } from './config/oauth.ts';

/** Every setting: its form, its default (undefined: none) and what it means. */
export const settings = {
  NODE_ENV: setting(
    z.enum(['development', 'test', 'production']),
    'development',
    'production takes none of the embedded defaults and hides GraphiQL and introspection',
  ),
  HOST: setting(z.string().min(1), '127.0.0.1', 'address to listen on'),
  PORT: setting(integer(0, 65_535), '4000', 'port to listen on (0: any free one)'),
  PUBLIC_URL: setting(httpUrl.optional(), undefined, 'the URL clients and mailed links use; http://HOST:PORT where not set'),
  DATA_DIR: setting(z.string().min(1), '.latchkey', 'where the embedded PostgreSQL and the local master key live'),
  DATABASE_URL: setting(
    z
      .string()
      .regex(/^postgres(ql)?:\/\//, 'a postgresql:// URL')
      .optional(),
    undefined,
    'PostgreSQL 15 or newer; the embedded one where not set',
  ),
  DATABASE_POOL_SIZE: setting(integer(2, 500), '10', 'connections of one process'),
  REDIS_URL: setting(
    z
      .string()
      .regex(/^rediss?:\/\//, 'a redis:// URL')
      .optional(),
    undefined,
    'Redis 7 for fan-out and counters; in-process where not set',
  ),
  SMTP_URL: setting(
    z
      .string()
      .regex(/^smtps?:\/\//, 'an smtp:// URL')
      .optional(),
    undefined,
    'where mail goes; the development inbox where not set',
  ),
  MAIL_FROM: setting(z.string().min(3), 'Latchkey <no-reply@localhost>', 'sender of mail'),
  TRUSTED_PROXIES: setting(list, '', 'addresses or CIDR ranges whose X-Forwarded-For is believed'),
  CORS_ORIGINS: setting(list, '', 'origins of browsers that may call with credentials'),
  JWT_ISSUER: setting(httpUrl.optional(), undefined, 'iss of access tokens; PUBLIC_URL where not set'),
  JWT_AUDIENCE: setting(z.string().min(1), 'latchkey', 'aud of access tokens'),
  JWT_ALGORITHM: setting(z.enum(['ES256', 'RS256', 'EdDSA']), 'ES256', 'algorithm of newly made signing keys'),
  ACCESS_TOKEN_TTL_SECONDS: setting(integer(30, 86_400), '900', 'life of an access token'),
  SIGNING_KEY_ROTATION_DAYS: setting(integer(0, 3650), '90', 'age at which the signing key is rotated (0: only by hand)'),
  SESSION_TTL_DAYS: setting(integer(1, 3650), '7', 'life of an ordinary session'),
  SESSION_PERSISTENT_TTL_DAYS: setting(integer(1, 3650), '90', 'life of a persistent session'),
  SESSION_IDLE_DAYS: setting(integer(1, 3650), '14', 'a session unused for this long has ended'),
  SESSION_MAX_PER_USER: setting(integer(0, 10_000), '0', 'concurrent sessions of one user, the oldest is revoked (0: no limit)'),
  REFRESH_GRACE_SECONDS: setting(integer(0, 600), '30', 'for this long the previous refresh token gets the same successor again'),
  ARGON2_MEMORY_KIB: setting(integer(8, 4_194_304), '19456', 'argon2id memory'),
  ARGON2_TIME_COST: setting(integer(1, 100), '2', 'argon2id passes'),
  ARGON2_PARALLELISM: setting(integer(1, 64), '1', 'argon2id lanes'),
  HASH_CONCURRENCY: setting(integer(1, 256), String(availableParallelism()), 'hashes at work at once (default: cores)'),
  HASH_QUEUE: setting(integer(0, 100_000), '32', 'hashes that may wait; the surplus is refused with UNAVAILABLE'),
  PASSWORD_MIN_LENGTH: setting(integer(8, 256), '12', 'characters a password has at least'),
  PASSWORD_RULES: setting(
    list.pipe(z.array(z.enum(['upper', 'lower', 'digit', 'special']))),
    '',
    'composition rules: upper,lower,digit,special',
  ),
  PASSWORD_BREACH_URL: setting(httpUrl.optional(), undefined, 'a Pwned-Passwords range API (k-anonymity); no breach check where not set'),
  MFA_TYPES: setting(
    list.pipe(z.array(z.enum(['TOTP', 'EMAIL', 'SMS', 'WEBAUTHN']))),
    'TOTP,EMAIL,SMS,WEBAUTHN',
    'second factors that are offered and count; backup codes come with any',
  ),
  MFA_REQUIRED: setting(flag, 'off', 'on: whoever signs in has to have a second factor, and sets one up before anything else'),
  MFA_ISSUER: setting(z.string().min(1).max(64), 'Latchkey', 'what authenticator apps and passkeys call this service'),
  MFA_BACKUP_CODES: setting(integer(0, 50), '8', 'backup codes of one user'),
  WEBAUTHN_RP_ID: setting(
    z.string().min(1).optional(),
    undefined,
    'domain that passkeys are made for; the host of PUBLIC_URL where not set',
  ),
  WEBAUTHN_ORIGINS: setting(list, '', 'origins of pages that use passkeys; the one of PUBLIC_URL where not set'),
  SMS_URL: setting(
    httpUrl.optional(),
    undefined,
    'base URL of an SMS provider with the API of Twilio; the development inbox where not set',
  ),
  SMS_ACCOUNT: setting(z.string().min(1).optional(), undefined, 'account (SID) at the SMS provider'),
  SMS_TOKEN: setting(z.string().min(1).optional(), undefined, 'its secret'),
  SMS_FROM: setting(z.string().min(1).optional(), undefined, 'number or name that text messages come from'),
  LOCKOUT_ATTEMPTS: setting(integer(1, 1000), '5', 'wrong passwords until an account is locked for that network'),
  LOCKOUT_SECONDS: setting(integer(1, 604_800), '1800', 'how long a lock lasts'),
  RATE_LIMIT_LOGIN: setting(rate, '5/900s', 'failed sign-ins of a network'),
  RATE_LIMIT_REGISTER: setting(rate, '5/3600s', 'registrations of a network'),
  RATE_LIMIT_REFRESH: setting(rate, '10/60s', 'refreshes of a session'),
  RATE_LIMIT_RESET: setting(rate, '5/3600s', 'mails on demand (reset, verification) of an address and of a network'),
  RATE_LIMIT_SERVICE: setting(
    rate,
    '20/900s',
    'failed authentications of a service client, and of a network, that are told apart and recorded',
  ),
  RATE_LIMIT_SERVICE_TOKEN: setting(rate, '300/60s', 'tokens that one service client is given'),
  ...oauthSettings,
  ...kmsSettings,
  RATE_LIMIT_EXPORT: setting(rate, '10/3600s', 'exports that one user asks for'),
  RATE_LIMIT_BROKER: setting(rate, '20/900s', 'times that one user has a broker asked (linking, rotating, verifying)'),
  KITE_API_URL: setting(httpUrl, 'https://api.kite.trade', 'Kite Connect of Zerodha'),
  KITE_API_TIMEOUT_MS: setting(integer(100, 60_000), '10000', 'how long an answer of Kite is waited for'),
  KITE_API_RETRIES: setting(integer(0, 10), '3', 'how often a call to Kite is tried again, where it may be'),
  ALPACA_API_URL: setting(httpUrl, 'https://api.alpaca.markets', "Alpaca's Trading API"),
  ...webhookSettings,
  GEOIP_DATABASE: setting(z.string().min(1).optional(), undefined, 'a MaxMind-format country database (.mmdb)'),
  BOOTSTRAP_ADMIN_EMAIL: setting(z.email().optional(), undefined, 'whoever verifies this address while there is no superadmin becomes one'),
  LINK_VERIFY_EMAIL: setting(httpUrl.optional(), undefined, 'page that verification links open; PUBLIC_URL/verify-email where not set'),
  LINK_RESET_PASSWORD: setting(httpUrl.optional(), undefined, 'page that reset links open; PUBLIC_URL/reset-password where not set'),
  LINK_MAGIC_LINK: setting(httpUrl.optional(), undefined, 'page that sign-in links open; PUBLIC_URL/magic-link where not set'),
  LINK_INVITATION: setting(
    httpUrl.optional(),
    undefined,
    'page that invitations to an organization open; PUBLIC_URL/invitation where not set',
  ),
  LINK_NOT_ME: setting(httpUrl.optional(), undefined, 'page that disowns a sign-in; PUBLIC_URL/not-me where not set'),
  SUBGRAPH_SDL: setting(flag.optional(), undefined, 'whether _service { sdl } answers; off in production where not set'),
  GRPC_PORT: setting(
    integer(0, 65_535).optional(),
    undefined,
    'port of HOST for gRPC, for other services and Envoy (0: any free one); no gRPC where not set',
  ),
  GRPC_TLS_CERT_FILE: setting(z.string().optional(), undefined, 'certificate chain of the gRPC port, PEM; no TLS there where not set'),
  GRPC_TLS_KEY_FILE: setting(z.string().optional(), undefined, 'its private key, PEM'),
  GRPC_TLS_CLIENT_CA_FILE: setting(
    z.string().optional(),
    undefined,
    'authorities whose client certificates the gRPC port asks for, PEM (mTLS); none are asked for where not set',
  ),
  GRPC_ENVOY_TOKEN: setting(
    z.string().min(16).optional(),
    undefined,
    'bearer token that Envoy has to send with its questions to ext_authz; none is asked for where not set',
  ),
  METRICS_TOKEN: setting(
    z.string().min(16).optional(),
    undefined,
    'bearer token /metrics asks for; without it only loopback reads /metrics, and in production nobody',
  ),
  LOG_LEVEL: setting(z.enum(['debug', 'info', 'warn', 'error', 'silent']), 'info', 'least level that is logged'),
  OTEL_EXPORTER_OTLP_ENDPOINT: setting(httpUrl.optional(), undefined, 'where OpenTelemetry traces go (OTLP over HTTP); none where not set'),
} satisfies Record<string, Setting>;

type Settings = { readonly [K in keyof typeof settings]: z.output<(typeof settings)[K]['schema']> };
export type Config = Settings & { readonly production: boolean; readonly oauthProviders: readonly ProviderConfig[] };

/** A configuration that cannot be used: `problems` are sentences for an operator. Never holds a value, since values may be secrets. */
export class ConfigError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`The configuration cannot be used:\n${problems.map((p) => `  - ${p}`).join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** What production has to be told, because nothing embedded is taken there. */
const required = ['DATABASE_URL', 'REDIS_URL', 'SMTP_URL', 'PUBLIC_URL', 'MAIL_FROM'] as const;

/** The second is needed with the first. */
const pairs = [
  ['GRPC_TLS_CERT_FILE', 'GRPC_TLS_KEY_FILE'],
  ['GRPC_TLS_KEY_FILE', 'GRPC_TLS_CERT_FILE'],
  ['GRPC_TLS_CLIENT_CA_FILE', 'GRPC_TLS_CERT_FILE'],
] as const;

/** Reads and checks the settings; throws `ConfigError` naming every problem at once. An empty value counts as not set. */
export const readConfig = (env: Env = process.env): Config => {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, { schema, initial }] of Object.entries(settings) as [string, Setting][]) {
    const parsed = schema.safeParse(env[name] || initial);
    if (parsed.success) values[name] = parsed.data;
    else problems.push(`${name}: ${parsed.error.issues.map((issue) => issue.message).join('; ')}`);
  }
  const production = values['NODE_ENV'] === 'production';
  if (production) {
    for (const name of required) if (!env[name]) problems.push(`${name}: must be set with NODE_ENV=production (${settings[name].what})`);
    if (values['PUBLIC_URL'] && !String(values['PUBLIC_URL']).startsWith('https://'))
      problems.push('PUBLIC_URL: must be https with NODE_ENV=production');
    // Credentials are sent there.
    for (const name of ['KITE_API_URL', 'ALPACA_API_URL'] as const)
      if (isInTheClear(String(values[name]))) problems.push(`${name}: must be https with NODE_ENV=production, but on this machine`);
  }
  problems.push(...kmsProblems(env, production));
  const oauth = readProviders(env, production);
  problems.push(...oauth.problems);
  if (env['SMS_URL'])
    for (const name of ['SMS_ACCOUNT', 'SMS_TOKEN', 'SMS_FROM'] as const)
      if (!env[name]) problems.push(`${name}: must be set with SMS_URL (${settings[name].what})`);
  for (const [name, needed] of pairs)
    if (env[name] && !env[needed]) problems.push(`${needed}: must be set with ${name} (${settings[needed].what})`);
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze({ ...(values as Settings), production, oauthProviders: oauth.providers });
};
