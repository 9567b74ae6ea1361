/** What is not GraphQL: for gateways, for other services, for probes, for people. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Door, openDoor, tinyAuth } from './kit.ts';
import { http, post } from './transports.ts';

let door: Door;
const mail = {
  to: 'ada@example.com',
  subject: 'Verify <b>now</b>',
  text: 'Your code:\n\n123456\n',
  html: '<p>Hello</p>',
  locale: 'en',
  at: new Date(0),
};
const claimed: object[] = [];
let databaseUp = true;
const pinged = { ping: async () => (databaseUp ? undefined : Promise.reject(new Error('away'))) };
beforeAll(async () => {
  door = await openDoor(
    { CORS_ORIGINS: 'https://app.example.com' },
    { inbox: { list: () => [mail] }, database: pinged, hasher: { stats: () => ({ running: 1, queued: 2, refused: 3 }) } },
  );
});
afterAll(() => door.drain());
const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') => http(`${door.url}${path}`, { headers, method });

describe('/auth/validate', () => {
  it('200 with the identity in headers for a good token, by any method', async () => {
    for (const method of ['GET', 'POST', 'DELETE']) {
      const { status, headers } = await ask('/auth/validate', { authorization: 'Bearer good-ada' }, method);
      expect(status).toBe(200);
      expect(headers).toMatchObject({
        'x-user-id': 'ada',
        'x-session-id': 's-ada',
        'x-org-id': '',
        'x-scopes': 'read write',
        'x-amr': 'pwd',
        'x-client-id': 'web',
        'x-auth-time': '1700000000',
      });
    }
  });
  it('401 with invalid_token for a bad one, and no identity', async () => {
    for (const authorization of ['Bearer bad', 'Basic dTpw']) {
      const { status, headers } = await ask('/auth/validate', { authorization });
      expect([status, headers['www-authenticate'], headers['x-user-id']]).toEqual([401, 'Bearer error="invalid_token"', undefined]);
    }
  });
  it('401 without an error code where no token was sent (RFC 6750 §3.1)', async () => {
    const { status, headers } = await ask('/auth/validate');
    expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer']);
  });
  it('503 where it cannot be told, so that a gateway fails closed and tries again', async () => {
    const { status, headers } = await ask('/auth/validate', { authorization: 'Bearer away' });
    expect([status, headers['retry-after']]).toEqual([503, '2']);
  });
  it('never asks the database', async () => {
    databaseUp = false;
    expect((await ask('/auth/validate', { authorization: 'Bearer good-ada' })).status).toBe(200);
    databaseUp = true;
  });
});

it('/.well-known/jwks.json may be kept for five minutes and is not sent again to who has it', async () => {
  const { status, headers, text } = await ask('/.well-known/jwks.json');
  expect([status, headers['cache-control'], JSON.parse(text)]).toEqual([200, 'public, max-age=300', { keys: [{ kty: 'EC', kid: 'k1' }] }]);
  const again = await ask('/.well-known/jwks.json', { 'if-none-match': `"other", W/${headers['etag']}` });
  expect([again.status, again.text, again.headers['etag']]).toEqual([304, '', headers['etag']]);
  expect((await ask('/.well-known/jwks.json', { 'if-none-match': '"other"' })).status).toBe(200);
});

describe('probes and figures', () => {
  it('/health is alive though the database is not, /ready is not', async () => {
    expect(JSON.parse((await ask('/ready')).text)).toEqual({ status: 'ok', postgresql: 'ok', redis: 'not configured' });
    databaseUp = false;
    expect((await ask('/health')).status).toBe(200);
    const unready = await ask('/ready');
    expect([unready.status, JSON.parse(unready.text)]).toEqual([
      503,
      { status: 'unavailable', postgresql: 'away', redis: 'not configured' },
    ]);
    databaseUp = true;
  });
  it('HEAD has the headers of GET and no body', async () => {
    const { status, headers, text } = await ask('/health', {}, 'HEAD');
    expect([status, headers['content-length'], text]).toEqual([200, '15', '']);
  });
  it('/info says name, version and features', async () => {
    expect(JSON.parse((await ask('/info')).text)).toEqual({ name: 'latchkey', version: '0.0.0', features: ['testing'] });
  });
  it('/metrics counts requests, operations and hashes, for this machine', async () => {
    await post(door.url, { query: '{ who }' });
    await post(door.url, { query: '{ denied }' });
    const { status, text } = await ask('/metrics');
    expect(status).toBe(200);
    expect(text).toMatch(/latchkey_http_request_duration_seconds_count\{route="\/graphql",method="POST",status="200"\} \d+/);
    expect(text).toMatch(/latchkey_graphql_operations_total\{transport="http",type="query",outcome="UNAUTHENTICATED"\} 1/);
    expect(text).toContain('latchkey_password_hashes{state="queued"} 2');
    expect(text).toContain('latchkey_password_hashes_refused_total 3');
    expect(text).toContain('nodejs_eventloop_lag_seconds');
  });
  it('/metrics is not for who comes through a proxy, named or not', async () => {
    for (const header of ['x-forwarded-for', 'forwarded']) expect((await ask('/metrics', { [header]: '127.0.0.1' })).status).toBe(403);
  });
  it('/metrics asks for METRICS_TOKEN where one is set', async () => {
    const guarded = await openDoor({ METRICS_TOKEN: 'sixteen-characters' });
    const metrics = (authorization?: string) => http(`${guarded.url}/metrics`, { headers: authorization ? { authorization } : {} });
    expect((await metrics()).status).toBe(401);
    expect((await metrics('Bearer sixteen-character')).status).toBe(401);
    expect((await metrics('Bearer sixteen-characters')).status).toBe(200);
    await guarded.drain();
  });
  it('every request is one line in the log, without its query, and probes are none', async () => {
    door.lines.length = 0;
    await ask('/health');
    await ask('/verify-email?token=lkv_secret');
    await post(door.url, { query: 'query Mine { who }' }, { authorization: 'Bearer good-ada' });
    const lines = door.lines.filter((line) => line['msg'] === 'request');
    expect(lines).toMatchObject([
      { method: 'GET', path: '/verify-email', status: 200 },
      {
        method: 'POST',
        path: '/graphql',
        status: 200,
        operation: 'Mine',
        userId: 'ada',
        requestId: expect.any(String),
        ms: expect.any(Number),
      },
    ]);
    expect(JSON.stringify(door.lines)).not.toMatch(/lkv_secret|good-ada/);
  });
});

describe('pages', () => {
  /** The digests that a policy names, and those of what the page holds. */
  const digests = (html: string, tag: string) =>
    [...html.matchAll(new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`, 'g'))].map(
      ([, text]) => `'sha256-${createHash('sha256').update(text!).digest('base64')}'`,
    );

  it.each(['/verify-email', '/reset-password'])(
    '%s changes nothing by itself, never holds the token, and runs only its own script',
    async (path) => {
      const { status, text, headers } = await ask(`${path}?token=lkv_abc"><script>alert(1)</script>`);
      expect(status).toBe(200);
      expect(text).not.toContain('lkv_abc');
      const policy = String(headers['content-security-policy']);
      expect(policy).toContain(`default-src 'none'`);
      expect(policy).toContain(`script-src ${digests(text, 'script')[0]}`);
      expect(policy).toContain(`style-src ${digests(text, 'style')[0]}`);
      expect(policy).not.toContain('unsafe');
      expect(headers['referrer-policy']).toBe('no-referrer');
      expect(() => new Function(/<script>([\s\S]*)<\/script>/.exec(text)![1]!)).not.toThrow();
    },
  );

  it('the inbox lists mails as text, and shows one within a frame that runs nothing', async () => {
    const list = await ask('/inbox');
    expect(list.text).toContain('Verify &#60;b&#62;now&#60;/b&#62;');
    const [, path] = /href="(\/inbox\/[0-9a-f]+)"/.exec(list.text)!;
    const one = await ask(path!);
    expect(one.text).toContain('123456');
    expect(one.text).toMatch(/<iframe sandbox="(?!.*allow-scripts)/);
    const html = await ask(`${path}/html`);
    expect(html.text).toContain('<p>Hello</p>');
    expect(html.headers['content-security-policy']).toMatch(/^default-src 'none'.*; sandbox (?!.*allow-scripts)/);
    expect((await ask('/inbox/0000000000000000')).status).toBe(404);
  });
  it('the inbox is JSON for who asks for that', async () => {
    const { text } = await ask('/inbox', { accept: 'application/json' });
    expect(JSON.parse(text)).toMatchObject([{ to: 'ada@example.com', text: expect.stringContaining('123456') }]);
  });
});

