import { code, facts, link, text } from '../layout.ts';
import type { Words } from '../render.ts';
import { identities } from './en-identities.ts';
import { invited } from './en-invited.ts';
import { trading } from './en-trading.ts';
import { address, country, device, when } from './say.ts';

const locale = 'en-GB';
const unknown = 'unknown';
const count = (number: number, one: string) => `${number} ${one}${number === 1 ? '' : 's'}`;

const noLinks =
  'On purpose there is no link in this notice. Open the site the way you always do, and never by a link in a mail that frightens you.';
const takeBack =
  'If it was not you, act now: choose “Forgot your password?” on the sign-in page and set a new one. That signs out every device. Then change the password of your mailbox too, because whoever reads your mail can reset your passwords.';

const factors = {
  TOTP: 'an authenticator app',
  EMAIL: 'codes by mail',
  SMS: 'codes by text message',
  WEBAUTHN: 'a security key or passkey',
} as const;

export const en = {
  ...invited,
  ...identities,
  ...trading,
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
  'email-changed': ({ at }) => ({
    subject: 'The address of your account was changed',
    blocks: [
      text(
        'An administrator gave your account another email address. From now on you sign in with that one, and every device was signed out.',
      ),
      facts(['When', when(locale, at)]),
      text('If you asked for this, there is nothing to do. If you did not, tell your administrator at once.'),
      text(noLinks),
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
  'new-device': ({ at, ip, browser, os, country: place, link: href }) => ({
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
      text('If it was not you, act now. This ends that session at once, and mails you a link to choose a new password:'),
      link('This was not me', href),
      text('The page behind it asks for nothing: no password, no code. If it does, it is not ours.'),
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
  'magic-link': ({ link: href, validMinutes }) => ({
    subject: 'Your sign-in link',
    blocks: [
      text('You asked to sign in without a password. Here is your link:'),
      link('Sign in', href),
      text(
        `It works once, for ${count(validMinutes, 'minute')}. Open it where you asked for it; anywhere else it asks for the code that is shown there.`,
      ),
      text('If you did not ask for this, do nothing, and pass the link on to nobody.'),
    ],
  }),
  'mfa-code': ({ code: digits, validMinutes }) => ({
    subject: 'Your sign-in code',
    blocks: [
      text('Type this code where you are signing in:'),
      code(digits),
      text(`It works for ${count(validMinutes, 'minute')}. Never tell it to anybody: we will not ask for it.`),
      text('If you are not signing in right now, somebody knows your password. Change it.'),
    ],
  }),
  'mfa-enabled': ({ at, ip, method }) => ({
    subject: 'A second factor was added',
    blocks: [
      text('Signing in to your account now takes a second step.'),
      facts(['When', when(locale, at)], ['Added', factors[method]], ['Address', address(ip, unknown)]),
      text('If it was you, there is nothing to do. Keep your backup codes where you will find them without your phone.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
  'mfa-disabled': ({ at, ip, method }) => ({
    subject: 'A second factor was removed',
    blocks: [
      text('A second factor of your account was taken away.'),
      facts(['When', when(locale, at)], ['Removed', factors[method]], ['Address', address(ip, unknown)]),
      text('If it was you, there is nothing to do.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
  'mfa-locked': ({ at, ip }) => ({
    subject: 'Somebody knows your password',
    blocks: [
      text(
        'Wrong codes were given again and again after a right first step, so no more are taken from there for a while. Whoever it was has your password, or reads your mail.',
      ),
      facts(['When', when(locale, at)], ['Address', address(ip, unknown)]),
      text('If you mistyped them yourself, wait half an hour and try again, or use a backup code then.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
  'backup-code-used': ({ at, ip, left, few }) => ({
    subject: 'A backup code was used',
    blocks: [
      text('Somebody signed in to your account with one of your backup codes.'),
      facts(['When', when(locale, at)], ['Address', address(ip, unknown)], ['Codes left', String(left)]),
      ...(few ? [text('Only a few are left: make new ones in the settings of your account, and the old ones end.')] : []),
      text('If it was you, there is nothing else to do.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
  'backup-codes-renewed': ({ at, ip }) => ({
    subject: 'Your backup codes are new',
    blocks: [
      text('New backup codes were made for your account. The old ones no longer work.'),
      facts(['When', when(locale, at)], ['Address', address(ip, unknown)]),
      text('If it was you, throw the old ones away.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
  'data-exported': ({ at, ip }) => ({
    subject: 'A copy of your data was asked for',
    blocks: [
      text(
        'Somebody who was signed in as you asked for a copy of everything we keep about you. It can be fetched for an hour, in that session alone.',
      ),
      facts(['When', when(locale, at)], ['Address', address(ip, unknown)]),
      text('If it was you, there is nothing to do.'),
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
