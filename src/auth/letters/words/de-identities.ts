/** Briefe zur Anmeldung mit anderen Anbietern. */
import { facts, text } from '../layout.ts';
import type { Words } from '../render.ts';
import { address, named, when } from './say.ts';

const locale = 'de';
const unknown = 'unbekannt';
const noLinks = 'In diesem Hinweis steht absichtlich kein Link. Öffnen Sie die Seiten so, wie Sie es immer tun.';
const takeBack =
  'Wenn Sie es nicht waren, handeln Sie jetzt: Wählen Sie auf unserer Anmeldeseite „Passwort vergessen?“ und setzen Sie ein neues Passwort. Damit werden alle Geräte abgemeldet. Entfernen Sie dann in Ihren Einstellungen, was Sie nicht verknüpft haben.';

export const identities: Pick<Words, 'identity-linked' | 'identity-unlinked'> = {
  'identity-linked': ({ at, ip, provider }) => ({
    subject: 'Ein weiterer Weg zur Anmeldung wurde hinzugefügt',
    blocks: [
      text(
        'Wer sich bei einem anderen Anbieter an einem bestimmten Konto anmeldet, ist damit ab jetzt auch an Ihrem Konto hier angemeldet.',
      ),
      facts(['Anbieter', named(provider, unknown)], ['Wann', when(locale, at)], ['Adresse', address(ip, unknown)]),
      text('Wenn Sie es waren, müssen Sie nichts tun.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
  'identity-unlinked': ({ at, ip, provider }) => ({
    subject: 'Ein Weg zur Anmeldung wurde entfernt',
    blocks: [
      text('Ein Konto bei einem anderen Anbieter öffnet Ihr Konto hier nicht mehr.'),
      facts(['Anbieter', named(provider, unknown)], ['Wann', when(locale, at)], ['Adresse', address(ip, unknown)]),
      text('Wenn Sie es waren, müssen Sie nichts tun.'),
      text(takeBack),
      text(noLinks),
    ],
  }),
};
