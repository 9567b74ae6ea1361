import { code, facts, link, text } from '../layout.ts';
import type { Words } from '../render.ts';
import { identities } from './de-identities.ts';
import { invited } from './de-invited.ts';
import { trading } from './de-trading.ts';
import { address, country, device, when } from './say.ts';

const locale = 'de';
const unknown = 'unbekannt';
const count = (number: number, one: string, more: string) => `${number} ${number === 1 ? one : more}`;

const noLinks =
  'In diesem Hinweis steht absichtlich kein Link. Öffnen Sie die Seite so, wie Sie es immer tun, und nie über einen Link in einer Mail, die Ihnen Angst macht.';
const takeBack =
  'Wenn Sie es nicht waren, handeln Sie jetzt: Wählen Sie auf der Anmeldeseite „Passwort vergessen?“ und setzen Sie ein neues Passwort. Damit werden alle Geräte abgemeldet. Ändern Sie danach auch das Passwort Ihres Postfachs, denn wer Ihre Mails liest, kann Ihre Passwörter zurücksetzen.';

const factors = {
  TOTP: 'eine Authentifizierungs-App',
  EMAIL: 'Codes per Mail',
  SMS: 'Codes per SMS',
  WEBAUTHN: 'ein Sicherheitsschlüssel oder Passkey',
} as const;

