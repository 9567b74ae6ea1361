/** Letters to those whom somebody else brought in. */
import { facts, link, text } from '../layout.ts';
import type { Words } from '../render.ts';
import { named, when } from './say.ts';

const count = (number: number, one: string, more: string) => `${number} ${number === 1 ? one : more}`;
const locale = 'de';
const unknown = 'unbekannt';

const once = (hours: number) =>
  `Der Link gilt einmal und ${count(hours, 'Stunde', 'Stunden')} lang. Geben Sie ihn nicht weiter: Wer ihn hat, kann das Konto übernehmen.`;

export const invited: Pick<Words, 'account-invitation' | 'email-assigned' | 'invitation' | 'added-to-organization'> = {
  'account-invitation': ({ link: href, validHours }) => ({
    subject: 'Für Sie wurde ein Konto angelegt',
    blocks: [
      text('Die Verwaltung hat für Sie ein Konto mit dieser Adresse angelegt. Wählen Sie ein Passwort, dann gehört es Ihnen:'),
      link('Passwort wählen', href),
      text(once(validHours)),
      text('Wenn Sie das nicht erwartet haben, müssen Sie nichts tun.'),
    ],
  }),
  'email-assigned': ({ link: href, validHours }) => ({
    subject: 'Dies ist jetzt die Adresse Ihres Kontos',
    blocks: [
      text('Die Verwaltung hat diese Adresse zu der Ihres Kontos gemacht. Wählen Sie ein neues Passwort, um sie zu bestätigen:'),
      link('Passwort wählen', href),
      text(once(validHours)),
      text('Wenn Sie kein Konto bei uns haben, müssen Sie nichts tun.'),
    ],
  }),
  invitation: ({ link: href, organization, validDays }) => ({
    subject: 'Sie sind in eine Organisation eingeladen',
    blocks: [
      text('Jemand lädt Sie in diese Organisation ein:'),
      facts(['Organisation', named(organization, unknown)]),
      link('Einladung ansehen', href),
      text(
        `Sie gilt ${count(validDays, 'Tag', 'Tage')}, einmal und nur für diese Adresse. Wenn Sie noch kein Konto haben, legen Sie zuerst eines mit dieser Adresse an.`,
      ),
      text('Wenn Sie nicht wissen, worum es geht, müssen Sie nichts tun.'),
    ],
  }),
  'added-to-organization': ({ at, organization, role }) => ({
    subject: 'Sie gehören jetzt zu einer Organisation',
    blocks: [
      text('Jemand, der ihre Mitglieder verwaltet, hat Ihr Konto in diese Organisation aufgenommen:'),
      facts(['Organisation', named(organization, unknown)], ['Rolle', role], ['Zeit', when(locale, at)]),
      text('Ihre Einstellungen gelten für Ihr Konto: Sie kann einen zweiten Faktor verlangen, und weniger oder kürzere Sitzungen.'),
      text('Wenn Sie das nicht wollen, melden Sie sich an und verlassen Sie die Organisation.'),
    ],
  }),
};
