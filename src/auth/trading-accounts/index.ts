/** The door of the trading-accounts room. */
import type { Log } from '../../infra/ports.ts';
import type { BrokerNeeds } from './ask.ts';
import { type FindOutNeeds, openFindOut } from './find-out.ts';
import { linkTradingAccount } from './link.ts';
import { type TradingAccount, unlinkedDays } from './model.ts';
import { readTradingAccounts } from './read.ts';
import { revealTradingCredentials } from './reveal.ts';
import { rotateTradingCredentials } from './rotate.ts';
import { shareTradingAccount, unshareTradingAccount } from './share.ts';
import { listServices, listShares, type ServiceConsent, type Share, sweepShares } from './shares.ts';
import { sweepUnlinked } from './store.ts';
import { unlinkTradingAccount, updateTradingAccount } from './update.ts';
import { recheckTradingAccounts, verifyTradingAccount } from './verify.ts';

export type TradingAccounts = ReturnType<typeof openTradingAccounts>;

export const openTradingAccounts = (given: BrokerNeeds & FindOutNeeds & { log: Log }) => {
  const { database, clock } = given;
  const needs = { ...given, findOut: openFindOut(given) };
  return {
    ...readTradingAccounts(needs),
    link: linkTradingAccount(needs),
    update: updateTradingAccount(needs),
    verify: verifyTradingAccount(needs),
    rotate: rotateTradingCredentials(needs),
    reveal: revealTradingCredentials(needs),
    share: shareTradingAccount(needs),
    unshare: unshareTradingAccount(needs),
    unlink: unlinkTradingAccount(needs),
    /** For the owner; null for anybody else. */
    shares: async ({ id, by }: TradingAccount): Promise<Share[] | null> => (by === 'OWNER' ? listShares(database, id, clock.now()) : null),
    services: async ({ id, by }: TradingAccount): Promise<ServiceConsent[] | null> =>
      by === 'OWNER' ? listServices(database, id, clock.now()) : null,
    recheck: recheckTradingAccounts(needs),
    sweep: async (): Promise<void> => {
      const before = new Date(clock.now().getTime() - unlinkedDays * 86_400_000);
      await sweepUnlinked(database, before);
      await sweepShares(database, before);
    },
  };
};
