/** Every second factor, step-up and the sign-in link through the API of a started server: real mail, a real SMS provider's protocol, real processes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../kit/client.ts';
import { freshDatabase, type TestDatabase } from '../kit/database.ts';
import { type Mailbox, openMailbox } from '../kit/mailbox.ts';
import {
  ask,
  challengeMutation,
  confirmMutation,
  mfaLoginMutation,
  problem,
  setupMutation,
  stepUpMutation,
  totp,
  verifyMutation,
} from '../kit/mfa.ts';
import { type ServerProcess, startServer } from '../kit/process.ts';

const [email, password, phone] = ['ada@example.com', 'orbit-walnut-lantern', '+4915112345678'];
let [database, mailbox, server, provider]: [TestDatabase?, Mailbox?, ServerProcess?, Server?] = [];
const texts: { to: string; body: string }[] = [];
let client: Client;
const directory = mkdtempSync(join(tmpdir(), 'latchkey-journey-'));
beforeAll(async () => {
  provider = createServer((req, res) => {
    let body = '';
    req.on('data', (chunk) => (body += chunk));
    req.on('end', () => {
      const form = new URLSearchParams(body);
      texts.push({ to: form.get('To') ?? '', body: form.get('Body') ?? '' });
      res.writeHead(201, { 'content-type': 'application/json' }).end('{"sid":"SM1","status":"queued"}');
    });
  });
  await new Promise<void>((listening) => provider!.listen(0, '127.0.0.1', listening));
  database = await freshDatabase();
  mailbox = await openMailbox();
  server = await startServer({
    DATABASE_URL: database.url,
    SMTP_URL: mailbox.url,
    SMS_URL: `http://127.0.0.1:${(provider.address() as AddressInfo).port}`,
    SMS_ACCOUNT: 'AC1',
    SMS_TOKEN: 'secret of the provider',
    SMS_FROM: '+15005550006',
    DATA_DIR: directory,
  });
  client = server.client;
}, 60_000);
afterAll(async () => {
  await server?.stop();
  await database?.drop();
  await mailbox?.stop();
  provider?.close();
  rmSync(directory, { recursive: true, force: true });
});

// biome-ignore lint/suspicious/noExplicitAny: answers of any shape
type Any = any;
let read = 0;
/** The next mail to Ada, in the order they were sent. */
const mail = async (): Promise<string> => (await mailbox!.mail(email, read++)).text;
const codeIn = (text: string): string => /\b(\d{6})\b/.exec(text)![1] as string;
const text = async (nth: number): Promise<string> => {
  for (let waited = 0; waited < 8000 && texts.length <= nth; waited += 20) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(texts[nth]).toMatchObject({ to: phone, body: expect.stringMatching(/^\d{6} /) });
  return codeIn(texts[nth]!.body);
};
const login = (): Promise<Any> => ask(client, mfaLoginMutation, { email, password });
const verify = (input: object): Promise<Any> => ask(client, verifyMutation, input);

