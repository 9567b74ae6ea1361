/** The nouns of trading accounts. */
import { type TradingAccount as Account, tradingAccesses, tradingStatuses } from '../../auth/trading-accounts/model.ts';
import type { ServiceConsent, Share } from '../../auth/trading-accounts/shares.ts';
import { builder, Node } from '../builder.ts';

export const TradingAccountStatus = builder.enumType('TradingAccountStatus', { values: tradingStatuses });
export const TradingAccess = builder.enumType('TradingAccess', { values: tradingAccesses });

export const TradingAccount = builder.objectRef<Account>('TradingAccount').implement({
  description: 'A broker account whose credentials are held encrypted, each under a data key of its own.',
  interfaces: [Node],
  fields: (t) => ({
    id: t.exposeID('id'),
    broker: t.exposeString('broker'),
    brokerUserId: t.exposeString('brokerUserId'),
    nickname: t.exposeString('nickname', { nullable: true }),
    preferences: t.expose('preferences', { type: 'JSON', nullable: true, description: 'Null for whom it is shared with to VIEW.' }),
    status: t.expose('status', {
      type: TradingAccountStatus,
      description: 'EXPIRED: the broker’s token is over (of Kite at 06:00 IST); rotate the credentials.',
    }),
    apiKeyHint: t.exposeString('apiKeyHint', {
      description: 'Never the credential: its last four characters. Empty for all but the owner, and for a very short key.',
    }),
    linkedAt: t.expose('linkedAt', { type: 'DateTime' }),
    lastVerifiedAt: t.expose('lastVerifiedAt', { type: 'DateTime', nullable: true }),
    credentialsRotatedAt: t.expose('credentialsRotatedAt', { type: 'DateTime', nullable: true }),
  }),
});
export const TradingAccountShare = builder.objectRef<Share>('TradingAccountShare').implement({
  fields: (t) => ({
    access: t.expose('access', { type: TradingAccess }),
    grantedAt: t.expose('grantedAt', { type: 'DateTime' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true }),
  }),
});
export const TradingAccountService = builder.objectRef<ServiceConsent>('TradingAccountService').implement({
  description: 'A program that the owner lets read the credentials.',
  fields: (t) => ({
    clientId: t.exposeID('clientId'),
    name: t.exposeString('name'),
    grantedAt: t.expose('grantedAt', { type: 'DateTime' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true }),
  }),
});
