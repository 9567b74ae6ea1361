/** The words of text messages. The code comes first, where a lock screen shows it; no link, which nobody should learn to follow from an SMS. */
import type { LetterLocale, TextData, TextName } from '../model.ts';

type Texts = { [N in TextName]: (data: TextData[N]) => string };

export const texts: Record<LetterLocale, Texts> = {
  en: { 'mfa-code': ({ code, validMinutes }) => `${code} is your sign-in code. It works for ${validMinutes} minutes. Tell it to nobody.` },
  de: {
    'mfa-code': ({ code, validMinutes }) => `${code} ist Ihr Anmeldecode. Er gilt ${validMinutes} Minuten. Geben Sie ihn niemandem weiter.`,
  },
};
