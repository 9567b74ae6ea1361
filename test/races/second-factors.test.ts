/** Second factors on two real servers on one PostgreSQL: whatever is answered twice at once counts once. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stranger as strangerOf } from '../kit/caller.ts';
import type { Client } from '../kit/client.ts';
import { freshDatabase, type TestDatabase } from '../kit/database.ts';
import { type Mailbox, openMailbox } from '../kit/mailbox.ts';
import {
  ask,
  challengeMutation,
  confirmMutation,
  mfaLoginMutation,
  setupMutation,
  totp,
  verifyMutation,
  type WithTotp,
  withTotp,
} from '../kit/mfa.ts';
import { type ServerProcess, startServer } from '../kit/process.ts';
import { openWorld, password, type World } from '../kit/world.ts';

const rounds = 50;
const times = <T>(count: number, work: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => work(n)));
let database: TestDatabase;
let world: Awaited<ReturnType<typeof openWorld>>;
let mailbox: Mailbox;
let servers: ServerProcess[] = [];
const directory = mkdtempSync(join(tmpdir(), 'latchkey-second-factors-'));
beforeAll(async () => {
  database = await freshDatabase();
  const keyFile = join(directory, 'master-keys.json');
  mailbox = await openMailbox();
  const own = { SMTP_URL: mailbox.url, DATABASE_URL: database.url, DATA_DIR: directory, KMS_MASTER_KEY_FILE: keyFile };
  servers = await Promise.all([startServer(own), startServer(own)]);
  world = await openWorld({ SMTP_URL: mailbox.url }, { databaseUrl: database.url, keyFile });
}, 60_000);
afterAll(async () => {
  await world?.close();
  await Promise.all(servers.map((server) => server.kill()));
  await mailbox?.stop();
  await database?.drop();
  rmSync(directory, { recursive: true, force: true });
});

// biome-ignore lint/suspicious/noExplicitAny: answers of any shape
type Any = any;
const mailedCode = async (to: string, nth: number): Promise<string> => /^\d{6}$/m.exec((await mailbox.mail(to, nth)).text)![0];
const side = (n: number): Client => servers[n % 2]!.client;
const challenge = async (ada: WithTotp, n: number): Promise<string> => {
  const due: Any = await ask(side(n), mfaLoginMutation, { email: ada.email, password });
  if (due.__typename !== 'MfaRequired') throw new Error(JSON.stringify(due));
  return due.challengeToken;
};
const verify = async (n: number, input: object): Promise<string> => (await ask(side(n), verifyMutation, input)).__typename;
const sessionsOf = async (of: World, userId: string) => (await of.sql('SELECT 1 FROM sessions WHERE user_id = $1', [userId])).length;
const count = (kinds: readonly string[], kind: string) => kinds.filter((one) => one === kind).length;

describe('two challenges of one user, answered at once at both servers', () => {
  it('by the same code of the app sign in one of them, in fifty rounds', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const ada = await withTotp(world);
      const tokens = await Promise.all([challenge(ada, 0), challenge(ada, 1)]);
      const code = totp(ada.secret, new Date());
      const kinds = await Promise.all(tokens.map((challengeToken, n) => verify(n, { challengeToken, type: 'TOTP', code })));
      expect(kinds.sort()).toEqual(['CodeInvalid', 'SignedIn']);
      expect(await sessionsOf(world, ada.id)).toBe(2);
    }
  }, 120_000);

  it('by the same backup code sign in one of them, in fifty rounds', async () => {
    let ada = await withTotp(world);
    for (let round = 0; round < rounds; round += 1) {
      if (ada.backupCodes.length === 0) ada = await withTotp(world);
      const code = ada.backupCodes.pop() as string;
      const tokens = await Promise.all([challenge(ada, 0), challenge(ada, 1)]);
      const before = await sessionsOf(world, ada.id);
      const kinds = await Promise.all(tokens.map((challengeToken, n) => verify(n, { challengeToken, type: 'BACKUP_CODE', code })));
      expect(kinds.sort()).toEqual(['CodeInvalid', 'SignedIn']);
      expect(await sessionsOf(world, ada.id)).toBe(before + 1);
    }
  }, 120_000);
});

describe('one challenge, answered at once at both servers', () => {
  it('by different right answers signs in once, and spends no code on the others, in fifty rounds', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const ada = await withTotp(world);
      const challengeToken = await challenge(ada, round);
      const answers = [
        { type: 'TOTP', code: totp(ada.secret, new Date()) },
        ...ada.backupCodes.slice(0, 3).map((code) => ({ type: 'BACKUP_CODE', code })),
      ];
      const kinds = await times(4, (n) => verify(n, { challengeToken, ...answers[n] }));
      expect(count(kinds, 'SignedIn')).toBe(1);
      expect(count(kinds, 'TokenInvalid')).toBe(3);
      const [left] = await world.sql<{ n: number }>(
        'SELECT count(*)::int AS n FROM mfa_backup_codes WHERE user_id = $1 AND used_at IS NULL',
        [ada.id],
      );
      expect(left!.n).toBe(kinds[0] === 'SignedIn' ? 8 : 7);
      expect(await sessionsOf(world, ada.id)).toBe(2);
    }
  }, 120_000);

  it('by the same mailed code signs in once, in ten rounds', async () => {
    for (let round = 0; round < 10; round += 1) {
      const ada = await world.signedIn();
      const setup: Any = await ask(ada.client, setupMutation, { type: 'EMAIL' });
      await ask(ada.client, confirmMutation, { methodId: setup.method.id, code: await mailedCode(ada.email, 0) });
      const challengeToken = await challenge({ ...ada, secret: '', methodId: '', backupCodes: [] }, round);
      expect((await ask(world.anonymous, challengeMutation, { challengeToken, type: 'EMAIL' })).__typename).toBe('MfaChallenge');
      // After the code of the setup and the notice that it counts.
      const code = await mailedCode(ada.email, 2);
      const kinds = await times(4, (n) => verify(n, { challengeToken, type: 'EMAIL', code }));
      expect(count(kinds, 'SignedIn')).toBe(1);
      expect(await sessionsOf(world, ada.id)).toBe(2);
    }
  }, 60_000);
});

describe('one setup, confirmed at once at both servers', () => {
  it('is enabled once, with one set of backup codes, in fifty rounds', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const ada = await world.signedIn();
      const setup: Any = await ask(ada.client, setupMutation, { type: 'TOTP' });
      const code = totp(setup.secret, new Date());
      const answers: Any[] = await times(4, (n) => ask(side(n).as(ada.accessToken), confirmMutation, { methodId: setup.method.id, code }));
      expect(
        count(
          answers.map((answer) => answer.__typename),
          'MfaEnabled',
        ),
      ).toBe(1);
      const [codes] = await world.sql<{ n: number }>('SELECT count(*)::int AS n FROM mfa_backup_codes WHERE user_id = $1', [ada.id]);
      expect(codes!.n).toBe(8);
      expect(await world.sql(`SELECT 1 FROM audit_events WHERE subject_id = $1 AND type = 'mfa.enabled'`, [ada.id])).toHaveLength(1);
    }
  }, 120_000);
});

describe('the last two factors, taken away at once where one is required', () => {
  it('leave one, in twenty rounds', async () => {
    const strict = await openWorld({ MFA_REQUIRED: 'on' });
    try {
      for (let round = 0; round < 20; round += 1) {
        const ada = await withTotp(strict);
        const fresh = (await strict.house.auth.sessions.refresh(
          { ...strangerOf(), userAgent: null },
          { refreshToken: ada.refreshToken },
        )) as { accessToken: string };
        const client = strict.anonymous.as(fresh.accessToken);
        const setup: Any = await ask(client, setupMutation, { type: 'EMAIL' });
        // Beside it the letter of the first factor is on its way.
        const letters = [await strict.mail(ada.email, 1), await strict.mail(ada.email, 0)];
        const code = letters.flatMap(({ text }) => /^\d{6}$/m.exec(text) ?? [])[0]!;
        const enabled: Any = await ask(client, confirmMutation, { methodId: setup.method.id, code });
        expect(enabled.__typename).toBe('MfaEnabled');
        const disable = (methodId: string) =>
          ask(client, 'mutation ($input: DisableMfaInput!) { disableMfa(input: $input) { __typename } }', { methodId });
        const kinds = (await Promise.all([disable(ada.methodId), disable(setup.method.id)])).map((answer) => answer.__typename);
        expect(kinds.sort()).toEqual(['Conflict', 'User']);
      }
    } finally {
      await strict.close();
    }
  }, 60_000);
});
