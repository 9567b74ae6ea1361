/** What callers give the trading-accounts room, and how its operations end. */
import type { TradingAccounts } from '../../auth/trading-accounts/index.ts';
import { builder } from '../builder.ts';
import { problems } from '../problems.ts';
import { type OutcomeOf, resultUnion } from '../result.ts';
import { TradingAccess, TradingAccount } from './trading-account.ts';

export const LinkTradingAccountInput = builder.inputType('LinkTradingAccountInput', {
  description: 'Kite Connect: `requestToken` of its login flow (exchanged for an access token), or a ready `accessToken`.',
  fields: (t) => ({
    broker: t.string({ required: true, defaultValue: 'kite' }),
    apiKey: t.string({ required: true }),
    apiSecret: t.string({ required: true }),
    requestToken: t.string(),
    accessToken: t.string(),
    nickname: t.string(),
    preferences: t.field({ type: 'JSON' }),
  }),
});
export const UpdateTradingAccountInput = builder.inputType('UpdateTradingAccountInput', {
  description: 'What is left out stays; null clears.',
  fields: (t) => ({ accountId: t.id({ required: true }), nickname: t.string(), preferences: t.field({ type: 'JSON' }) }),
});
export const TradingAccountInput = builder.inputType('TradingAccountInput', { fields: (t) => ({ accountId: t.id({ required: true }) }) });
export const RotateTradingCredentialsInput = builder.inputType('RotateTradingCredentialsInput', {
  fields: (t) => ({
    accountId: t.id({ required: true }),
    apiKey: t.string({ required: true }),
    apiSecret: t.string({ required: true }),
    requestToken: t.string(),
    accessToken: t.string(),
  }),
});
export const ShareTradingAccountInput = builder.inputType('ShareTradingAccountInput', {
  description: '`userId` is a user’s id, or a service client’s, which may then read the credentials (TRADE).',
  fields: (t) => ({
    accountId: t.id({ required: true }),
    userId: t.id({ required: true }),
    access: t.field({ type: TradingAccess, required: true }),
    expiresAt: t.field({ type: 'DateTime' }),
  }),
});
export const UnshareTradingAccountInput = builder.inputType('UnshareTradingAccountInput', {
  fields: (t) => ({ accountId: t.id({ required: true }), userId: t.id({ required: true }) }),
});

type Revealed = Extract<OutcomeOf<TradingAccounts['reveal']>, { kind: 'TradingCredentials' }>;
export const TradingCredentials = builder.objectRef<Revealed>('TradingCredentials').implement({
  fields: (t) => ({
    accountId: t.exposeID('accountId'),
    apiKey: t.exposeString('apiKey'),
    apiSecret: t.exposeString('apiSecret'),
    accessToken: t.exposeString('accessToken', { nullable: true, description: 'Null also where it is over.' }),
  }),
});

const { NotFound, Conflict, InvalidInput, BrokerRejected, BrokerUnavailable, QuotaExceeded } = problems;
type Changing = Omit<TradingAccounts, 'visible' | 'list' | 'reveal' | 'unlink' | 'shares' | 'services' | 'recheck' | 'sweep'>;
export const TradingAccountResult = resultUnion<OutcomeOf<Changing[keyof Changing]>>('TradingAccountResult', {
  TradingAccount,
  NotFound,
  Conflict,
  InvalidInput,
  BrokerRejected,
  BrokerUnavailable,
  QuotaExceeded,
});
export const TradingCredentialsResult = resultUnion<OutcomeOf<TradingAccounts['reveal']>>('TradingCredentialsResult', {
  TradingCredentials,
  NotFound,
});
