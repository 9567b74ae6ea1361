/** What is no GraphQL request, or comes in a way that a page of another site could send it, is refused before anything runs. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../../src/http/limits.ts';
import { type Door, openDoor } from './kit.ts';
import { additions, password } from './schema.ts';
import { http, post, sse } from './transports.ts';

let door: Door;
let graphql: string;
beforeAll(async () => {
  door = await openDoor({ CORS_ORIGINS: 'https://app.example.com' });
  graphql = `${door.url}/graphql`;
});
afterAll(() => door.drain());

const json = { 'content-type': 'application/json' };
const form = (body: string, boundary: string) =>
  `--${boundary}\r\ncontent-disposition: form-data; name="operations"\r\n\r\n${body}\r\n--${boundary}--\r\n`;

describe('cross-site request forgery', () => {
  const mutation = JSON.stringify({ query: 'mutation { add }' });
  it.each([
    ['text/plain', mutation],
    ['application/x-www-form-urlencoded', `query=${encodeURIComponent('mutation { add }')}`],
    ['multipart/form-data; boundary=b', form(mutation, 'b')],
    ['application/graphql', 'mutation { add }'],
    ['text/plain; application/json', mutation],
    ['application/json; charset=latin1', mutation],
    ['', mutation],
  ])('a mutation as "%s" is 415 and does not run', async (type, body) => {
    const before = additions();
    for (const accept of ['*/*', 'text/event-stream']) {
      const answer = await http(graphql, { method: 'POST', headers: { 'content-type': type, accept }, body });
      expect([answer.status, answer.errors?.[0]?.extensions['code']]).toEqual([415, 'BAD_REQUEST']);
    }
    expect(additions()).toBe(before);
  });

  it('a mutation by GET is 405 and does not run, whatever headers come with it', async () => {
    const before = additions();
    for (const headers of [{ 'x-latchkey-csrf': '1' }, { 'apollo-require-preflight': '1' }, { accept: 'text/event-stream' }] as Record<
      string,
      string
    >[]) {
      const answer = await http(`${graphql}?query=${encodeURIComponent('mutation { add }')}`, { headers });
      expect([answer.status, answer.headers['allow']]).toEqual([405, 'POST']);
    }
    expect(additions()).toBe(before);
  });

  it('a query by GET needs a header that no link or image can send', async () => {
    const url = `${graphql}?query=${encodeURIComponent('{ who }')}`;
    expect((await http(url, {})).status).toBe(403);
    expect((await http(url, { headers: { 'apollo-require-preflight': '1' } })).data).toEqual({ who: 'nobody' });
  });
});

