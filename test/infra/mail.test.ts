import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLog } from '../../src/infra/log.ts';
import { createInbox } from '../../src/infra/mail/inbox.ts';
import { createSmtpMailer } from '../../src/infra/mail/smtp.ts';
import type { Mail, Mailer } from '../../src/infra/ports.ts';

const mail: Mail = {
  to: 'ann@example.com',
  subject: 'Grüße — verify',
  text: 'Open\nhttps://id.example/verify?token=t0ken-value\n',
  html: '<p>Open <a href="https://id.example/verify?token=t0ken-value">this</a></p>',
  locale: 'de-AT',
};

describe('Mail by SMTP', () => {
  const arrived: { mail: ParsedMail; recipients: string[] }[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onRcptTo: ({ address }, _session, done) => done(address.startsWith('nobody@') ? new Error('no such mailbox') : null),
    onData: (stream, session, done) => {
      simpleParser(stream).then((parsed) => {
        arrived.push({ mail: parsed, recipients: session.envelope.rcptTo.map(({ address }) => address) });
        done();
      }, done);
    },
  });
  let mailer: Mailer;
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server.server, 'listening');
    const { port } = server.server.address() as AddressInfo;
    mailer = createSmtpMailer({ SMTP_URL: `smtp://127.0.0.1:${port}`, MAIL_FROM: 'Latchkey <no-reply@id.example>' });
  });
  afterAll(async () => {
    await mailer?.close();
    await new Promise<void>((closed) => server.close(closed));
  });

  it('arrives with both parts, its sender, language and message id.', async () => {
    await mailer.send({ ...mail, messageId: '<letter-1@id.example>' });
    const { mail: got, recipients } = arrived.at(-1)!;
    expect(recipients).toEqual(['ann@example.com']);
    expect(got.from?.text).toBe('"Latchkey" <no-reply@id.example>');
    expect(got).toMatchObject({ subject: mail.subject, text: mail.text, messageId: '<letter-1@id.example>' });
    expect(String(got.html).trim()).toBe(mail.html);
    expect(got.headers.get('content-type')).toMatchObject({ value: 'multipart/alternative' });
    expect(got.headers.get('content-language')).toBe('de-AT');
    expect(got.headers.get('auto-submitted')).toBe('auto-generated');
  });

  it('goes to the one address it is for, whatever is written in it.', async () => {
    const before = arrived.length;
    await mailer.send({ ...mail, to: 'ann@example.com, eve@example.com' }).catch(() => {});
    await mailer.send({ ...mail, subject: 'hi\r\nBcc: eve@example.com' });
    const later = arrived.slice(before);
    expect(later.length).toBeGreaterThan(0);
    for (const { recipients } of later) expect(recipients).not.toContain('eve@example.com');
    expect(later.at(-1)?.mail.headers.has('bcc')).toBe(false);
  });

  it('throws when the server refuses, and when there is none.', async () => {
    await expect(mailer.send({ ...mail, to: 'nobody@example.com' })).rejects.toThrow('no such mailbox');
    const nowhere = createSmtpMailer({ SMTP_URL: 'smtp://127.0.0.1:1', MAIL_FROM: 'a@id.example' });
    await expect(nowhere.send(mail)).rejects.toThrow('ECONNREFUSED');
    await nowhere.close();
  });
});

describe('The development inbox', () => {
  it('keeps the last 200 mails, newest first, and logs whom they are for but not what they say.', async () => {
    const lines: string[] = [];
    const log = createLog({ LOG_LEVEL: 'debug' }, { write: (line: string) => void lines.push(line) });
    const now = new Date('2026-03-01T12:00:00Z');
    const inbox = createInbox({ now: () => now }, log, 'http://127.0.0.1:4000/dev/mail');
    for (let i = 0; i < 205; i++) await inbox.send({ ...mail, subject: `mail ${i}` });
    expect(inbox.list()).toHaveLength(200);
    expect(inbox.list()[0]).toEqual({ ...mail, subject: 'mail 204', at: now });
    expect(inbox.list()[199]?.subject).toBe('mail 5');
    expect(lines).toHaveLength(205);
    expect(JSON.parse(lines[0]!)).toMatchObject({ to: 'ann@example.com', subject: 'mail 0', inbox: 'http://127.0.0.1:4000/dev/mail' });
    expect(lines.join()).not.toContain('t0ken-value');
  });
});
