/** Letters to those whom somebody else brought in. */
import { facts, link, text } from '../layout.ts';
import type { Words } from '../render.ts';
import { named, when } from './say.ts';

const count = (number: number, one: string) => `${number} ${one}${number === 1 ? '' : 's'}`;
const locale = 'en-GB';
const unknown = 'unknown';

const once = (hours: number) =>
  `The link works once, for ${count(hours, 'hour')}. Pass it on to nobody: whoever has it can take over the account.`;

export const invited: Pick<Words, 'account-invitation' | 'email-assigned' | 'invitation' | 'added-to-organization'> = {
  'account-invitation': ({ link: href, validHours }) => ({
    subject: 'An account has been made for you',
    blocks: [
      text('An administrator has made an account for you with this address. Choose a password, and it is yours:'),
      link('Choose a password', href),
      text(once(validHours)),
      text('If you did not expect this, do nothing.'),
    ],
  }),
  'email-assigned': ({ link: href, validHours }) => ({
    subject: 'This is now the address of your account',
    blocks: [
      text('An administrator has made this the address that you sign in with. Choose a new password to confirm that it is yours:'),
      link('Choose a password', href),
      text(once(validHours)),
      text('If you have no account with us, do nothing.'),
    ],
  }),
  invitation: ({ link: href, organization, validDays }) => ({
    subject: 'You are invited to an organization',
    blocks: [
      text('Somebody invites you to join this organization:'),
      facts(['Organization', named(organization, unknown)]),
      link('Look at the invitation', href),
      text(
        `It holds for ${count(validDays, 'day')}, once, and for this address alone. If you have no account yet, make one with this address first.`,
      ),
      text('If you do not know what this is about, do nothing.'),
    ],
  }),
  'added-to-organization': ({ at, organization, role }) => ({
    subject: 'You are a member of an organization now',
    blocks: [
      text('Somebody who manages its members has added your account to this organization:'),
      facts(['Organization', named(organization, unknown)], ['Role', role], ['When', when(locale, at)]),
      text('Its settings hold for your account: it may ask for a second factor, and for fewer or shorter sessions.'),
      text('If you do not want that, sign in and leave the organization.'),
    ],
  }),
};
