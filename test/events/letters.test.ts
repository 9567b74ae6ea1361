import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ParsedMail, simpleParser } from 'mailparser';
import pg from 'pg';
import { SMTPServer } from 'smtp-server';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Letter } from '../../src/auth/letters/model.ts';
import { openPost, type Post } from '../../src/auth/letters/post.ts';
import { openJobs } from '../../src/events/queue.ts';
import { systemClock } from '../../src/infra/clock.ts';
import { createLocalKms } from '../../src/infra/kms/local.ts';
import { createLog } from '../../src/infra/log.ts';
import { createSmtpMailer } from '../../src/infra/mail/smtp.ts';
import type { Mailer } from '../../src/infra/ports.ts';
import { openDatabase, statement } from '../../src/infra/postgres/database.ts';
import type { Queue } from '../../src/infra/postgres/queue.ts';
import { systemRandom } from '../../src/infra/random.ts';
import { freshDatabase, type TestDatabase } from '../kit/database.ts';

const token = 'tQ7secret_token-0123456789abcdefghijklmnop';
const link = `https://id.example.com/verify?token=${token}`;
const letterTo = (to: string): Letter => ({ name: 'verify-email', to, locale: 'de-AT', data: { link, code: '042917', validHours: 24 } });

/** A mail server; `verdicts` are its answers to the next mails, 250 once there is none left. */
const verdicts: number[] = [];
let arriving: (() => Promise<unknown>) | null = null;
const refused: ParsedMail[] = [];
const taken: ParsedMail[] = [];
const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS', 'AUTH'],
  onData: (stream, session, done) => {
    simpleParser(stream).then(async (mail) => {
      await arriving?.();
      const verdict = verdicts.shift() ?? 250;
      (verdict === 250 ? taken : refused).push(mail);
      const [recipient] = session.envelope.rcptTo;
      done(verdict === 250 ? null : Object.assign(new Error(`not now, ${recipient?.address}`), { responseCode: verdict }));
    }, done);
  },
});

let database: TestDatabase;
let db: ReturnType<typeof openDatabase>;
let reader: pg.Client;
let directory: string;
let post: Post;
let mailer: Mailer;
let queue: Queue | null = null;
const logged: string[] = [];
const log = createLog({ LOG_LEVEL: 'debug' }, { write: (line: string) => void logged.push(line) });

const start = async (): Promise<void> => {
  const config = { PUBLIC_URL: 'https://id.example.com/api', HOST: '127.0.0.1', PORT: 4000 };
  queue = await openJobs({ databaseUrl: database.url, post, mailer, texter: null, writeExport: async () => {}, log, config, sweeps: {} });
};
const send = async (to: string): Promise<void> => db.transaction(await post.prepare(letterTo(to)));
const jobs = async () => (await reader.query('SELECT * FROM graphile_worker._private_jobs ORDER BY id')).rows;
const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
  for (const end = Date.now() + 15_000; !(await holds()); await sleep(20))
    if (Date.now() > end) throw new Error(`it never came that ${what}`);
};
const recipients = () => taken.map((mail) => [mail.to].flat()[0]?.text);

beforeAll(async () => {
  database = await freshDatabase();
  db = openDatabase({ url: database.url, size: 4, log });
  reader = new pg.Client({ connectionString: database.url });
  await reader.connect();
  directory = await mkdtemp(join(tmpdir(), 'latchkey-'));
  const kms = createLocalKms({ file: join(directory, 'master-keys.json') });
  post = openPost({ clock: systemClock, random: systemRandom, kms });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.server.address() as AddressInfo;
  mailer = createSmtpMailer({ SMTP_URL: `smtp://127.0.0.1:${port}`, MAIL_FROM: 'Latchkey <no-reply@example.com>' });
}, 60_000);
beforeEach(() => {
  for (const list of [verdicts, refused, taken, logged]) list.length = 0;
  arriving = null;
});
afterEach(async () => {
  await queue?.stop();
  queue = null;
  await reader.query('DELETE FROM graphile_worker._private_jobs');
});
afterAll(async () => {
  await mailer?.close();
  await new Promise<void>((closed) => server.close(() => closed()));
  await reader?.end();
  await db?.close();
  await database?.drop();
  await rm(directory, { recursive: true, force: true });
});

