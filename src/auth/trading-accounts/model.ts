/** The nouns and pure rules of trading accounts. */

import type { SealContext } from '../../infra/ports.ts';
import type { Refused } from '../outcome.ts';
import { checkProfile } from '../users/profile.ts';

export const tradingStatuses = ['PENDING', 'ACTIVE', 'INVALID_CREDENTIALS', 'EXPIRED', 'UNLINKED'] as const;
export type TradingStatus = (typeof tradingStatuses)[number];
export const tradingAccesses = ['VIEW', 'TRADE'] as const;
export type TradingAccess = (typeof tradingAccesses)[number];

/** An account as it is kept, without its credentials. */
export type AccountRow = {
  id: string;
  ownerId: string;
  broker: string;
  brokerUserId: string;
  nickname: string | null;
  preferences: Record<string, unknown>;
  status: TradingStatus;
  apiKeyHint: string;
  tokenExpiresAt: Date | null;
  linkedAt: Date;
  lastVerifiedAt: Date | null;
  credentialsRotatedAt: Date | null;
};
/** An account as somebody sees it, and by what: as its owner or by a share. */
export type TradingAccount = Omit<AccountRow, 'preferences'> & { preferences: Record<string, unknown> | null; by: 'OWNER' | TradingAccess };
export type TradingAccountShown = { readonly kind: 'TradingAccount' } & TradingAccount;

/** What is sealed. An access token that is over stays until the next rotation, and is not shown. */
export type Credentials = { apiKey: string; apiSecret: string; accessToken: string | null };

/** Of one user; and users and programs that see one account. */
export const mostAccounts = 20;
export const mostShares = 50;
export const checkSeconds = 6 * 3600;
/** How long an unlinked account still says that it is. */
export const unlinkedDays = 30;

export const sealContext = (id: string, owner: string): SealContext => ({ purpose: 'trading_credentials', id, owner });
export const resourceOf = (id: string): string => `trading_account:${id}`;

/** Tokens end by the clock, and nobody has to look for that to be so. */
export const statusAt = ({ status, tokenExpiresAt }: Pick<AccountRow, 'status' | 'tokenExpiresAt'>, now: Date): TradingStatus =>
  status === 'ACTIVE' && tokenExpiresAt !== null && tokenExpiresAt <= now ? 'EXPIRED' : status;

/** What the owner sees, and what of it a share shows: neither the hint nor, unless one may trade, what the owner set for trading. */
export const seenBy = (row: AccountRow, by: TradingAccount['by'], now: Date): TradingAccount => ({
  ...row,
  by,
  status: statusAt(row, now),
  preferences: by === 'VIEW' ? null : row.preferences,
  apiKeyHint: by === 'OWNER' ? row.apiKeyHint : '',
});

/** The last four characters; none of a key so short that they would be half of it. */
export const hintOf = (apiKey: string): string => (apiKey.length < 8 ? '' : apiKey.slice(-4));

export type CredentialsInput = { apiKey: string; apiSecret: string; requestToken?: string | null; accessToken?: string | null };
const longest = { apiKey: 200, apiSecret: 500, requestToken: 500, accessToken: 2000 } as const;
const invalid = (field: string, message: string): Refused<'InvalidInput'> => ({ kind: 'InvalidInput', field: `input.${field}`, message });

/** What is wrong with the form of credentials for a broker, or null: printable ASCII alone goes into headers and forms as it is. */
export const credentialsProblem = (given: CredentialsInput, tokens: 'needed' | 'none'): Refused<'InvalidInput'> | null => {
  for (const [field, most] of Object.entries(longest) as [keyof typeof longest, number][]) {
    const value = given[field];
    if (value == null) continue;
    if (!/^[\x21-\x7e]+$/.test(value) || value.length > most)
      return invalid(field, `This takes 1 to ${most} printable ASCII characters without spaces.`);
  }
  const tokensGiven = [given.requestToken, given.accessToken].filter((token) => token != null).length;
  if (tokens === 'none' && tokensGiven > 0)
    return invalid(given.requestToken != null ? 'requestToken' : 'accessToken', 'This broker takes a key and a secret alone.');
  if (tokens === 'needed' && tokensGiven !== 1)
    return invalid('requestToken', 'Give either the request token of the broker’s login or an access token.');
  // The key and the access token stand in one header, with a colon between them.
  if (given.apiKey.includes(':')) return invalid('apiKey', 'A key has no colon.');
  return null;
};

export type DetailsInput = { nickname?: string | null; preferences?: unknown };
export type Details = { nickname?: string | null; preferences?: Record<string, unknown> | null };
/** Nickname and preferences by the rules of a profile's name and preferences. Left out: stays; null: cleared. */
export const checkDetails = ({ nickname, preferences }: DetailsInput): Details | Refused<'InvalidInput'> => {
  const checked = checkProfile({
    ...(nickname !== undefined && { name: nickname }),
    ...(preferences !== undefined && { preferences }),
  });
  if ('kind' in checked)
    return checked.field === 'input.name' ? invalid('nickname', 'A nickname has 1 to 100 characters, and no control characters.') : checked;
  return {
    ...('name' in checked && { nickname: checked.name ?? null }),
    ...('preferences' in checked && { preferences: checked.preferences ?? null }),
  };
};
