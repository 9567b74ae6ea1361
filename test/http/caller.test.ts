/** Who calls, and from where: addresses behind proxies, request ids, cookies. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CookieReply, cookieOf, refreshCookieName } from '../../src/http/cookies.ts';
import { canonical, networkOf } from '../../src/infra/network.ts';
import { type Door, openDoor, seen } from './kit.ts';
import { type Answer, post, sse } from './transports.ts';

const open: Door[] = [];
const doorWith = async (settings: Record<string, string>): Promise<string> => {
  const door = await openDoor(settings);
  open.push(door);
  return door.url;
};
afterAll(() => Promise.all(open.map((door) => door.drain())));

type Origin = { ip: string; network: string; requestId: string; cookie: string | null };
const originOf = async (url: string, headers: Record<string, string>): Promise<Origin> => {
  const { data } = await post(url, { query: '{ origin }' }, headers);
  const [ip, network, requestId, cookie] = JSON.parse((data as { origin: string }).origin);
  return { ip, network, requestId, cookie };
};

describe('the address of the client', () => {
  let untrusting: string;
  let trusting: string;
  beforeAll(async () => {
    untrusting = await doorWith({});
    trusting = await doorWith({ TRUSTED_PROXIES: '127.0.0.1, 10.0.0.0/8, 2001:db8:1::/48' });
  });

  it('is that of the connection where no proxy is trusted, whatever the headers say', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.9', 'x-real-ip': '203.0.113.9', forwarded: 'for=203.0.113.9' };
    expect(await originOf(untrusting, headers)).toMatchObject({ ip: '127.0.0.1', network: '127.0.0.1' });
  });

  it.each([
    ['the only entry', '203.0.113.9', '203.0.113.9'],
    ['the one right of what a client made up', '1.2.3.4, 203.0.113.9', '203.0.113.9'],
    ['the one left of trusted proxies', '203.0.113.9, 10.1.2.3, 2001:db8:1::7', '203.0.113.9'],
    ['the last proxy where an entry is no address', 'unknown, 10.1.2.3', '10.1.2.3'],
    ['the connection where nothing is an address', '<script>', '127.0.0.1'],
    ['an address with a port', '203.0.113.9:4711', '203.0.113.9'],
    ['an IPv6 address in brackets with a port', '[2001:DB8::0:1]:4711', '2001:db8::1'],
    ['an IPv4-mapped address', '::ffff:203.0.113.9', '203.0.113.9'],
    ['the leftmost where all are trusted', '10.9.9.9, 10.1.2.3', '10.9.9.9'],
    ['found within twenty hops, however long the header', `203.0.113.9${', 10.1.2.3'.repeat(2_000)}`.slice(-8_000), '10.1.2.3'],
  ])('behind a trusted proxy it is %s', async (_title, forwarded, ip) => {
    expect((await originOf(trusting, { 'x-forwarded-for': forwarded })).ip).toBe(ip);
  });

  it('counts an IPv6 client by its /64', async () => {
    const one = await originOf(trusting, { 'x-forwarded-for': '2001:db8:5:6:1:2:3:4' });
    const other = await originOf(trusting, { 'x-forwarded-for': '2001:db8:5:6:ffff::1' });
    expect([one.network, other.network]).toEqual(['2001:db8:5:6::/64', '2001:db8:5:6::/64']);
  });

  it.each([
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['fe80::1:2:3:4:5', 'fe80:0:0:1::/64'],
    ['192.0.2.1', '192.0.2.1'],
  ])('networkOf(%s) is %s', (ip, network) => {
    expect(networkOf(ip)).toBe(network);
  });

  it('canonical forms are one for each address', () => {
    expect(['2001:DB8:0:0:0:0:0:1', '::FFFF:1.2.3.4', 'fe80::1%eth0', '1.2.3.4', '1.2.3', '01.2.3.4', 'x'].map(canonical)).toEqual([
      '2001:db8::1',
      '1.2.3.4',
      'fe80::1',
      '1.2.3.4',
      null,
      null,
      null,
    ]);
  });

  it.each(['10.0.0.0/33', 'proxy.local', '10.0.0.0/x', '::1/129', ''])(
    'TRUSTED_PROXIES=%s is refused at the start, or nothing',
    async (value) => {
      if (value === '') return expect(await doorWith({ TRUSTED_PROXIES: value })).toBeTruthy();
      await expect(openDoor({ TRUSTED_PROXIES: value })).rejects.toThrow(/TRUSTED_PROXIES.*neither an address nor a CIDR range/s);
    },
  );

  it('a request id is taken from a trusted proxy where it is sane, else made here', async () => {
    const given = 'edge-1234567890';
    expect((await originOf(trusting, { 'x-request-id': given })).requestId).toBe(given);
    expect((await originOf(untrusting, { 'x-request-id': given })).requestId).not.toBe(given);
    for (const mad of ['short', 'x'.repeat(200), 'a b c d e f g h', '{"a":1}0000'])
      expect((await originOf(trusting, { 'x-request-id': mad })).requestId).toMatch(/^[0-9a-f-]{36}$/);
    const { headers } = await post(trusting, { query: '{ who }' }, { 'x-request-id': given });
    expect(headers['x-request-id']).toBe(given);
  });

  it('a token that is used is marked as seen', async () => {
    seen.length = 0;
    await post(untrusting, { query: '{ who }' }, { authorization: 'Bearer good-ada' });
    await post(untrusting, { query: '{ who }' }, { authorization: 'Bearer bad' });
    expect(seen).toEqual(['s-ada']);
  });
});

describe('the refresh cookie', () => {
  let url: string;
  beforeAll(async () => {
    url = await doorWith({});
  });
  const cookie = 'a=b; __Host-latchkey-refresh=lkr_1.2-3; c=d';

  it('is read only beside the CSRF header', async () => {
    expect((await originOf(url, { cookie, 'x-latchkey-csrf': '1' })).cookie).toBe('lkr_1.2-3');
    expect((await originOf(url, { cookie })).cookie).toBeNull();
    expect((await originOf(url, { cookie, 'x-latchkey-csrf': '0' })).cookie).toBeNull();
  });

  it('is found among others, and nothing else is taken for it', () => {
    expect(cookieOf('latchkey-refresh=x', refreshCookieName)).toBeNull();
    expect(cookieOf('x__Host-latchkey-refresh=x', refreshCookieName)).toBeNull();
    expect(cookieOf('__Host-latchkey-refresh=', refreshCookieName)).toBeNull();
    expect(cookieOf('__Host-latchkey-refresh=a=b', refreshCookieName)).toBe('a=b');
  });

  const set = { query: 'mutation { refresh(token: "lkr_new") }' };
  it.each<[string, (url: string, asked: { query: string }) => Promise<Answer>]>([
    ['the direct lane', post],
    ['an event stream', sse],
  ])('is set over %s with every attribute that keeps it', async (_name, lane) => {
    const { headers } = await lane(url, set);
    expect(headers['set-cookie']).toEqual(['__Host-latchkey-refresh=lkr_new; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=604800']);
  });

  it('is cleared only where an operation says so', async () => {
    expect((await post(url, { query: 'mutation { forget }' })).headers['set-cookie']).toEqual([
      '__Host-latchkey-refresh=; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=0',
    ]);
    for (const query of ['{ who }', '{ denied }', '{ nothing }'])
      expect((await post(url, { query })).headers['set-cookie']).toBeUndefined();
    const refused = await post(url, { query: '{ who }' }, { authorization: 'Bearer bad', cookie, 'x-latchkey-csrf': '1' });
    expect(refused.headers['set-cookie']).toBeUndefined();
  });

  it('never takes a token that would add attributes of its own', () => {
    expect(() => new CookieReply().setRefreshCookie('x; Domain=evil.example', 1)).toThrow(TypeError);
  });
});
