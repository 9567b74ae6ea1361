import type { Clock, Inbox, Log, Mail, Mailer, Texter } from '../ports.ts';

const most = 200;

/**
 * The development inbox, which is where mail goes without SMTP_URL: the last 200 mails, in memory. Each is told in the log by
 * recipient and subject, never by its text, which holds links and codes. `where` is what the log says of where to read it.
 */
export const createInbox = (clock: Clock, log: Log, where = 'the development inbox'): Mailer & Inbox & { texter: Texter } => {
  const mails: (Mail & { at: Date })[] = [];
  const keep = (mail: Mail): void => {
    mails.unshift({ ...mail, at: clock.now() });
    mails.length = Math.min(mails.length, most);
  };
  return {
    async send(mail) {
      keep(mail);
      log.info({ to: mail.to, subject: mail.subject, inbox: where }, 'mail is in the development inbox: SMTP_URL is not set');
    },
    /** Text messages are kept beside the mails, to the number they would have gone to. */
    texter: {
      async send({ to, body }) {
        keep({ to, subject: 'Text message', text: body, html: '', locale: 'en' });
        log.info({ to: `${to.slice(0, 3)}…`, inbox: where }, 'a text message is in the development inbox: SMS_URL is not set');
      },
    },
    list: () => [...mails],
    async close() {},
  };
};