export const de = {
  ...invited,
  ...identities,
  ...trading,
  'verify-email': ({ link: href, code: digits, validHours }) => ({
    subject: 'Bestätigen Sie Ihre E-Mail-Adresse',
    blocks: [
      text('Willkommen! Bitte bestätigen Sie, dass diese Adresse Ihnen gehört.'),
      link('Meine Adresse bestätigen', href),
      text('Oder geben Sie diesen Code ein, wo Sie danach gefragt werden:'),
      code(digits),
      text(
        `Der Link gilt ${count(validHours, 'Stunde', 'Stunden')}, der Code 10 Minuten. Geben Sie beides niemandem weiter: Wir fragen nie danach.`,
      ),
      text('Wenn Sie sich nicht registriert haben, müssen Sie nichts tun. Ohne Ihre Bestätigung wird die Adresse nicht verwendet.'),
    ],
  }),
  'address-taken': ({ link: href }) => ({
    subject: 'Sie haben bereits ein Konto',
    blocks: [
      text('Jemand wollte sich mit dieser Adresse registrieren, aber sie gehört schon zu einem Konto bei uns. Es wurde nichts geändert.'),
      text(
        'Wenn Sie es waren, melden Sie sich einfach wie gewohnt an. Wenn Sie Ihr Passwort nicht mehr wissen, können Sie ein neues setzen.',
      ),
      link('Neues Passwort setzen', href),
      text('Wenn Sie es nicht waren, müssen Sie nichts tun. Niemand hat erfahren, dass es Ihr Konto gibt.'),
    ],
  }),
  'reset-password': ({ link: href, validMinutes }) => ({
    subject: 'Neues Passwort setzen',
    blocks: [
      text('Sie möchten ein neues Passwort setzen. Das geht hier:'),
      link('Neues Passwort setzen', href),
      text(
        `Der Link gilt ${count(validMinutes, 'Minute', 'Minuten')} und nur einmal. Geben Sie ihn niemandem weiter: Wer ihn hat, kann Ihr Konto übernehmen.`,
      ),
      text('Wenn Sie das nicht angefordert haben, müssen Sie nichts tun. Ihr Passwort bleibt, wie es ist.'),
    ],
  }),
  'email-changed': ({ at }) => ({
    subject: 'Die Adresse Ihres Kontos wurde geändert',
    blocks: [
      text('Die Verwaltung hat Ihrem Konto eine andere Adresse gegeben. Melden Sie sich mit dieser neu an: Alle Geräte wurden abgemeldet.'),
      facts(['Wann', when(locale, at)]),
      text('Wenn Sie darum gebeten haben, müssen Sie nichts tun. Wenn nicht, sagen Sie der Verwaltung sofort Bescheid.'),
      text(noLinks),
    ],
  }),
  'password-changed': ({ at, ip }) => ({
    subject: 'Ihr Passwort wurde geändert',
    blocks: [
      text('Das Passwort Ihres Kontos wurde geändert.'),
      facts(['Wann', when(locale, at)], ['Adresse', address(ip, unknown)]),
      text('Wenn Sie es waren, müssen Sie nichts tun.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
  'new-device': ({ at, ip, browser, os, country: place, link: href }) => ({
    subject: 'Neue Anmeldung an Ihrem Konto',
    blocks: [
      text('Ihr Konto wurde auf einem Gerät benutzt, das wir noch nicht kannten.'),
      facts(
        ['Wann', when(locale, at)],
        ['Gerät', device(browser, os, unknown)],
        ['Adresse', address(ip, unknown)],
        ['Land (aus der Adresse geschätzt)', country(locale, place, unknown)],
      ),
      text('Wenn Sie es waren, müssen Sie nichts tun.'),
      text(
        'Wenn Sie es nicht waren, handeln Sie jetzt. Das beendet diese Sitzung sofort und schickt Ihnen einen Link für ein neues Passwort:',
      ),
      link('Das war ich nicht', href),
      text('Die Seite dahinter fragt nach nichts: nach keinem Passwort, nach keinem Code. Tut sie es doch, ist sie nicht von uns.'),
    ],
  }),
  'session-limit': ({ at, limit, browser, os }) => ({
    subject: 'Sie wurden auf einem Gerät abgemeldet',
    blocks: [
      text(
        `Ihr Konto darf ${limit === 1 ? 'nur auf einem Gerät' : `auf höchstens ${limit} Geräten`} zugleich angemeldet sein. Eine neue Anmeldung ging darüber hinaus, deshalb wurde die älteste beendet.`,
      ),
      facts(['Wann', when(locale, at)], ['Neue Anmeldung', device(browser, os, unknown)]),
      text('Wenn die neue Anmeldung von Ihnen war, müssen Sie nichts tun.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
  'magic-link': ({ link: href, validMinutes }) => ({
    subject: 'Ihr Anmeldelink',
    blocks: [
      text('Sie möchten sich ohne Passwort anmelden. Hier ist Ihr Link:'),
      link('Anmelden', href),
      text(
        `Er gilt einmal und ${count(validMinutes, 'Minute', 'Minuten')}. Öffnen Sie ihn dort, wo Sie ihn angefordert haben; anderswo fragt er nach dem Code, der dort steht.`,
      ),
      text('Wenn Sie das nicht angefordert haben, müssen Sie nichts tun. Geben Sie den Link niemandem weiter.'),
    ],
  }),
  'mfa-code': ({ code: digits, validMinutes }) => ({
    subject: 'Ihr Anmeldecode',
    blocks: [
      text('Geben Sie diesen Code dort ein, wo Sie sich anmelden:'),
      code(digits),
      text(`Er gilt ${count(validMinutes, 'Minute', 'Minuten')}. Geben Sie ihn niemandem weiter: Wir fragen nie danach.`),
      text('Wenn Sie sich gerade nicht anmelden, kennt jemand Ihr Passwort. Ändern Sie es.'),
    ],
  }),
  'mfa-enabled': ({ at, ip, method }) => ({
    subject: 'Ein zweiter Faktor wurde hinzugefügt',
    blocks: [
      text('Die Anmeldung an Ihrem Konto verlangt jetzt einen zweiten Schritt.'),
      facts(['Wann', when(locale, at)], ['Hinzugefügt', factors[method]], ['Adresse', address(ip, unknown)]),
      text('Wenn Sie es waren, müssen Sie nichts tun. Bewahren Sie Ihre Ersatzcodes dort auf, wo Sie sie auch ohne Ihr Telefon finden.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
  'mfa-disabled': ({ at, ip, method }) => ({
    subject: 'Ein zweiter Faktor wurde entfernt',
    blocks: [
      text('Ein zweiter Faktor Ihres Kontos wurde entfernt.'),
      facts(['Wann', when(locale, at)], ['Entfernt', factors[method]], ['Adresse', address(ip, unknown)]),
      text('Wenn Sie es waren, müssen Sie nichts tun.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
  'mfa-locked': ({ at, ip }) => ({
    subject: 'Jemand kennt Ihr Passwort',
    blocks: [
      text(
        'Nach einem richtigen ersten Schritt wurden immer wieder falsche Codes eingegeben, deshalb nehmen wir von dort eine Weile keine mehr an. Wer immer es war, hat Ihr Passwort oder liest Ihre Mails.',
      ),
      facts(['Wann', when(locale, at)], ['Adresse', address(ip, unknown)]),
      text(
        'Wenn Sie sich selbst vertippt haben, warten Sie eine halbe Stunde und versuchen Sie es dann wieder, notfalls mit einem Ersatzcode.',
      ),
      text(takeBack),
      text(noLinks),
    ],
  }),
  'backup-code-used': ({ at, ip, left, few }) => ({
    subject: 'Ein Ersatzcode wurde benutzt',
    blocks: [
      text('An Ihrem Konto hat sich jemand mit einem Ihrer Ersatzcodes angemeldet.'),
      facts(['Wann', when(locale, at)], ['Adresse', address(ip, unknown)], ['Übrige Codes', String(left)]),
      ...(few ? [text('Es sind nur noch wenige übrig: Machen Sie in den Einstellungen Ihres Kontos neue, dann enden die alten.')] : []),
      text('Wenn Sie es waren, müssen Sie sonst nichts tun.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
  'backup-codes-renewed': ({ at, ip }) => ({
    subject: 'Ihre Ersatzcodes sind neu',
    blocks: [
      text('Für Ihr Konto wurden neue Ersatzcodes gemacht. Die alten gelten nicht mehr.'),
      facts(['Wann', when(locale, at)], ['Adresse', address(ip, unknown)]),
      text('Wenn Sie es waren, werfen Sie die alten weg.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
  'data-exported': ({ at, ip }) => ({
    subject: 'Eine Kopie Ihrer Daten wurde angefordert',
    blocks: [
      text(
        'Jemand, der als Sie angemeldet war, hat eine Kopie von allem angefordert, was wir über Sie speichern. Sie kann eine Stunde lang abgeholt werden, nur in jener Sitzung.',
      ),
      facts(['Wann', when(locale, at)], ['Adresse', address(ip, unknown)]),
      text('Wenn Sie es waren, ist nichts zu tun.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
  'refresh-reused': ({ at, ip, browser, os }) => ({
    subject: 'Wir haben zu Ihrem Schutz eine Sitzung beendet',
    blocks: [
      text(
        'Ein Schlüssel, der Sie angemeldet hält, wurde ein zweites Mal benutzt, nachdem er schon ersetzt war. Jemand könnte ihn kopiert haben, deshalb haben wir die zugehörige Sitzung beendet. Ihr Passwort wurde nicht benutzt.',
      ),
      facts(['Wann', when(locale, at)], ['Benutzt von', address(ip, unknown)], ['Gerät', device(browser, os, unknown)]),
      text(
        'Wenn Sie Gerät und Adresse kennen, melden Sie sich einfach neu an: Ab und zu kommt das von einem wiederhergestellten Backup oder einem kopierten Browserprofil.',
      ),
      text(
        'Wenn nicht, könnte das Gerät, auf dem Sie angemeldet waren, befallen sein. Prüfen Sie es zuerst, setzen Sie dann ein neues Passwort und melden Sie alle anderen Geräte ab.',
      ),
      text(noLinks),
    ],
  }),
} satisfies Words;
