/** The development inbox: what would have been mailed. A page for people, JSON for scripts. */
import { createHash } from 'node:crypto';
import type { Inbox } from '../../infra/ports.ts';
import type { Exchange } from '../exchange.ts';
import { escapeHtml, htmlType, pageOf } from './page.ts';

type Received = ReturnType<Inbox['list']>[number];
/** A mail's own HTML: no scripts, no forms, nothing from elsewhere; links open outside of the frame. */
const mailPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation";

const idOf = ({ at, to, subject, text }: Received): string =>
  createHash('sha256')
    .update(JSON.stringify([at, to, subject, text]))
    .digest('hex')
    .slice(0, 16);

const listPage = (mails: readonly Received[]) =>
  pageOf({
    title: 'Development inbox',
    body:
      mails.length === 0
        ? '<p>No mail yet.</p>'
        : `<table>${mails
            .map(
              (mail) =>
                `<tr><td>${mail.at.toISOString()}</td><td>${escapeHtml(mail.to)}</td><td><a href="/inbox/${idOf(mail)}">${escapeHtml(mail.subject)}</a></td></tr>`,
            )
            .join('')}</table>`,
  });

const mailPage = (mail: Received) =>
  pageOf({
    title: mail.subject,
    frames: true,
    body: `<p>To ${escapeHtml(mail.to)}, ${mail.at.toISOString()} - <a href="/inbox">all mails</a></p>
<iframe sandbox="allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation" src="/inbox/${idOf(mail)}/html"></iframe>
<pre>${escapeHtml(mail.text)}</pre>`,
  });

/** `/inbox`, `/inbox/<id>` and `/inbox/<id>/html`. */
export const openInboxPages =
  (inbox: Inbox) =>
  async (exchange: Exchange): Promise<void> => {
    const [id, part] = exchange.path.split('/').slice(2);
    const mails = inbox.list();
    if (!id) {
      if (exchange.req.headers.accept?.includes('application/json'))
        return exchange.send(200, 'application/json; charset=utf-8', JSON.stringify(mails));
      const page = listPage(mails);
      return exchange.send(200, htmlType, page.html, [], page.policy);
    }
    const mail = mails.find((one) => idOf(one) === id);
    if (!mail || (part !== undefined && part !== 'html')) return exchange.send(404, 'text/plain; charset=utf-8', 'No such mail.\n');
    if (part === 'html') return exchange.send(200, htmlType, `<base target="_top">${mail.html}`, [], mailPolicy);
    const page = mailPage(mail);
    exchange.send(200, htmlType, page.html, [], page.policy);
  };
