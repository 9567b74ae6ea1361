/** A mail server on loopback that keeps what it is sent, for houses in other processes. */
import type { AddressInfo } from 'node:net';
import { simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';

export type Mailbox = {
  /** For SMTP_URL. */
  readonly url: string;
  mailsTo(to: string): { subject: string; text: string }[];
  /** Waits for the nth mail to an address. */
  mail(to: string, nth?: number): Promise<{ subject: string; text: string }>;
  stop(): Promise<void>;
};

export const openMailbox = async (): Promise<Mailbox> => {
  const mails: { to: string[]; subject: string; text: string }[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onData: (stream, session, done) => {
      simpleParser(stream).then(({ subject = '', text = '' }) => {
        mails.push({ to: session.envelope.rcptTo.map(({ address }) => address), subject, text });
        done();
      }, done);
    },
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const mailsTo = (to: string) => mails.filter((mail) => mail.to.includes(to));
  return {
    url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`,
    mailsTo,
    mail: async (to, nth = 0) => {
      for (let waited = 0; waited < 8000; waited += 20) {
        const found = mailsTo(to)[nth];
        if (found) return found;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error(`no mail number ${nth} came to ${to}`);
    },
    stop: () => new Promise((stopped) => server.close(() => stopped())),
  };
};