describe('/bootstrap', () => {
  let open: Door;
  beforeAll(async () => {
    const firstAdministrator = {
      claim: async (_caller: object, input: { token: string }) => {
        claimed.push(input);
        if (input.token === 'weak') return { kind: 'WeakPassword', message: 'Too weak.', unmet: ['12 characters'] };
        return { kind: input.token === 'right' ? 'User' : 'TokenInvalid' };
      },
    };
    open = await openDoor({}, { auth: { ...tinyAuth, access: { ...tinyAuth.access, firstAdministrator } } });
  });
  afterAll(() => open.drain());
  const claim = (body: string, type = 'application/json') =>
    http(`${open.url}/bootstrap`, { method: 'POST', headers: { 'content-type': type }, body });
  const input = (token: string) => JSON.stringify({ token, email: 'a@example.com', password: 'x' });

  it('makes the first administrator for who has the link, and nobody else', async () => {
    expect((await http(`${open.url}/bootstrap?token=right`)).status).toBe(200);
    expect(claimed).toEqual([]);
    expect(await claim(input('right'))).toMatchObject({ status: 200, text: expect.stringContaining('"done":true') });
    expect(await claim(input('wrong'))).toMatchObject({ status: 400, text: expect.stringContaining('void') });
    expect((await claim(input('weak'))).text).toContain('Too weak. 12 characters');
  });
  it('takes JSON alone, whole', async () => {
    const before = claimed.length;
    expect((await claim(input('right'), 'text/plain')).status).toBe(415);
    expect((await claim('{"token":"right"}')).status).toBe(400);
    expect((await claim('nonsense')).status).toBe(400);
    expect(claimed.length).toBe(before);
  });
  it('is not there where the house has no such thing', async () => {
    expect((await ask('/bootstrap')).status).toBe(404);
  });
});

describe('OpenTelemetry', () => {
  it('sends a span for the request and one for the operation, within the trace of the caller', async () => {
    const received: string[] = [];
    const collector = createServer(async (req, res) => {
      const chunks: Buffer[] = [];
      for await (const chunk of req) chunks.push(chunk as Buffer);
      received.push(Buffer.concat(chunks).toString('latin1'));
      res.end();
    });
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
    const { port } = collector.address() as { port: number };
    const traced = await openDoor({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` });
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    await post(traced.url, { query: 'query Mine { who }' }, { traceparent: `00-${traceId}-b7ad6b7169203331-01` });
    await traced.drain();
    collector.close();
    const sent = received.join('');
    expect(sent).toContain('POST /graphql');
    expect(sent).toContain('query Mine');
    expect(sent.split(traceId)).toHaveLength(3);
  });
});
