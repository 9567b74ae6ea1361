/** The settings of sign-in with other providers: a few for all, and a family of names for each provider. */
import { z } from 'zod';
import { type Env, integer, isInTheClear, list, rate, type Setting, setting } from './forms.ts';

/** Schemes that run or hold something, and so are nobody's to come back to. */
const barred = /^(javascript|data|vbscript|file|blob|about|ws|wss|ftp|mailto):/i;
/** RFC 6749 §3.1.2: absolute, without a fragment. Written as it will be compared, and without a query, which the exchange would have to repeat. */
const isRedirectUri = (text: string): boolean => {
  if (!URL.canParse(text) || barred.test(text)) return false;
  const { href, username, password } = new URL(text);
  return href === text && !/[?#]/.test(text) && username === '' && password === '';
};
const uris = list.pipe(
  z.array(
    z.string().refine(isRedirectUri, 'absolute URLs as a browser writes them (https://app.example.com/), without query and fragment'),
  ),
);

export const oauthSettings = {
  OAUTH_REDIRECT_URIS: setting(
    uris,
    '',
    'pages that a sign-in with another provider may come back to, separated by commas; compared character by character',
  ),
  RATE_LIMIT_OAUTH: setting(rate, '30/300s', 'sign-ins with other providers that a network begins'),
  OAUTH_TIMEOUT_MS: setting(integer(100, 60_000), '5000', 'how long one answer of a provider is waited for'),
};

const issuer = z.url({ protocol: /^https?$/ }).refine((text) => !/[?#]/.test(text), 'an issuer has no query and no fragment');
const words = z
  .string()
  .transform((text) => text.split(/[\s,]+/).filter(Boolean))
  .refine((scopes) => scopes.includes('openid'), 'openid has to be among the scopes');

/** What follows `OAUTH_<PROVIDER>_` in the names of one provider's settings. */
const providerSettings = {
  CLIENT_ID: setting(z.string().min(1), undefined, 'sign-in with this provider (GOOGLE, MICROSOFT, or any name): the client id it gave'),
  CLIENT_SECRET: setting(z.string().min(1), undefined, 'its client secret'),
  ISSUER: setting(issuer, undefined, 'its OpenID Connect issuer; known for GOOGLE. Of MICROSOFT the one of a tenant, never common'),
  NAME: setting(z.string().min(1).max(50).optional(), undefined, 'what people are told it is called; made of its name where not set'),
  SCOPES: setting(words, 'openid email profile', 'what is asked of it'),
} satisfies Record<string, Setting>;

/** The same by the names that stand in documents. */
export const familySettings: Record<string, Setting> = Object.fromEntries(
  Object.entries(providerSettings).map(([suffix, one]) => [`OAUTH_<PROVIDER>_${suffix}`, one]),
);

export type ProviderConfig = {
  /** As clients name it: the name in the settings, lower case. */
  readonly id: string;
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scopes: readonly string[];
};

/** Issuers that are one and the same for everybody. Microsoft's are one for each tenant. */
const knownIssuers: Record<string, string> = { GOOGLE: 'https://accounts.google.com' };
const family = /^OAUTH_([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*?)_(CLIENT_ID|CLIENT_SECRET|ISSUER|NAME|SCOPES)$/;
/** Issuers that speak for whoever runs a tenant of theirs, of whom each may say any address. */
const ofManyTenants = (issuer: string): boolean => {
  if (!URL.canParse(issuer)) return false;
  const { hostname, pathname } = new URL(issuer);
  const [tenant = ''] = decodeURIComponent(pathname.replaceAll(/%(?![0-9a-f]{2})/gi, '%25'))
    .split('/')
    .filter(Boolean);
  return hostname === 'login.microsoftonline.com' && ['common', 'organizations', 'consumers'].includes(tenant.toLowerCase());
};

const spoken = (name: string): string =>
  name
    .toLowerCase()
    .split('_')
    .map((word) => word[0]?.toUpperCase() + word.slice(1))
    .join(' ');

/** The names that are set, each once, in the order of the alphabet. An empty value counts as not set. */
const namesIn = (env: Env): string[] => {
  const set = Object.keys(env).filter((key) => env[key]);
  return [...new Set(set.flatMap((key) => family.exec(key)?.[1] ?? []))].sort();
};

/** The providers of the environment, and what is wrong with them. */
export const readProviders = (env: Env, production: boolean): { providers: ProviderConfig[]; problems: string[] } => {
  const problems: string[] = [];
  const providers = namesIn(env).map((name): ProviderConfig => {
    const values: Record<string, unknown> = {};
    for (const [suffix, { schema, initial, what }] of Object.entries(providerSettings) as [string, Setting][]) {
      const key = `OAUTH_${name}_${suffix}`;
      const given = env[key] || (suffix === 'ISSUER' ? knownIssuers[name] : undefined) || initial;
      const parsed = schema.safeParse(given);
      if (parsed.success) values[suffix] = parsed.data;
      else if (given === undefined) problems.push(`${key}: must be set for the provider ${name} (${what})`);
      else problems.push(`${key}: ${parsed.error.issues.map((issue) => issue.message).join('; ')}`);
    }
    const from = String(values['ISSUER'] ?? '');
    if (production && from && !from.startsWith('https://')) problems.push(`OAUTH_${name}_ISSUER: must be https with NODE_ENV=production`);
    if (ofManyTenants(from)) problems.push(`OAUTH_${name}_ISSUER: must be the issuer of one tenant: anybody has a tenant of common`);
    return {
      id: name.toLowerCase(),
      name: (values['NAME'] as string | undefined) ?? spoken(name),
      issuer: from,
      clientId: values['CLIENT_ID'] as string,
      clientSecret: values['CLIENT_SECRET'] as string,
      scopes: values['SCOPES'] as string[],
    };
  });
  const first = providers[0];
  if (first && !env['OAUTH_REDIRECT_URIS'])
    problems.push(
      `OAUTH_REDIRECT_URIS: must be set with the provider ${first.id.toUpperCase()} (${oauthSettings.OAUTH_REDIRECT_URIS.what})`,
    );
  if (production)
    // RFC 8252 §7.3 and §7.1: apps on a desktop listen on loopback, apps on a telephone have a scheme of their own.
    for (const uri of (env['OAUTH_REDIRECT_URIS'] ?? '').split(',').map((item) => item.trim()))
      if (uri.startsWith('http:') && isInTheClear(uri))
        problems.push('OAUTH_REDIRECT_URIS: must be https with NODE_ENV=production, but on loopback');
  return { providers, problems };
};
