/** Brokers by HTTP, against local servers with their documented answers and errors, and with every way of being of no use. */
import { createHash } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ConfigError, readConfig } from '../../src/config.ts';
import { createAlpaca } from '../../src/infra/brokers/alpaca.ts';
import { createKite, nextFlush } from '../../src/infra/brokers/kite.ts';
import type { Broker, BrokerAnswer, Log } from '../../src/infra/ports.ts';
import { type KiteUser, kiteError, type LocalAlpaca, type LocalKite, misbehaviour, openAlpaca, openKite } from '../kit/kite.ts';
import { freePort } from '../kit/ports.ts';

let kite: LocalKite;
let alpaca: LocalAlpaca;
let user: KiteUser;
let lines: object[];
const note = (data: object, message: string): void => void lines.push({ ...data, message });
const log: Log = { debug: note, info: note, warn: note, error: note, child: () => log };
/** A caller of its own for each test, so that no breaker is open from the one before. */
const kiteOf = (more = {}): Broker => createKite({ url: kite.url, timeoutMs: 400, retries: 3, ...more }, log);
const now = new Date('2026-03-05T10:00:00Z');

beforeAll(async () => {
  [kite, alpaca] = await Promise.all([openKite(), openAlpaca()]);
});
afterAll(() => Promise.all([kite?.stop(), alpaca?.stop()]));
beforeEach(() => {
  user = kite.user();
  lines = [];
  kite.seen.length = 0;
});
afterEach(() => {
  kite.behave(null);
  vi.useRealTimers();
});
const { apiKey, apiSecret } = { apiKey: () => user.apiKey, apiSecret: () => user.apiSecret };
const byRequest = (requestToken: string) => ({ apiKey: apiKey(), apiSecret: apiSecret(), requestToken, accessToken: null });
const byAccess = (accessToken: string) => ({ apiKey: apiKey(), apiSecret: apiSecret(), accessToken });
const unavailable: BrokerAnswer = { kind: 'BrokerUnavailable', retryAfterSeconds: 5 };
const rejected: BrokerAnswer = { kind: 'BrokerRejected' };
const expectDiscreet = (...secrets: string[]): void => {
  const told = inspect(lines, { depth: 12, showHidden: true });
  for (const secret of [apiKey(), apiSecret(), ...secrets]) expect(told).not.toContain(secret);
};