describe('a letter', () => {
  it('queued in a transaction that commits is delivered once, as it was written', async () => {
    await start();
    await send('once@example.com');
    await until('the mail is there', () => taken.length > 0);
    await until('the job is done', async () => (await jobs()).length === 0);
    await sleep(1_200);
    expect(recipients()).toEqual(['once@example.com']);
    const [mail] = taken;
    expect(mail?.messageId).toMatch(/^<[0-9a-f]{8}-[0-9a-f-]{27}@id\.example\.com>$/);
    expect(mail?.subject).toBe('Bestätigen Sie Ihre E-Mail-Adresse');
    expect(mail?.text?.split('\n')).toEqual(expect.arrayContaining(['042917', link]));
    expect(mail?.html).toContain('<p class="code">042917</p>');
  });

  it('queued in a transaction that rolls back is never delivered', async () => {
    await start();
    const put = await post.prepare(letterTo('never@example.com'));
    const work = db.transaction(async (sql) => {
      await put(sql);
      await sql.run(statement('SELECT 1 / 0'));
    });
    await expect(work).rejects.toThrow('division by zero');
    await send('after@example.com');
    await until('the later letter is there', () => taken.length > 0);
    await sleep(1_200);
    expect(recipients()).toEqual(['after@example.com']);
    expect(await jobs()).toEqual([]);
  });

  it('that the mail server put off (451) is delivered by a later try, under the same Message-ID', async () => {
    verdicts.push(451);
    await start();
    await send('later@example.com');
    await until('the first try is over', async () => (await jobs()).some((job) => job.attempts === 1 && job.locked_at === null));
    expect(taken).toEqual([]);
    const [job] = await jobs();
    expect(job.max_attempts).toBe(10);
    expect(job.run_at.getTime()).toBeGreaterThan(Date.now() + 500);
    expect(job.last_error).toBe('LetterNotSent EMESSAGE 451');
    await reader.query('UPDATE graphile_worker._private_jobs SET run_at = now()');
    await until('the mail is there', () => taken.length > 0);
    expect(recipients()).toEqual(['later@example.com']);
    expect(taken[0]?.messageId).toBe(refused[0]?.messageId);
    expect(logged.join()).toContain('a job failed and will be tried again');
    expect(logged.join()).not.toContain('later@example.com');
  });

  it('that waits holds no token, code or address that a reader of the database could use', async () => {
    await send('secret@example.com');
    const kept = JSON.stringify(await jobs());
    const [job] = await jobs();
    const sealed = Buffer.from(job.payload.sealed, 'base64').toString('latin1');
    for (const secret of [token, '042917', 'secret@example.com', 'verify-email'])
      for (const form of [secret, Buffer.from(secret).toString('base64').slice(0, -4), Buffer.from(secret).toString('hex')])
        expect(`${kept}${sealed}`.includes(form)).toBe(false);
    expect(Object.keys(job.payload).sort()).toEqual(['id', 'sealed']);
  });

  it('leaves neither token nor code nor address in the log, whether it is delivered or not', async () => {
    verdicts.push(550);
    await start();
    await send('quiet@example.com');
    await until('the server said no', () => refused.length > 0);
    await send('quiet@example.com');
    await until('the mail is there', () => taken.length > 0);
    await until('the failure is logged', () => logged.join().includes('a job failed'));
    for (const secret of [token, '042917', 'quiet@example.com', '"sealed"']) expect(logged.join()).not.toContain(secret);
  });

  it.each([
    ['was sealed elsewhere', { id: '0199e2a0-0000-7000-8000-000000000000', sealed: Buffer.alloc(120, 7).toString('base64') }],
    ['is no letter at all', { hello: 'somebody@example.com' }],
  ])('whose payload %s is logged without its content and dropped, and the next is delivered', async (_, payload) => {
    await reader.query(`SELECT graphile_worker.add_job('letter', payload := $1::json, max_attempts := 1)`, [JSON.stringify(payload)]);
    await start();
    await send('next@example.com');
    await until('the next letter is there', () => taken.length > 0);
    await until('the bad one was tried', () => logged.join().includes('a job failed for the last time'));
    expect(recipients()).toEqual(['next@example.com']);
    expect(logged.join()).not.toMatch(/BwcHBwcH|somebody@example\.com/);
    await until('the bad one is given up', async () => (await jobs())[0]?.locked_at === null);
    const [job] = await jobs();
    expect(job).toMatchObject({ is_available: false, attempts: 1 });
  });
});

describe('stopping', () => {
  it('waits for the letter that is under way', async () => {
    let arrived = false;
    arriving = async () => {
      arrived = true;
      await sleep(800);
    };
    await start();
    await send('underway@example.com');
    await until('the mail server is at it', () => arrived);
    await queue?.stop();
    expect(recipients()).toEqual(['underway@example.com']);
    expect(await jobs()).toEqual([]);
    queue = null;
  });
});
