/** Whose trading accounts are, and with whom they are shared. */
import { builder } from '../schema/builder.ts';
import { TradingAccount, TradingAccountService, TradingAccountShare } from '../schema/trading-accounts/trading-account.ts';
import * as trading from '../schema/trading-accounts/trading-accounts.ts';
import { User } from '../schema/users/user.ts';

builder.objectFields(TradingAccount, (t) => ({
  owner: t.field({ type: User, resolve: (account, _args, { loaders }) => loaders.userRef.load(account.ownerId) as never }),
  shares: t.field({
    type: [TradingAccountShare],
    nullable: true,
    description: 'With whom the owner shares it; for the owner.',
    resolve: (account, _args, { auth }) => auth.tradingAccounts.shares(account),
  }),
  services: t.field({
    type: [TradingAccountService],
    nullable: true,
    description: 'The programs that the owner lets read the credentials; for the owner.',
    resolve: (account, _args, { auth }) => auth.tradingAccounts.services(account),
  }),
}));
builder.objectField(TradingAccountShare, 'user', (t) =>
  t.field({ type: User, resolve: (share, _args, { loaders }) => loaders.userRef.load(share.userId) as never }),
);

builder.mutationField('shareTradingAccount', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: trading.TradingAccountResult,
    door: { open: 'signedIn', stepUp: 'always', note: 'By the owner, with users and with programs.' },
    args: { input: t.arg({ type: trading.ShareTradingAccountInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.tradingAccounts.share(caller, input),
  }),
);

builder.mutationField('unshareTradingAccount', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: trading.TradingAccountResult,
    door: { open: 'signedIn', note: 'By the owner.' },
    args: { input: t.arg({ type: trading.UnshareTradingAccountInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.tradingAccounts.unshare(caller, input),
  }),
);