describe('Kite', () => {
  it('exchanges a request token by the checksum of its documentation, once', async () => {
    const requestToken = kite.requestToken(user);
    const answer = await kiteOf().connect(byRequest(requestToken), now);
    expect(answer).toEqual({
      kind: 'Known',
      brokerUserId: user.userId,
      accessToken: expect.stringMatching(/^\w{32}$/),
      expiresAt: new Date('2026-03-06T00:30:00Z'),
    });
    const checksum = createHash('sha256').update(`${user.apiKey}${requestToken}${user.apiSecret}`).digest('hex');
    expect(kite.seen).toMatchObject([
      {
        ...{ method: 'POST', path: '/session/token', form: { api_key: user.apiKey, request_token: requestToken, checksum } },
        headers: { 'x-kite-version': '3', 'content-type': expect.stringContaining('application/x-www-form-urlencoded') },
      },
    ]);
    expect(JSON.stringify(kite.seen)).not.toContain(user.apiSecret);
    expect(await kiteOf().connect(byRequest(requestToken), now)).toEqual(rejected);
  });

  it('refuses a wrong secret, a wrong key, a token of somebody else and one that is over', async () => {
    const other = kite.user();
    const token = kite.accessToken(user);
    const broker = kiteOf();
    expect(await broker.connect({ ...byRequest(kite.requestToken(user)), apiSecret: 'wrong' }, now)).toEqual(rejected);
    expect(await broker.connect({ ...byRequest(kite.requestToken(user)), apiKey: 'wrong' }, now)).toEqual(rejected);
    expect(await broker.connect(byRequest(kite.requestToken(other)), now)).toEqual(rejected);
    expect(await broker.verify({ ...byAccess(token), apiKey: other.apiKey }, now)).toEqual(rejected);
    expect(await broker.connect({ ...byAccess(token), requestToken: null }, now)).toMatchObject({ brokerUserId: user.userId });
    kite.endSessions(user);
    expect(await broker.verify(byAccess(token), now)).toEqual(rejected);
  });

  it.each([
    [403, 'TokenException'],
    [400, 'InputException'],
    [403, 'UserException'],
  ])('answers %i %s: the credentials are refused, and it is not asked again', async (status, type) => {
    kite.behave(kiteError(status, type));
    expect(await kiteOf().verify(byAccess('token'), now)).toEqual(rejected);
    expect(kite.seen).toHaveLength(1);
  });

  it.each([
    [429, 'NetworkException'],
    [500, 'GeneralException'],
    [502, 'NetworkException'],
    [503, 'DataException'],
    [504, 'NetworkException'],
  ])('answers %i %s: a profile is asked for three times more, an exchange never', async (status, type) => {
    kite.behave(kiteError(status, type, user.apiSecret));
    expect(await kiteOf().verify(byAccess('the access token'.replaceAll(' ', '_')), now)).toEqual(unavailable);
    expect(kite.seen).toHaveLength(4);
    kite.seen.length = 0;
    expect(await kiteOf().connect(byRequest('the_request_token'), now)).toEqual(unavailable);
    expect(kite.seen).toHaveLength(1);
    expectDiscreet('the_access_token', 'the_request_token');
  });

  it('is believed when it comes back within the retries', async () => {
    const token = kite.accessToken(user);
    kite.behave(kiteError(503, 'NetworkException'), 2);
    expect(await kiteOf().verify(byAccess(token), now)).toMatchObject({ kind: 'Known', brokerUserId: user.userId });
    expect(kite.seen).toHaveLength(3);
    expect(lines).toEqual([]);
  });

  it.each(Object.entries(misbehaviour) as [string, RequestListener][])(
    'that is %s cannot be asked: nothing follows for the credentials',
    async (how, answer) => {
      kite.behave(answer);
      const began = performance.now();
      expect(await kiteOf({ retries: 1 }).verify(byAccess('an_access_token'), now), how).toEqual(unavailable);
      expect(await kiteOf({ retries: 1 }).connect(byRequest('a_request_token'), now), how).toEqual(unavailable);
      expect(performance.now() - began, how).toBeLessThan(3_000);
      expect(kite.seen.filter(({ method }) => method === 'POST').length, how).toBe(1);
      expect(kite.seen.length, how).toBe(how.startsWith('cut off') ? 3 : 2);
      expect(lines.length).toBe(2);
      expectDiscreet('an_access_token', 'a_request_token');
    },
  );

  it('is asked again for an exchange that cannot have arrived', async () => {
    const port = await freePort();
    const broker = kiteOf({ url: `http://127.0.0.1:${port}`, retries: 2 });
    const began = performance.now();
    expect(await broker.connect(byRequest('a_request_token'), now)).toEqual(unavailable);
    // Two waits of random length: with none of them it would be over in a few milliseconds.
    expect(performance.now() - began).toBeGreaterThan(10);
    expect(inspect(lines)).toContain('ECONNREFUSED');
  });

  it('is left alone for half a minute after five calls in a row that came to nothing, and then tried by one', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const broker = kiteOf({ retries: 1 });
    kite.behave(kiteError(500, 'GeneralException'));
    for (let n = 0; n < 5; n += 1) expect(await broker.verify(byAccess('token'), now)).toEqual(unavailable);
    expect(kite.seen).toHaveLength(10);
    kite.behave(null);
    for (let n = 0; n < 3; n += 1) expect(await broker.verify(byAccess('token'), now)).toEqual({ ...unavailable, retryAfterSeconds: 30 });
    expect(kite.seen).toHaveLength(10);
    // Of those who come at once one tries, and the others take what it finds.
    const five = () => Promise.all(Array.from({ length: 5 }, () => broker.verify(byAccess(kite.accessToken(user)), now)));
    kite.behave(kiteError(500, 'GeneralException'));
    vi.setSystemTime(Date.now() + 30_001);
    expect((await five()).map(({ kind }) => kind)).toEqual(Array(5).fill('BrokerUnavailable'));
    expect(kite.seen).toHaveLength(12);
    kite.behave(null);
    vi.setSystemTime(Date.now() + 30_001);
    expect((await five()).map(({ kind }) => kind)).toEqual(Array(5).fill('Known'));
    expect(await broker.verify(byAccess('token'), now)).toEqual(rejected);
    expect(kite.seen).toHaveLength(18);
  });

  it('is not left alone for refusing credentials', async () => {
    const broker = kiteOf();
    for (let n = 0; n < 8; n += 1) expect(await broker.verify(byAccess('token'), now)).toEqual(rejected);
    expect(kite.seen).toHaveLength(8);
  });

  it.each([
    ['429: the key of one user is worn out', kiteError(429, 'NetworkException')],
    ['403 of a kind that says nothing of credentials', kiteError(403, 'PermissionException')],
  ])('is not left alone for an answer to one user (%s)', async (_what, answer) => {
    const broker = kiteOf({ retries: 0 });
    kite.behave(answer, 8);
    for (let n = 0; n < 8; n += 1) expect(await broker.verify(byAccess('token'), now)).toEqual(unavailable);
    expect(await broker.verify(byAccess(kite.accessToken(user)), now)).toMatchObject({ kind: 'Known' });
  });
});

