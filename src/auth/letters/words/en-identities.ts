/** Letters on sign-in with other providers. */
import { facts, text } from '../layout.ts';
import type { Words } from '../render.ts';
import { address, named, when } from './say.ts';

const locale = 'en-GB';
const unknown = 'unknown';
const noLinks = 'This notice carries no links on purpose. Open the site the way you always do.';
const takeBack =
  'If it was not you, act now: choose “Forgot your password?” on our sign-in page, set a new password, which signs out every device, and take away in your settings what you have not linked.';

export const identities: Pick<Words, 'identity-linked' | 'identity-unlinked'> = {
  'identity-linked': ({ at, ip, provider }) => ({
    subject: 'Another way to sign in was added',
    blocks: [
      text('From now on, whoever signs in to an account with another provider is signed in to your account here too.'),
      facts(['Provider', named(provider, unknown)], ['When', when(locale, at)], ['Address', address(ip, unknown)]),
      text('If it was you, there is nothing to do.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
  'identity-unlinked': ({ at, ip, provider }) => ({
    subject: 'A way to sign in was taken away',
    blocks: [
      text('An account with another provider opens your account here no longer.'),
      facts(['Provider', named(provider, unknown)], ['When', when(locale, at)], ['Address', address(ip, unknown)]),
      text('If it was you, there is nothing to do.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
};
