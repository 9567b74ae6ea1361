import { code, facts, link, text } from '../layout.ts';
import type { Words } from '../render.ts';
import { address, country, device, when } from './say.ts';

const locale = 'en-GB';
const unknown = 'unknown';
const count = (number: number, one: string) => `${number} ${one}${number === 1 ? '' : 's'}`;

const noLinks =
  'On purpose there is no link in this notice. Open the site the way you always do, and never by a link in a mail that frightens you.';
const takeBack =
  'If it was not you, act now: choose “Forgot your password?” on the sign-in page and set a new one. That signs out every device. Then change the password of your mailbox too, because whoever reads your mail can reset your passwords.';

export const en = {
  'verify-email': ({ link: href, code: digits, validHours }) => ({
    subject: 'Confirm your email address',
    blocks: [
      text('Welcome! Please confirm that this address is yours.'),
      link('Confirm my address', href),
      text('Or type this code where you are asked for it:'),
      code(digits),
      text(
        `The link works for ${count(validHours, 'hour')}, the code for 10 minutes. Never tell either to anybody: we will not ask for them.`,
      ),
      text('If you did not sign up, do nothing. Without your confirmation the address is not used.'),
    ],
  }),
  'address-taken': ({ link: href }) => ({
    subject: 'You already have an account',
    blocks: [
      text('Somebody tried to sign up with this address, but it already has an account with us. Nothing has been changed.'),
      text('If it was you, just sign in as usual. If you do not remember your password, you can set a new one.'),
      link('Set a new password', href),
      text('If it was not you, there is nothing to do. Nobody has been told that your account exists.'),
    ],
  }),
  'reset-password': ({ link: href, validMinutes }) => ({
    subject: 'Set a new password',
    blocks: [
      text('You asked to set a new password. Choose one here:'),
      link('Set a new password', href),
      text(`The link works once, for ${count(validMinutes, 'minute')}. Pass it on to nobody: whoever has it can take over your account.`),
      text('If you did not ask for this, do nothing. Your password stays as it is.'),
    ],
  }),
  'password-changed': ({ at, ip }) => ({
    subject: 'Your password was changed',
    blocks: [
      text('The password of your account was changed.'),
      facts(['When', when(locale, at)], ['Address', address(ip, unknown)]),
      text('If it was you, there is nothing to do.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
  'new-device': ({ at, ip, browser, os, country: place }) => ({
    subject: 'New sign-in to your account',
    blocks: [
      text('Your account was used on a device that we had not seen before.'),
      facts(
        ['When', when(locale, at)],
        ['Device', device(browser, os, unknown)],
        ['Address', address(ip, unknown)],
        ['Country (a guess from the address)', country(locale, place, unknown)],
      ),
      text('If it was you, there is nothing to do.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
  'session-limit': ({ at, limit, browser, os }) => ({
    subject: 'You were signed out on one device',
    blocks: [
      text(
        `Your account may be signed in ${limit === 1 ? 'on one device' : `on ${limit} devices`} at a time. A new sign-in went beyond that, so the oldest one was ended.`,
      ),
      facts(['When', when(locale, at)], ['New sign-in', device(browser, os, unknown)]),
      text('If the new sign-in was yours, there is nothing to do.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
  'refresh-reused': ({ at, ip, browser, os }) => ({
    subject: 'We ended one of your sessions to protect you',
    blocks: [
      text(
        'A key that keeps you signed in was used a second time after it had been replaced. Somebody may have copied it, so we ended the session it belongs to. Your password was not used.',
      ),
      facts(['When', when(locale, at)], ['Used from', address(ip, unknown)], ['Device', device(browser, os, unknown)]),
      text(
        'If you know this device and address, just sign in again: now and then a restored backup or a copied browser profile causes this.',
      ),
      text(
        'If you do not, the device you were signed in on may be infected. Check it first, then set a new password and sign out of all other devices.',
      ),
      text(noLinks),
    ],
  }),
} satisfies Words;