describe('the end of Kite’s tokens', () => {
  it('is the next 06:00 in India, whenever a token lives', () => {
    const inIndia = new Intl.DateTimeFormat('en-GB', { timeZone: 'Asia/Kolkata', timeStyle: 'medium' });
    fc.assert(
      fc.property(fc.date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true }), (at) => {
        const end = nextFlush(at);
        expect(inIndia.format(end)).toBe('06:00:00');
        expect(end.getTime() - at.getTime()).toBeGreaterThan(0);
        expect(end.getTime() - at.getTime()).toBeLessThanOrEqual(86_400_000);
      }),
    );
    expect(nextFlush(new Date('2026-03-05T00:29:59.999Z')).toISOString()).toBe('2026-03-05T00:30:00.000Z');
    expect(nextFlush(new Date('2026-03-05T00:30:00.000Z')).toISOString()).toBe('2026-03-06T00:30:00.000Z');
  });
});

describe('Alpaca', () => {
  const alpacaOf = () => createAlpaca({ url: alpaca.url, timeoutMs: 400, retries: 1 }, log);
  it('knows whose a key and a secret are, refuses wrong ones, and has no tokens', async () => {
    const { userId, ...keys } = alpaca.user();
    const asked = { ...keys, requestToken: null, accessToken: null };
    expect(await alpacaOf().connect(asked, now)).toEqual({ kind: 'Known', brokerUserId: userId, accessToken: null, expiresAt: null });
    expect(await alpacaOf().verify({ ...asked, apiSecret: 'wrong' }, now)).toEqual(rejected);
    for (const answer of [misbehaviour.hanging, misbehaviour['a page of a proxy'], misbehaviour['of another form']]) {
      alpaca.behave(answer);
      expect(await alpacaOf().verify(asked, now)).toEqual(unavailable);
    }
    alpaca.behave(null);
  });
});

describe('brokers of production', () => {
  const problemsOf = (KITE_API_URL: string): string[] => {
    try {
      readConfig({ NODE_ENV: 'production', KITE_API_URL });
      return [];
    } catch (error) {
      return (error as ConfigError).problems.filter((problem) => problem.startsWith('KITE_API_URL'));
    }
  };
  it.each([
    ...['http://api.kite.trade', 'http://127.0.0.1.evil.example', 'http://localhost.evil.example:80/', 'http://10.0.0.7:8080'],
    ...['HTTP://api.kite.trade', 'http://localhost:x@api.kite.trade'],
  ])('are not asked in the clear: %s', (url) => {
    expect(problemsOf(url)).toEqual(['KITE_API_URL: must be https with NODE_ENV=production, but on this machine']);
  });
  it.each(['https://api.kite.trade', 'http://127.0.0.1:4001', 'http://localhost', 'http://[::1]:80/kite'])('may be asked at %s', (url) => {
    expect(problemsOf(url)).toEqual([]);
  });
});
