import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createLog } from '../../src/infra/log.ts';
import { Unavailable } from '../../src/infra/ports.ts';
import { Secret } from '../../src/infra/secret.ts';

const open = (LOG_LEVEL: 'debug' | 'info' | 'warn' | 'error' | 'silent' = 'debug') => {
  const lines: string[] = [];
  const log = createLog({ LOG_LEVEL }, { write: (line: string) => void lines.push(line) });
  return { log, lines, last: () => JSON.parse(lines.at(-1)!) };
};
const jwt = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl-_x';

describe('The log', () => {
  it('redacts values under secret-looking names, at any depth and in any spelling.', () => {
    const { log, lines, last } = open();
    const names =
      'password newPassword current_password PASSWORD-HASH secret client_secret token accessToken refresh_token code authorization Cookie set-cookie X-Api-Key apiSecret backup_codes challengeToken privateKey otp code_verifier';
    for (const name of names.split(' ')) {
      log.info({ [name]: 'hunter2-value', a: [{ b: { [name]: ['hunter2-value', 123456] } }] }, 'a line');
      expect(lines.at(-1), name).not.toMatch(/hunter2|123456/);
      expect(last().a[0].b[name]).toBe('[redacted]');
    }
  });

  it('keeps what is no secret.', () => {
    const { log, last } = open();
    const data = { statusCode: 200, userId: 'u1', passwordChanged: true, token: null, tokenId: 't1', country: 'AT', nested: { n: 1 } };
    log.info(data, 'a line');
    expect(last()).toMatchObject({ ...data, level: 'info', msg: 'a line' });
  });

  it('masks what looks like a secret inside any text: the message, a value, an error, a URL.', () => {
    const { log, lines, last } = open();
    log.info({ header: `Bearer ${'a'.repeat(30)}`, note: `it was ${jwt}, yes` }, `got lkr_AAAAbbbb1111.2222-_cc and ${jwt}`);
    expect(lines.at(-1)).not.toMatch(/aaaaaaaa|c2lnbmF0|AAAAbbbb/);
    expect(last().note).toBe('it was [redacted], yes');
    log.warn({ link: 'https://id.example/verify?lang=de&token=abc_DEF-123&x=1', db: 'postgresql://app:s3cr3t%21@db:5432/x' }, 'a line');
    expect(last()).toMatchObject({
      link: 'https://id.example/verify?lang=de&token=[redacted]&x=1',
      db: 'postgresql://app:[redacted]@db:5432/x',
    });
    log.error({ error: new Error(`cannot read ${jwt}`) }, 'a line');
    expect(lines.at(-1)).not.toContain('c2lnbmF0');
  });

  it('prints a Secret as [secret], also in JSON, in a template and when inspected.', () => {
    const { log, last } = open();
    const secret = new Secret('hunter2');
    log.info({ held: secret, list: [secret] }, `a line ${secret}`);
    expect(last()).toMatchObject({ held: '[secret]', list: ['[secret]'], msg: 'a line [secret]' });
    expect(JSON.stringify({ secret }) + inspect({ secret }) + String(secret)).not.toContain('hunter2');
    expect(secret.reveal()).toBe('hunter2');
  });

  it('tells an error with its stack and its causes, and nothing of the rows and arguments that libraries hang on it.', () => {
    const { log, lines, last } = open();
    const pg = Object.assign(new Error('duplicate key'), { code: '23505', constraint: 'users_email', detail: 'Key (hash)=(hunter2)' });
    const redis = Object.assign(new Error('ERR'), { command: { name: 'set', args: ['k', 'hunter2'] } });
    log.error({ error: new Unavailable('no database', 3, pg), both: new AggregateError([redis], 'two') }, 'a line');
    expect(lines.at(-1)).not.toContain('hunter2');
    expect(last()).toMatchObject({
      error: { type: 'Unavailable', retryAfterSeconds: 3, cause: { message: 'duplicate key', code: '23505', constraint: 'users_email' } },
      both: { errors: [{ message: 'ERR' }] },
    });
    expect(last().error.stack).toContain('log.test.ts');
    log.error({ err: pg }, 'a line');
    expect(last().err).toMatchObject({ type: 'Error', code: '23505' });
  });

  it('redacts the bindings of a child and carries them on.', () => {
    const { log, last } = open();
    log.child({ requestId: 'r1', token: 'hunter2' }).info({ a: 1 }, 'a line');
    expect(last()).toMatchObject({ requestId: 'r1', token: '[redacted]', a: 1 });
  });

  it('copes with values that hold themselves, bytes, big integers, maps and sets.', () => {
    const { log, last } = open();
    const own: Record<string, unknown> = { big: 10n, bytes: Buffer.from('hunter2'), map: new Map([['secret', 's']]), set: new Set([1]) };
    own['self'] = own;
    log.info(own, 'a line');
    expect(last()).toMatchObject({ big: '10', bytes: '[7 bytes]', map: { secret: '[redacted]' }, set: [1] });
  });

  it('does nothing at all for a level that is off.', () => {
    const { log, lines } = open('warn');
    const trap = {
      get touched(): never {
        throw new Error('looked at');
      },
    };
    log.info(trap, 'a line');
    log.debug(trap, 'a line');
    log.child({ a: 1 }).info(trap, 'a line');
    expect(lines).toEqual([]);
    expect(() => log.warn(trap, 'a line')).toThrow('looked at');
  });
});
