/** Writing a letter: words by its name and language, then both parts of the mail. */
import { type Composition, layHtml, layText } from './layout.ts';
import { type Letter, type LetterData, type LetterLocale, type LetterName, letterLocale, type Text, type WrittenLetter } from './model.ts';
import { de } from './words/de.ts';
import { en } from './words/en.ts';
import { texts } from './words/texts.ts';

/** One language's words: a letter that is left out does not compile. */
export type Words = { [N in LetterName]: (data: LetterData[N]) => Composition };

/** A text message in the language of its reader. */
export const renderText = ({ name, locale, data }: Text): string => texts[letterLocale(locale)][name](data);

const words = { en, de } satisfies Record<LetterLocale, Words>;

/** The letter in the language of its reader, English where we do not write that one. */
export const renderLetter = (letter: Letter): WrittenLetter => {
  const locale = letterLocale(letter.locale);
  // `name` and `data` belong together by the type of `Letter`, which an indexed call cannot express.
  const compose = words[locale][letter.name] as (data: LetterData[LetterName]) => Composition;
  const composition = compose(letter.data);
  return { subject: composition.subject, text: layText(composition), html: layHtml(composition, locale), locale };
};
