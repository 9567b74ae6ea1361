import { describe, expect, it } from 'vitest';
import { type Letter, type LetterLocale, type LetterName, letterLocales } from '../../../src/auth/letters/model.ts';
import { renderLetter } from '../../../src/auth/letters/render.ts';
import { letterNames, sampleLetters, sampleLink } from '../../kit/letters.ts';

const [samples, link, names] = [sampleLetters, sampleLink, letterNames];
const at = '2026-03-05T14:05:00.000Z';
const write = (name: LetterName, locale: string | null, data: object = samples[name]) =>
  renderLetter({ name, to: 'reader@example.com', locale, data } as Letter);
const linesOf = (text: string) => text.split('\n');
const every = letterLocales.flatMap((locale) => names.map((name) => [name, locale] as const));

/** What a reader sees of the HTML part, without tags, styles and entities. */
const seen = (html: string) =>
  html
    .replace(/<(style|title)>[\s\S]*?<\/\1>/g, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')
    .replace(/\s+/g, ' ')
    .trim();

describe('every letter', () => {
  it.each(every)('%s in %s has a subject, and its HTML says all that its text says', (name, locale) => {
    const written = write(name, locale);
    expect(written.locale).toBe(locale);
    expect(written.subject).toMatch(/^\S[^\n]{5,70}$/);
    expect(written.html).toContain(`<html lang="${locale}">`);
    for (const line of linesOf(written.text).filter(Boolean)) {
      const words = line.includes(': ') || line.endsWith(':') ? line.split(':')[0] : line;
      expect(seen(written.html)).toContain(words);
    }
    expect(`${written.subject}${written.text}${written.html}`).not.toMatch(/undefined|null|NaN|Invalid|\[object/);
  });

  it.each(every)('%s in %s loads nothing from elsewhere', (name, locale) => {
    expect(write(name, locale).html).not.toMatch(/<(img|script|iframe|object|table|link)\b|url\(|@import|\bsrc=/i);
  });

  it.each(names)('%s is written in another language in German than in English', (name) => {
    expect(write(name, 'de').text).not.toBe(write(name, 'en').text);
    expect(write(name, 'de').subject).not.toBe(write(name, 'en').subject);
  });
});

describe('what programs and people read out of a letter', () => {
  it.each(letterLocales)('has the 6-digit code alone on one line of the text part, and not in the subject (%s)', (locale) => {
    const { text, subject } = write('verify-email', locale);
    expect(linesOf(text).filter((line) => /\d{6}/.test(line))).toEqual(['042917']);
    expect(subject).not.toContain('042917');
  });

  it.each(
    (['verify-email', 'address-taken', 'reset-password'] as const).flatMap((name) =>
      letterLocales.map((locale) => [name, locale] as const),
    ),
  )('has the link of %s in %s alone on one line and intact', (name, locale) => {
    const { text, html } = write(name, locale);
    expect(linesOf(text).filter((line) => line.includes('://'))).toEqual([link]);
    expect(html).toContain(`href="${link.replace('&', '&amp;')}"`);
  });

  it.each(
    (
      [
        'password-changed',
        'session-limit',
        'refresh-reused',
        'mfa-enabled',
        'mfa-disabled',
        'mfa-locked',
        'backup-code-used',
        'backup-codes-renewed',
        'data-exported',
        'trading-credentials-shown',
        'trading-program-allowed',
      ] as const
    ).flatMap((name) => letterLocales.map((locale) => [name, locale] as const)),
  )('puts no link into the security notice %s in %s, and says what to do', (name, locale) => {
    const { text, html } = write(name, locale);
    expect(`${text}${html}`).not.toMatch(/https?:|href/);
    expect(text).toMatch(locale === 'de' ? /neues Passwort/ : /set a new/);
  });

  it.each(letterLocales)('puts one link into the notice of a new sign-in in %s, by which it is disowned', (locale) => {
    const { text, html } = write('new-device', locale);
    expect(linesOf(text).filter((line) => line.includes('://'))).toEqual([link]);
    expect(html.match(/href=/g)).toHaveLength(1);
    expect(text).toMatch(locale === 'de' ? /Das war ich nicht/ : /This was not me/);
  });

  it('tells times in UTC and countries by name, in the language of the reader', () => {
    expect(write('new-device', 'en').text).toContain('When: 5 March 2026 at 14:05 UTC');
    expect(write('new-device', 'en').text).toContain('Austria');
    expect(write('new-device', 'de').text).toContain('Wann: 5. März 2026 um 14:05 UTC');
    expect(write('new-device', 'de').text).toContain('Österreich');
  });

  it('says that a device, a country or an address is unknown where it is', () => {
    const { text } = write('new-device', 'en', { at, ip: 'not an address', browser: null, os: '', country: null, link });
    expect(linesOf(text).filter((line) => line.endsWith(': unknown'))).toHaveLength(3);
  });
});

describe('what a client says of itself', () => {
  const hostile = {
    browser: `<img src=x onerror=alert(1)>"'&\r\n\r\n123456\n\nhttps://evil.example/login?token=1`,
    os: `www.evil.example \u202Eevil@evil.example ${'x'.repeat(5000)}`,
  };
  const noticed = (['new-device', 'session-limit', 'refresh-reused'] as const).flatMap((name) =>
    letterLocales.map((locale) => [name, locale] as const),
  );

  it.each(noticed)('cannot add markup, a line, a code or a link to %s in %s', (name, locale) => {
    const plain = write(name, locale);
    const written = write(name, locale, { ...samples[name], ...hostile });
    expect(linesOf(written.text)).toHaveLength(linesOf(plain.text).length);
    expect(written.text.replace(link, '')).not.toMatch(/^\d{6}$|:\/\/|\w\.[a-z]{2}|@|\u202E/m);
    expect(written.html.match(/<\w+/g)).toEqual(plain.html.match(/<\w+/g));
    expect(written.html).toContain('&quot;&#39;&amp;');
    expect(written.text.length).toBeLessThan(plain.text.length + 200);
  });

  it.each(letterLocales)('cannot break out of an attribute by a link (%s)', (locale: LetterLocale) => {
    const { html } = write('address-taken', locale, { link: `https://id.example.com/?token=a"><script>'` });
    expect(html).not.toContain('<script');
    expect(html).toContain('href="https://id.example.com/?token=a&quot;&gt;&lt;script&gt;&#39;"');
  });
});

describe('the language of a letter', () => {
  it.each([
    ['de-AT', 'de'],
    ['DE', 'de'],
    ['en-US', 'en'],
    ['fr', 'en'],
    ['', 'en'],
    ['__proto__', 'en'],
    [null, 'en'],
  ])('for the locale %s is %s', (asked, written) => {
    expect(write('reset-password', asked)).toEqual(write('reset-password', written));
    expect(write('reset-password', asked).locale).toBe(written);
  });
});