describe('Ada, on a started server', () => {
  let own: Client;
  let secret: string;
  let backupCodes: string[];
  const challenge = async (): Promise<string> => {
    const due = await login();
    expect(due.__typename).toBe('MfaRequired');
    return due.challengeToken;
  };
  const setUp = async (input: object, code: (setup: Any) => Promise<string> | string): Promise<Any> => {
    const setup: Any = await ask(own, setupMutation, input);
    expect(setup.__typename).toBe('MfaSetup');
    const enabled: Any = await ask(own, confirmMutation, { methodId: setup.method.id, code: await code(setup) });
    expect(enabled).toMatchObject({ __typename: 'MfaEnabled', method: { confirmed: true } });
    expect(await mail()).toContain('When:');
    return { ...setup, ...enabled };
  };

  it('registers, verifies and signs in', async () => {
    await ask(client, `mutation ($input: RegisterInput!) { register(input: $input) { __typename ${problem} } }`, { email, password });
    const verified = await ask(client, `mutation ($input: VerifyEmailInput!) { verifyEmail(input: $input) { __typename ${problem} } }`, {
      email,
      code: codeIn((await mail()).replace(/https:\S+/g, '')),
    });
    expect(verified.__typename).toBe('User');
    own = client.as((await login()).accessToken);
  });

  it('adds an authenticator app, and signs in with it', async () => {
    const enabled = await setUp({ type: 'TOTP', label: 'Phone' }, (setup) => totp(setup.secret, new Date(), -1));
    [secret, backupCodes] = [enabled.secret, enabled.backupCodes];
    expect(backupCodes).toHaveLength(8);
    const signedIn = await verify({ challengeToken: await challenge(), type: 'TOTP', code: totp(secret, new Date()) });
    expect(signedIn).toMatchObject({ __typename: 'SignedIn', session: { amr: ['pwd', 'otp', 'mfa'] }, user: { mfaEnabled: true } });
    own = client.as(signedIn.accessToken);
  });

  it('adds codes by mail and by text message, and signs in with each', async () => {
    await setUp({ type: 'EMAIL' }, async () => codeIn(await mail()));
    await setUp({ type: 'SMS', phone }, () => text(0));
    const byMail = await challenge();
    expect(await ask(client, challengeMutation, { challengeToken: byMail, type: 'EMAIL' })).toMatchObject({ sentTo: 'a…@example.com' });
    expect((await verify({ challengeToken: byMail, type: 'EMAIL', code: codeIn(await mail()) })).__typename).toBe('SignedIn');
    const byText = await challenge();
    expect(await ask(client, challengeMutation, { challengeToken: byText, type: 'SMS' })).toMatchObject({ sentTo: '+49…78' });
    const signedIn = await verify({ challengeToken: byText, type: 'SMS', code: await text(1) });
    expect(signedIn).toMatchObject({ __typename: 'SignedIn', session: { amr: ['pwd', 'sms', 'mfa'] } });
    const { data } = await own.ask('{ me { phone phoneVerified mfaMethods { type lastUsedAt confirmed } } }');
    expect(data.me).toMatchObject({ phone, phoneVerified: true });
    expect(data.me.mfaMethods.map((method: Any) => [method.type, method.confirmed, typeof method.lastUsedAt])).toEqual([
      ['TOTP', true, 'string'],
      ['EMAIL', true, 'string'],
      ['SMS', true, 'string'],
    ]);
  });

  it('signs in with a backup code, and is told', async () => {
    const signedIn = await verify({ challengeToken: await challenge(), type: 'BACKUP_CODE', code: backupCodes[0] });
    expect(signedIn.__typename).toBe('SignedIn');
    expect(await mail()).toContain('Codes left: 7');
    own = client.as(signedIn.accessToken);
  });

  it('steps up, and her token says so', async () => {
    const raised: Any = await ask(own, stepUpMutation, { type: 'BACKUP_CODE', code: backupCodes[1] });
    expect(raised).toMatchObject({ __typename: 'SteppedUp', session: { amr: ['pwd', 'otp', 'mfa'] } });
    expect(await mail()).toContain('Codes left: 6');
    own = client.as(raised.accessToken);
    expect((await own.ask('{ me { email } }')).data.me.email).toBe(email);
  });

  it('signs in by a mailed link, with the second factor', async () => {
    await ask(client, `mutation ($input: EmailInput!) { requestMagicLink(input: $input) { __typename } }`, { email });
    const token = /token=([\w-]+)/.exec(await mail())![1];
    const due: Any = await ask(
      client,
      `mutation ($input: MagicLinkLoginInput!) { loginWithMagicLink(input: $input) { __typename ... on MfaRequired { challengeToken methods } } }`,
      { token },
    );
    expect(due).toMatchObject({ __typename: 'MfaRequired', methods: ['TOTP', 'SMS', 'BACKUP_CODE'] });
    const signedIn = await verify({ challengeToken: due.challengeToken, type: 'BACKUP_CODE', code: backupCodes[2] });
    expect(signedIn).toMatchObject({ __typename: 'SignedIn', session: { amr: ['otp', 'mfa'] } });
    await mail();
  });

  it('takes a factor away again', async () => {
    const { data } = await own.ask('{ me { mfaMethods { id type } } }');
    const { id } = data.me.mfaMethods.find((method: Any) => method.type === 'SMS');
    const gone: Any = await ask(
      own,
      `mutation ($input: DisableMfaInput!) { disableMfa(input: $input) { __typename ... on User { mfaMethods { type } } } }`,
      { methodId: id },
    );
    expect(gone).toEqual({ __typename: 'User', mfaMethods: [{ type: 'TOTP' }, { type: 'EMAIL' }] });
    expect(await mail()).toContain('codes by text message');
    expect((await login()).methods).toEqual(['TOTP', 'EMAIL', 'BACKUP_CODE']);
  });
});
