import { createTransport } from 'nodemailer';
import type { Config } from '../../config.ts';
import type { Mailer } from '../ports.ts';

const timeoutMs = 10_000;

/**
 * Delivers by SMTP through a pool of connections. smtps:// is TLS from the start; smtp:// takes STARTTLS where the server offers it,
 * and insists on it with `?requireTLS=true`. Throws nodemailer's error when a step takes over 10 s or the server refuses.
 */
export const createSmtpMailer = ({ SMTP_URL, MAIL_FROM }: Pick<Config, 'MAIL_FROM'> & { SMTP_URL: string }): Mailer => {
  const transport = createTransport({
    url: SMTP_URL,
    pool: true,
    maxConnections: 2,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    // A mail's text is data: it must not make this process read a file or fetch a URL.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send({ to, subject, text, html, locale, messageId }) {
      await transport.sendMail({
        from: MAIL_FROM,
        // An object is not parsed as an address list: one mail goes to one address, whatever characters it has.
        to: { name: '', address: to },
        subject,
        text,
        html,
        messageId,
        // RFC 3282; RFC 3834 §5, so that no out-of-office answers.
        headers: { 'Content-Language': locale, 'Auto-Submitted': 'auto-generated' },
      });
    },
    async close() {
      transport.close();
    },
  };
};
