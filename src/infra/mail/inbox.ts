import type { Clock, Inbox, Log, Mail, Mailer } from '../ports.ts';

const most = 200;

/**
 * The development inbox, which is where mail goes without SMTP_URL: the last 200 mails, in memory. Each is told in the log by
 * recipient and subject, never by its text, which holds links and codes. `where` is what the log says of where to read it.
 */
export const createInbox = (clock: Clock, log: Log, where = 'the development inbox'): Mailer & Inbox => {
  const mails: (Mail & { at: Date })[] = [];
  return {
    async send(mail) {
      mails.unshift({ ...mail, at: clock.now() });
      mails.length = Math.min(mails.length, most);
      log.info({ to: mail.to, subject: mail.subject, inbox: where }, 'mail is in the development inbox: SMTP_URL is not set');
    },
    list: () => [...mails],
    async close() {},
  };
};
