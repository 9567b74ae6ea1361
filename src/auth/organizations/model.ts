/** The nouns and pure rules of organizations. */
export type Settings = {
  requireMfa: boolean;
  maxSessionsPerUser: number | null;
  allowedEmailDomains: string[];
  sessionIdleSeconds: number | null;
  auditRetentionDays: number | null;
};
export type Organization = { id: string; name: string; slug: string; createdAt: Date } & Settings;
export type Member = { id: string; orgId: string; userId: string; roleId: string; joinedAt: Date; lastActiveAt: Date | null };
export type Invitation = {
  id: string;
  orgId: string;
  email: string;
  roleId: string;
  invitedBy: string | null;
  createdAt: Date;
  expiresAt: Date;
};

export const ownerRole = 'owner';
export const invitationDays = 7;
/** Of one user, and open in one organization. */
export const mostOwned = 20;
export const mostInvitations = 500;

// Control characters, and what turns the direction of the text after it (UTR #36 §3).
const unprintable = /[\p{Cc}\p{Cs}\u2028\u2029\u202A-\u202E\u2066-\u2069]/u;
/** The name as it is kept, or null where it cannot be one. */
export const parseName = (text: string): string | null => {
  const name = text.normalize('NFC').trim();
  return name !== '' && [...name].length <= 100 && !unprintable.test(name) ? name : null;
};

/** A label of a host name (RFC 1123 §2.1) of 3 to 63 characters that is no id. */
export const isSlug = (text: string): boolean => /^[a-z][a-z0-9-]{1,61}[a-z0-9]$/.test(text) && !text.includes('--');
/** A slug from a name; `tail` where the name gives none, or to tell two apart. */
export const slugOf = (name: string, tail: string): string => {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^[^a-z]+|-+$/g, '')
    .slice(0, 48);
  return `${plain || 'org'}-${tail}`.replaceAll(/-+/g, '-');
};

const domain = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;
export type SettingsInput = { [K in keyof Settings]?: Settings[K] | null };
/** What was given, as it is kept, or the path of what cannot be. */
export const checkSettings = (input: SettingsInput): Partial<Settings> | { field: string; message: string } => {
  const within = (field: keyof Settings, least: number, most: number) => {
    const value = input[field] as number | null | undefined;
    return value == null || (Number.isInteger(value) && value >= least && value <= most)
      ? null
      : { field: `settings.${field}`, message: `From ${least} to ${most}.` };
  };
  const problem =
    within('maxSessionsPerUser', 1, 10_000) ?? within('sessionIdleSeconds', 60, 31_536_000) ?? within('auditRetentionDays', 30, 36_500);
  if (problem) return problem;
  const domains = input.allowedEmailDomains?.map((one) => one.trim().toLowerCase().replace(/^@/, ''));
  if (domains && (domains.length > 100 || !domains.every((one) => domain.test(one))))
    return { field: 'settings.allowedEmailDomains', message: 'At most 100 domains such as example.com.' };
  const { requireMfa, maxSessionsPerUser, sessionIdleSeconds, auditRetentionDays } = input;
  return {
    ...(requireMfa != null && { requireMfa }),
    ...(domains && { allowedEmailDomains: [...new Set(domains)] }),
    // Null takes a limit away.
    ...(maxSessionsPerUser !== undefined && { maxSessionsPerUser }),
    ...(sessionIdleSeconds !== undefined && { sessionIdleSeconds }),
    ...(auditRetentionDays !== undefined && { auditRetentionDays }),
  };
};

/** Whether an address may be of the organization; no domains: any. */
export const isAllowed = (domains: readonly string[], emailKey: string): boolean =>
  domains.length === 0 || domains.includes(emailKey.slice(emailKey.lastIndexOf('@') + 1));