describe('malformed input', () => {
  it.each([
    ['no JSON', `{"query": "{ who }", "variables": {"password": "${password}"`],
    ['JSON that is no object', `"${password}"`],
    ['null', 'null'],
    ['a batch', JSON.stringify([{ query: '{ who }' }])],
    ['a query that is no string', JSON.stringify({ query: { password } })],
    ['no query', JSON.stringify({ variables: { password } })],
    ['variables that are a list', JSON.stringify({ query: '{ who }', variables: [password] })],
    ['an operation name that is no string', JSON.stringify({ query: '{ who }', operationName: [password] })],
    ['a persisted query', JSON.stringify({ extensions: { persistedQuery: { version: 1, sha256Hash: password } } })],
    ['20,000 brackets in the body', '['.repeat(20_000)],
    ['20,000 nested lists in the variables', `{"query":"{ who }","variables":{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`],
    ['20,000 nested selections', JSON.stringify({ query: `${'{a'.repeat(6_000)}` })],
    ['an empty body', ''],
  ])('%s is a BAD_REQUEST that does not say what was sent', async (_title, body) => {
    for (const answer of [
      await post(door.url, body),
      await http(graphql, { method: 'POST', headers: { ...json, accept: 'text/event-stream' }, body }),
    ]) {
      expect([answer.status, answer.errors?.[0]?.extensions['code']]).toEqual([400, 'BAD_REQUEST']);
      expect(answer.text).not.toContain('hunter2');
      expect(answer.text.length).toBeLessThan(600);
    }
  });

  it('a body that is no UTF-8 is a BAD_REQUEST', async () => {
    const answer = await http(graphql, { method: 'POST', headers: json, body: Buffer.from([0x7b, 0xff, 0xfe, 0x7d]) });
    expect(answer.errors?.[0]?.message).toBe('The body is not UTF-8.');
  });

  it('an encoded body is 415', async () => {
    expect((await http(graphql, { method: 'POST', headers: { ...json, 'content-encoding': 'gzip' }, body: '{}' })).status).toBe(415);
  });

  it('a GET with variables that are no JSON is a BAD_REQUEST that does not say them', async () => {
    const answer = await http(`${graphql}?query={who}&variables={${password}`, { headers: { 'x-latchkey-csrf': '1' } });
    expect([answer.status, answer.errors?.[0]?.extensions['code']]).toEqual([400, 'BAD_REQUEST']);
    expect(answer.text).not.toContain('hunter2');
  });

  it.each([
    ['declared', (body: string) => ({ body, headers: json })],
    ['in chunks', (body: string) => ({ body, headers: { ...json, 'transfer-encoding': 'chunked' } })],
  ])('a body of 128 KiB passes, one byte more is 413 (%s)', async (_title, as) => {
    const start = '{"query":"{ who }","x":"';
    const sized = (bytes: number) => `${start}${'a'.repeat(bytes - start.length - 2)}"}`;
    expect((await http(graphql, { method: 'POST', ...as(sized(limits.bodyBytes)) })).data).toEqual({ who: 'nobody' });
    const refused = await http(graphql, { method: 'POST', ...as(sized(limits.bodyBytes + 1)) });
    expect([refused.status, refused.errors?.[0]?.extensions['code'], refused.headers['connection']]).toEqual([413, 'BAD_REQUEST', 'close']);
  });
});

describe('paths and methods', () => {
  it.each(['/', '/graphql/', '/graphqlx', '/..%2fgraphql', '/admin', '/inbox', '//health'])('%s is 404', async (path) => {
    const answer = await http(`${door.url}${path}`);
    expect(answer.status).toBe(404);
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });
  it.each([
    ['PUT', '/graphql', 'POST, GET, OPTIONS'],
    ['HEAD', '/graphql', 'POST, GET, OPTIONS'],
    ['POST', '/health', 'GET, HEAD'],
    ['POST', '/.well-known/jwks.json', 'GET, HEAD'],
    ['POST', '/verify-email', 'GET, HEAD'],
  ])('%s %s is 405', async (method, path, allow) => {
    const answer = await http(`${door.url}${path}`, { method });
    expect([answer.status, answer.headers['allow']]).toEqual([405, allow]);
  });

  it('a request that offers h2c, as Java clients do, is an ordinary one', async () => {
    const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA' };
    expect((await post(door.url, { query: '{ who }' }, headers)).data).toEqual({ who: 'nobody' });
  });

  it('every answer has the security headers and is not kept by caches', async () => {
    const answers = [
      await post(door.url, { query: '{ who }' }),
      await sse(door.url, { query: '{ who }' }),
      await http(`${door.url}/nothing`),
      await post(door.url, 'x'),
    ];
    for (const { headers } of answers)
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        // Yoga has words of its own for its streams.
        'cache-control': expect.stringMatching(/^no-(store|cache)$/),
      });
  });
});

describe('cross-origin resource sharing', () => {
  const preflight = (origin: string) =>
    http(graphql, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
    });

  it('a configured origin is granted credentials, on both lanes', async () => {
    const origin = 'https://app.example.com';
    expect((await preflight(origin)).headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-allow-headers': expect.stringContaining('x-latchkey-csrf'),
    });
    for (const ask of [post, sse]) {
      const { headers } = await ask(door.url, { query: '{ who }' }, { origin });
      expect(headers).toMatchObject({ 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true', vary: 'origin' });
    }
  });

  it.each(['https://evil.example', 'https://app.example.com.evil.example', 'http://app.example.com', 'null'])(
    '%s is granted nothing',
    async (origin) => {
      for (const { headers } of [
        await preflight(origin),
        await post(door.url, { query: '{ who }' }, { origin }),
        await sse(door.url, { query: '{ who }' }, { origin }),
      ]) {
        expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
        expect(headers['vary']).toBe('origin');
      }
    },
  );
});
