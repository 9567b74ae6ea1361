/** Letters about trading accounts. */
import { facts, text } from '../layout.ts';
import type { Words } from '../render.ts';
import { address, named, when } from './say.ts';

const locale = 'en-GB';
const unknown = 'unknown';
const noLinks = 'On purpose there is no link in this notice. Open the sites the way you always do.';
const takeBack =
  'If it was not you, act now: replace the key at your broker, choose “Forgot your password?” on our sign-in page and set a new one. That signs out every device.';

export const trading: Pick<Words, 'trading-account-failed' | 'trading-credentials-shown' | 'trading-program-allowed'> = {
  'trading-account-failed': ({ at, broker, account }) => ({
    subject: 'Your broker no longer takes your credentials',
    blocks: [
      text(
        'We asked your broker whether the credentials of your trading account still work. It refused them, so nothing can trade with them now.',
      ),
      facts(['Account', named(account, unknown)], ['Broker', named(broker, unknown)], ['When', when(locale, at)]),
      text('If you signed out at the broker or changed a key there, give the account new credentials in its settings.'),
      text('If you did not, sign in at your broker and look whether everything is in order.'),
      text(noLinks),
    ],
  }),
  'trading-credentials-shown': ({ at, ip, broker, account }) => ({
    subject: 'Credentials of your trading account were shown',
    blocks: [
      text('Somebody signed in as you, proved it once more, and had the key and secret of a trading account shown.'),
      facts(
        ['Account', named(account, unknown)],
        ['Broker', named(broker, unknown)],
        ['When', when(locale, at)],
        ['Address', address(ip, unknown)],
      ),
      text('If it was you, there is nothing to do.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
  'trading-program-allowed': ({ at, ip, broker, account, program }) => ({
    subject: 'A program may use your trading account',
    blocks: [
      text('A program was let to read the credentials of a trading account of yours, and so to trade with it.'),
      facts(
        ['Program', named(program, unknown)],
        ['Account', named(account, unknown)],
        ['Broker', named(broker, unknown)],
        ['When', when(locale, at)],
        ['Address', address(ip, unknown)],
      ),
      text('If it was you, there is nothing to do. You can take it back in the settings of the account.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
};
