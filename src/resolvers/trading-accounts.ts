/** The verbs of trading accounts. */
import type { SignedInCaller } from '../auth/caller.ts';
import { builder } from '../schema/builder.ts';
import { DeleteResult } from '../schema/deleted.ts';
import { TradingAccount } from '../schema/trading-accounts/trading-account.ts';
import * as trading from '../schema/trading-accounts/trading-accounts.ts';
import { isSelf, User } from '../schema/users/user.ts';
import { signedInOnly } from './reference.ts';

const connection = builder.connectionObject(
  {
    type: TradingAccount,
    name: 'TradingAccountConnection',
    fields: (t) => ({
      totalCount: t.int({ resolve: (page) => (page as unknown as { totalCount(): Promise<number> }).totalCount() }),
    }),
  },
  { name: 'TradingAccountEdge' },
);

builder.queryField('tradingAccounts', (t) =>
  t.connection(
    {
      type: TradingAccount,
      door: { open: 'signedIn', note: 'Linked ones: the viewer’s own, and those shared with the viewer.' },
      resolve: (_root, args, { auth, caller }) => auth.tradingAccounts.list(caller as SignedInCaller, args),
    },
    connection,
  ),
);

builder.queryField('tradingAccount', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: TradingAccount,
    nullable: true,
    door: { open: 'signedIn', note: 'The viewer’s own, or shared with the viewer.' },
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, { id }, { loaders }) => loaders.tradingAccount.load(id.toLowerCase()),
  }),
);

builder.objectField(User, 'tradingAccounts', (t) =>
  t.connection(
    {
      type: TradingAccount,
      nullable: true,
      description: 'The user’s own, for the user alone.',
      resolve: (user, args, { auth, caller }) =>
        isSelf(user.id, caller) ? auth.tradingAccounts.list(caller as SignedInCaller, args, { ownOnly: true }) : null,
    },
    connection,
  ),
);
builder.mutationField('linkTradingAccount', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: trading.TradingAccountResult,
    door: { open: 'signedIn', asOneself: true, note: 'The broker is asked before anything is stored.' },
    args: { input: t.arg({ type: trading.LinkTradingAccountInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.tradingAccounts.link(caller, input),
  }),
);

builder.mutationField('updateTradingAccount', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: trading.TradingAccountResult,
    door: { open: 'signedIn', note: 'By the owner.' },
    args: { input: t.arg({ type: trading.UpdateTradingAccountInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.tradingAccounts.update(caller, input),
  }),
);

builder.mutationField('verifyTradingAccount', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: trading.TradingAccountResult,
    door: { open: 'signedIn', note: 'By the owner, and by whom it is shared with to TRADE.' },
    args: { input: t.arg({ type: trading.TradingAccountInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.tradingAccounts.verify(caller, input),
  }),
);

builder.mutationField('rotateTradingCredentials', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: trading.TradingAccountResult,
    door: { open: 'signedIn', asOneself: true, note: 'By the owner. The broker is asked first.' },
    args: { input: t.arg({ type: trading.RotateTradingCredentialsInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.tradingAccounts.rotate(caller, input),
  }),
);

builder.mutationField('revealTradingCredentials', (t) =>
  t.field({
    type: trading.TradingCredentialsResult,
    door: {
      open: 'signedIn',
      stepUp: 'always',
      program: 'trading:credentials.read',
      note: 'To the owner, and to programs that the owner shares the account with. Recorded each time.',
    },
    args: { input: t.arg({ type: trading.TradingAccountInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.tradingAccounts.reveal(caller, input),
  }),
);

builder.mutationField('unlinkTradingAccount', (t) =>
  t.withAuth({ signedIn: true }).field({
    type: DeleteResult,
    door: { open: 'signedIn', inPerson: true, note: 'By the owner. The credentials are deleted.' },
    args: { input: t.arg({ type: trading.TradingAccountInput, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.tradingAccounts.unlink(caller, input),
  }),
);

builder.asEntity(TradingAccount, {
  key: builder.selection<{ id: string }>('id'),
  resolveReference: ({ id }, { loaders, caller }) => signedInOnly(caller, () => loaders.tradingAccount.load(id.toLowerCase())) as never,
});
