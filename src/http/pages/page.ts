/** The few pages of this house: plain HTML under a policy that names each script and style by its digest (CSP Level 3 §6.7.3.3). */
import { createHash } from 'node:crypto';

export type Page = { readonly html: string; readonly policy: string };
export const htmlType = 'text/html; charset=utf-8';

export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const digestOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem;color:#1c1c28;background:#fff}
h1{font-size:1.4rem}label{display:block;margin:.8rem 0 .2rem}input{font:inherit;padding:.4rem;width:100%;max-width:22rem;box-sizing:border-box}
button{font:inherit;padding:.5rem 1.2rem;margin-top:1rem}pre{white-space:pre-wrap;background:#f4f4f8;padding:1rem}
table{border-collapse:collapse;width:100%}td{padding:.3rem .6rem .3rem 0;border-bottom:1px solid #ddd;vertical-align:top}
iframe{width:100%;height:32rem;border:1px solid #ddd}`;

/** A page around `body` (HTML). Its script, if any, may talk to this origin alone; nothing may frame it. */
export const pageOf = ({
  title,
  body,
  script,
  frames = false,
}: {
  title: string;
  body: string;
  script?: string;
  frames?: boolean;
}): Page => {
  const policy = [
    "default-src 'none'",
    `style-src ${digestOf(style)}`,
    ...(script ? [`script-src ${digestOf(script)}`, "connect-src 'self'"] : []),
    ...(frames ? ["frame-src 'self'"] : []),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">
<title>${escapeHtml(title)} - Latchkey</title><style>${style}</style></head>
<body><h1>${escapeHtml(title)}</h1>
${body}
${script ? `<script>${script}</script>` : ''}</body></html>
`;
  return { html, policy };
};
