/**
 * Letters as a reader sees them, in a browser: something to look at, nothing cut off, legible by day and by night, and nobody told.
 * With LETTERS_DIR the pictures stay there.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import type { Browser, CDPSession, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Letter, type LetterLocale, type LetterName, letterLocales } from '../../src/auth/letters/model.ts';
import { renderLetter } from '../../src/auth/letters/render.ts';
import { browserAvailable, openBrowser, openPage } from '../kit/browser.ts';
import { letterNames, sampleLetters } from '../kit/letters.ts';

const given = process.env['LETTERS_DIR'];
let [browser, page, devtools, directory] = [] as unknown as [Browser, Page, CDPSession, string];
/** What the page has done since it was last asked: what it wanted of elsewhere, and its scripts. */
let [requests, scripts]: [string[], string[]] = [[], []];
beforeAll(async () => {
  if (!browserAvailable) return;
  directory = given ?? mkdtempSync(join(tmpdir(), 'latchkey-letters-'));
  mkdirSync(directory, { recursive: true });
  if (given) console.log(`pictures of the letters: ${directory}`);
  browser = await openBrowser();
  page = await openPage(browser);
  page.on('request', (request) => requests.push(request.url()));
  devtools = await page.createCDPSession();
  await devtools.send('Debugger.enable');
  // The harness names its own scripts, or runs them beside the page's world.
  devtools.on('Debugger.scriptParsed', ({ url, hasSourceURL, executionContextAuxData }) => {
    const { isDefault } = (executionContextAuxData ?? {}) as { isDefault?: boolean };
    if (isDefault && !hasSourceURL && !url.startsWith('pptr:')) scripts.push(url);
  });
});
afterAll(async () => {
  await browser?.close();
  if (directory && !given) rmSync(directory, { recursive: true, force: true });
});

const show = async (html: string, width: number): Promise<{ requests: string[]; scripts: string[] }> => {
  await page.setViewport({ width, height: 100 });
  [requests, scripts] = [[], []];
  await page.setContent(html, { waitUntil: 'load' });
  // A round trip, so that what the page has begun has been told.
  await devtools.send('Page.getFrameTree');
  return { requests, scripts };
};
const render = (name: LetterName, locale: LetterLocale): string =>
  renderLetter({ name, to: 'reader@example.com', locale, data: sampleLetters[name] } as Letter).html;

/** PNG (ISO 15948): its size, and how many of its lines differ; one of a single colour has two at most. */
const pictureOf = (png: Buffer): { width: number; height: number; lines: number } => {
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  const data: Buffer[] = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at))
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') data.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  const pixels = inflateSync(Buffer.concat(data));
  const stride = pixels.length / height;
  const lines = Array.from({ length: height }, (_, n) => pixels.toString('latin1', n * stride, (n + 1) * stride));
  return { width, height, lines: new Set(lines).size };
};
const photograph = async (name?: string): Promise<ReturnType<typeof pictureOf>> => {
  const png = Buffer.from(await page.screenshot({ fullPage: true, type: 'png' }));
  if (name) writeFileSync(join(directory, `${name}.png`), png);
  return pictureOf(png);
};

/** WCAG 2.2 §1.4.3: the contrast of each text with what is behind it, least first. */
const contrasts = `(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).slice(0, 3).map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (channels(colour)[3] !== 0) return colour;
    }
    return matchMedia('(prefers-color-scheme: dark)').matches ? 'rgb(18, 18, 18)' : 'rgb(255, 255, 255)';
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.data.trim()) continue;
    const [a, b] = [luminance(getComputedStyle(node.parentElement).color), luminance(behind(node.parentElement))];
    found.push({ text: node.data.trim(), contrast: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) });
  }
  return found.sort((one, other) => one.contrast - other.contrast);
})()`;
const widest = () => page.evaluate('document.documentElement.scrollWidth') as Promise<number>;
const illegible = async (): Promise<unknown[]> =>
  ((await page.evaluate(contrasts)) as { contrast: number }[]).filter(({ contrast }) => contrast < 4.5);

const every = letterLocales.flatMap((locale) => letterNames.map((name) => [name, locale] as const));

describe.skipIf(!browserAvailable)('every letter', () => {
  it.each(every)('%s in %s is a picture that a person can read, 600 pixels wide', async (name, locale) => {
    const done = await show(render(name, locale), 600);
    expect(done).toEqual({ requests: [], scripts: [] });
    expect(await widest()).toBeLessThanOrEqual(600);
    const picture = await photograph(`${name}.${locale}`);
    expect(picture.width).toBe(600);
    expect(picture.height).toBeGreaterThan(220);
    expect(picture.lines).toBeGreaterThan(60);
    expect(await illegible()).toEqual([]);
  });

  it.each(every)('%s in %s fits a small telephone, also by night', async (name, locale) => {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }]);
    try {
      await show(render(name, locale), 320);
      expect(await widest()).toBeLessThanOrEqual(320);
      expect((await photograph(`${name}.${locale}.night`)).lines).toBeGreaterThan(60);
      expect(await illegible()).toEqual([]);
    } finally {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }]);
    }
  });

  it('stays a letter whatever a stranger’s browser calls itself', async () => {
    const browserName = '<img src=http://127.0.0.1:9/seen><script>document.title = 1</script>'.padEnd(200, 'W');
    const data = { ...sampleLetters['new-device'], browser: browserName, os: '"><b onclick=x>'.padEnd(200, 'M') };
    const { html } = renderLetter({ name: 'new-device', to: 'reader@example.com', locale: 'en', data });
    expect(await show(html, 320)).toEqual({ requests: [], scripts: [] });
    expect(await widest()).toBeLessThanOrEqual(320);
    expect(await page.evaluate('document.querySelectorAll("img, script, b").length')).toBe(0);
  });
});

describe.skipIf(!browserAvailable)('the watch over letters', () => {
  const planted = (what: string) => render('password-changed', 'en').replace('<main>', `<main>${what}`);

  it('would notice a picture from elsewhere, a script, a handler, and a line that does not break', async () => {
    const picture = await show(planted('<img src="http://127.0.0.1:9/seen.png" alt="">'), 600);
    expect(picture.requests).toEqual(['http://127.0.0.1:9/seen.png']);
    expect((await show(planted('<script>document.title = "ran"</script>'), 600)).scripts).toHaveLength(1);
    expect((await show(planted('<img src="data:," onerror="document.title = 2" alt="">'), 600)).scripts).not.toEqual([]);
    await show(planted(`<p>${'W'.repeat(200)}</p>`), 600);
    expect(await widest()).toBeGreaterThan(600);
  });

  it('would notice an empty page, and words that hardly show', async () => {
    await show('<!doctype html><title>Nothing</title>', 600);
    expect((await photograph()).lines).toBeLessThan(4);
    await show(planted('<p style="color: #bbb">Hardly there</p>'), 600);
    expect(await illegible()).toMatchObject([{ text: 'Hardly there' }]);
  });
});
