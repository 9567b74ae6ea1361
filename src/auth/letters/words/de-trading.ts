/** Briefe zu Handelskonten. */
import { facts, text } from '../layout.ts';
import type { Words } from '../render.ts';
import { address, named, when } from './say.ts';

const locale = 'de';
const unknown = 'unbekannt';
const noLinks = 'In diesem Hinweis steht absichtlich kein Link. Öffnen Sie die Seiten so, wie Sie es immer tun.';
const takeBack =
  'Wenn Sie es nicht waren, handeln Sie jetzt: Ersetzen Sie den Schlüssel bei Ihrem Broker, wählen Sie auf unserer Anmeldeseite „Passwort vergessen?“ und setzen Sie ein neues Passwort. Damit werden alle Geräte abgemeldet.';

export const trading: Pick<Words, 'trading-account-failed' | 'trading-credentials-shown' | 'trading-program-allowed'> = {
  'trading-account-failed': ({ at, broker, account }) => ({
    subject: 'Ihr Broker nimmt Ihre Zugangsdaten nicht mehr an',
    blocks: [
      text(
        'Wir haben bei Ihrem Broker nachgefragt, ob die Zugangsdaten Ihres Handelskontos noch gelten. Er hat sie abgelehnt; damit handeln kann jetzt niemand.',
      ),
      facts(['Konto', named(account, unknown)], ['Broker', named(broker, unknown)], ['Wann', when(locale, at)]),
      text(
        'Wenn Sie sich beim Broker abgemeldet oder dort einen Schlüssel geändert haben, hinterlegen Sie in den Einstellungen des Kontos neue Zugangsdaten.',
      ),
      text('Wenn nicht, melden Sie sich bei Ihrem Broker an und sehen Sie nach, ob alles in Ordnung ist.'),
      text(noLinks),
    ],
  }),
  'trading-credentials-shown': ({ at, ip, broker, account }) => ({
    subject: 'Zugangsdaten Ihres Handelskontos wurden angezeigt',
    blocks: [
      text(
        'Jemand hat sich als Sie angemeldet, das noch einmal bestätigt und sich Schlüssel und Geheimnis eines Handelskontos anzeigen lassen.',
      ),
      facts(
        ['Konto', named(account, unknown)],
        ['Broker', named(broker, unknown)],
        ['Wann', when(locale, at)],
        ['Adresse', address(ip, unknown)],
      ),
      text('Wenn Sie es waren, müssen Sie nichts tun.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
  'trading-program-allowed': ({ at, ip, broker, account, program }) => ({
    subject: 'Ein Programm darf Ihr Handelskonto verwenden',
    blocks: [
      text('Einem Programm wurde erlaubt, die Zugangsdaten eines Ihrer Handelskonten zu lesen und damit zu handeln.'),
      facts(
        ['Programm', named(program, unknown)],
        ['Konto', named(account, unknown)],
        ['Broker', named(broker, unknown)],
        ['Wann', when(locale, at)],
        ['Adresse', address(ip, unknown)],
      ),
      text('Wenn Sie es waren, müssen Sie nichts tun. In den Einstellungen des Kontos können Sie es zurücknehmen.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
};
