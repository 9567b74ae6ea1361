/** From the blocks of a letter to a mail's two parts: plain text, and HTML that says the same. */
import type { LetterLocale } from './model.ts';

export type Block =
  | { kind: 'text'; text: string }
  /** A button in HTML; in text the link alone on its line, whole. */
  | { kind: 'link'; label: string; href: string }
  /** Alone on its line in both parts. */
  | { kind: 'code'; code: string }
  | { kind: 'facts'; facts: readonly (readonly [label: string, value: string])[] };

export type Composition = { subject: string; blocks: readonly Block[] };

export const text = (text: string): Block => ({ kind: 'text', text });
export const link = (label: string, href: string): Block => ({ kind: 'link', label, href });
export const code = (code: string): Block => ({ kind: 'code', code });
export const facts = (...facts: readonly (readonly [label: string, value: string])[]): Block => ({ kind: 'facts', facts });

const textBlock = (block: Block): string => {
  switch (block.kind) {
    case 'text':
      return block.text;
    case 'link':
      return `${block.label}:\n\n${block.href}`;
    case 'code':
      return block.code;
    case 'facts':
      return block.facts.map(([label, value]) => `${label}: ${value}`).join('\n');
  }
};

/** The text part: blocks with an empty line between them. */
export const layText = (letter: Composition): string => `${letter.blocks.map(textBlock).join('\n\n')}\n`;

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
/** For element content and for quoted attributes. */
const escapeHtml = (value: string): string => value.replace(/[&<>"']/g, (character) => entities[character] as string);

const htmlBlock = (block: Block): string => {
  switch (block.kind) {
    case 'text':
      return `<p>${escapeHtml(block.text)}</p>`;
    case 'link':
      return `<p><a class="button" href="${escapeHtml(block.href)}">${escapeHtml(block.label)}</a></p>\n<p class="small">${escapeHtml(block.href)}</p>`;
    case 'code':
      return `<p class="code">${escapeHtml(block.code)}</p>`;
    case 'facts':
      return `<dl>\n${block.facts.map(([label, value]) => `<dt>${escapeHtml(label)}</dt><dd>${escapeHtml(value)}</dd>`).join('\n')}\n</dl>`;
  }
};

// No images, fonts or scripts from anywhere: opening a letter tells nobody. Dark mode is the reader's own setting.
const style = `
:root { color-scheme: light dark; supported-color-schemes: light dark; }
body { margin: 0; padding: 24px 16px; font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', sans-serif; color: #1c1e21; background: #fff; }
main { max-width: 34em; margin: 0 auto; }
dl { margin: 16px 0; padding: 12px 16px; border-left: 3px solid #8a94a6; }
dt { font-size: 13px; color: #5b6472; } dd { margin: 0 0 8px; overflow-wrap: anywhere; }
.button { display: inline-block; padding: 12px 20px; border-radius: 6px; background: #1f5fd6; color: #fff; text-decoration: none; }
.code { font: 700 30px/1.4 ui-monospace, Menlo, Consolas, monospace; letter-spacing: 6px; }
.small { font-size: 13px; color: #5b6472; overflow-wrap: anywhere; }
@media (prefers-color-scheme: dark) { body { color: #e8eaed; background: #16181c; } dt, .small { color: #a6afbd; } }
`.trim();

/** The HTML part: one document, everything in it escaped. */
export const layHtml = (letter: Composition, locale: LetterLocale): string => `<!doctype html>
<html lang="${locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="format-detection" content="telephone=no, date=no, address=no">
<title>${escapeHtml(letter.subject)}</title>
<style>
${style}
</style>
</head>
<body>
<main>
${letter.blocks.map(htmlBlock).join('\n')}
</main>
</body>
</html>
`;
