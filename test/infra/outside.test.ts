import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { createLog } from '../../src/infra/log.ts';
import { createBreaches } from '../../src/infra/outside/breaches.ts';
import { createBreaker } from '../../src/infra/outside/breaker.ts';
import { openPlaces } from '../../src/infra/outside/places.ts';
import { countryDatabase } from './country-database.ts';

const lines: string[] = [];
const log = createLog({ LOG_LEVEL: 'debug' }, { write: (line: string) => void lines.push(line) });
const sha1 = (text: string) => createHash('sha1').update(text).digest('hex').toUpperCase();

describe('The breach check', () => {
  let server: Server | undefined;
  afterEach(async () => {
    server?.closeAllConnections();
    await new Promise((closed) => (server ? server.close(closed) : closed(undefined)));
  });
  const serve = async (answer: RequestListener) => {
    server = createServer(answer).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  it('finds how often a password was seen, and sends no more of it than five digits of its hash.', async () => {
    const asked: { url: string | undefined; padding: unknown }[] = [];
    const hash = sha1('password123');
    const url = await serve((request, response) => {
      asked.push({ url: request.url, padding: request.headers['add-padding'] });
      const padding = Array.from({ length: 800 }, (_, i) => `${sha1(`pad${i}`).slice(5)}:0`);
      response.end([...padding, `${hash.slice(5)}:251682`, `${sha1('unseen in padding').slice(5)}:0`].join('\r\n'));
    });
    const breaches = createBreaches({ url }, log);
    expect(breaches.enabled).toBe(true);
    expect(await breaches.count('password123')).toBe(251_682);
    expect(await breaches.count('never seen anywhere')).toBe(0);
    expect(await breaches.count('unseen in padding')).toBe(0);
    expect(asked[0]).toEqual({ url: `/range/${hash.slice(0, 5)}`, padding: 'true' });
  });

  it('gives up on a service that is slow, refuses, redirects, speaks another language or never ends.', async () => {
    const broken: Record<string, RequestListener> = {
      slow: () => {},
      'slow in the middle': (_, response) => void response.write('0123'),
      refusing: (_, response) => void response.writeHead(429).end('later'),
      redirecting: (_, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      'another language': (_, response) => void response.end(`${sha1('a password').slice(5)}:many\r\n`),
      'never ending': (_, response) => {
        const more = () => {
          while (response.write('x'.repeat(65_536)));
        };
        response.on('drain', more);
        more();
      },
    };
    for (const [how, answer] of Object.entries(broken)) {
      const url = await serve(answer);
      const from = performance.now();
      expect(await createBreaches({ url, timeoutMs: 300 }, log).count('a password'), how).toBeNull();
      expect(performance.now() - from, how).toBeLessThan(1_500);
      server?.closeAllConnections();
    }
    expect(await createBreaches({ url: 'http://127.0.0.1:1' }, log).count('a password')).toBeNull();
    expect(lines.join()).not.toContain('a password"');
  });

  it('leaves a failing service alone after five failures.', async () => {
    let asked = 0;
    const url = await serve((_, response) => {
      asked++;
      response.writeHead(503).end();
    });
    const breaches = createBreaches({ url }, log);
    for (let i = 0; i < 8; i++) expect(await breaches.count('a password')).toBeNull();
    expect(asked).toBe(5);
  });

  it('is off without a URL.', async () => {
    const breaches = createBreaches({ url: undefined }, log);
    expect(breaches.enabled).toBe(false);
    expect(await breaches.count('password123')).toBeNull();
  });
});

describe('The circuit breaker', () => {
  it('opens after five failures in a row for 30 s, then at the next failure again, and a success closes it.', () => {
    let now = 0;
    const breaker = createBreaker(() => now);
    for (let i = 0; i < 4; i++) breaker.failed();
    breaker.succeeded();
    for (let i = 0; i < 4; i++) breaker.failed();
    expect(breaker.isOpen()).toBe(false);
    breaker.failed();
    now = 29_999;
    expect(breaker.isOpen()).toBe(true);
    now = 30_000;
    expect(breaker.isOpen()).toBe(false);
    breaker.failed();
    expect(breaker.isOpen()).toBe(true);
    now = 60_000;
    breaker.succeeded();
    breaker.failed();
    expect(breaker.isOpen()).toBe(false);
  });
});

describe('Places', () => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-places-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  it('tells the country of an address, and null for one that is not in the database or is no address.', async () => {
    const file = join(directory, 'country.mmdb');
    writeFileSync(file, countryDatabase(81, 'AT'));
    const places = await openPlaces(file);
    expect(places.place('81.12.13.14')).toEqual({ country: 'AT', latitude: null, longitude: null });
    for (const other of ['82.1.1.1', '127.0.0.1', '::1', '', 'not an address']) expect(places.place(other), other).toBeNull();
  });

  it('knows no country without a database, and refuses to start with a broken one.', async () => {
    expect((await openPlaces(undefined)).place('81.12.13.14')).toBeNull();
    const file = join(directory, 'broken.mmdb');
    writeFileSync(file, 'not a database');
    await expect(openPlaces(file)).rejects.toThrow(`GEOIP_DATABASE: ${file}`);
    await expect(openPlaces(join(directory, 'missing.mmdb'))).rejects.toThrow('missing.mmdb');
  });
});
