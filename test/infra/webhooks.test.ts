/** POSTs to URLs that somebody else chose: where they go, where they never go, and how little is told of what came of them. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createTls } from 'node:https';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { createWebhookSender, type SenderSettings } from '../../src/infra/outside/webhooks.ts';
import { startDns } from '../kit/dns.ts';
import { type Receiver, startReceiver } from '../kit/receiver.ts';

const opened = (text: string) => readConfig({ WEBHOOK_ALLOW_PRIVATE: text }).WEBHOOK_ALLOW_PRIVATE;
const never = new AbortController().signal;
const post = (url: string, more: Partial<SenderSettings> = {}) =>
  createWebhookSender({ opened: opened('127.0.0.1'), timeoutMs: 2_000, ...more }).post(
    { url, headers: { 'x-test': '1' }, body: '{"ä":1}' },
    never,
  );

let receiver: Receiver;
const closing: (() => Promise<unknown> | unknown)[] = [];
beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(() => receiver.close());
afterEach(async () => {
  receiver.received.length = 0;
  Object.assign(receiver.state, { answer: 200, headers: {} });
  for (const close of closing.splice(0).reverse()) await close();
});
const dns = async (answer: Parameters<typeof startDns>[0]) => {
  const server = await startDns(answer);
  closing.push(server.close);
  return server;
};
const portOf = (url: string) => new URL(url).port;

describe('an address', () => {
  const closed = createWebhookSender({ opened: opened('false') });
  it.each([
    [
      'this machine',
      ['127.0.0.1', '127.9.9.9', '127.1', '2130706433', '0x7f.1', '0177.0.0.1', '0.0.0.0', '[::1]', '[::]', '[0:0:0:0:0:0:0:1]'],
    ],
    ['a site', ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '[fc00::1]', '[fd12:3456::1]', '[fec0::1]']],
    ['a link', ['169.254.1.1', '[fe80::1]', '[febf::1]']],
    ['a cloud’s metadata', ['169.254.169.254', '[fd00:ec2::254]', '100.100.100.200', '168.63.129.16', '192.0.0.192']],
    ['a carrier', ['100.64.0.1', '100.127.255.255']],
    [
      'nobody',
      ['192.0.2.1', '198.18.0.1', '198.19.255.255', '198.51.100.1', '203.0.113.9', '[2001:db8::1]', '[3fff::1]', '[100::1]', '240.0.0.1'],
    ],
    ['many', ['224.0.0.1', '239.255.255.255', '255.255.255.255', '[ff02::1]']],
    [
      'IPv4 by way of IPv6',
      ['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::ffff:10.0.0.1]', '[::127.0.0.1]', '[64:ff9b::7f00:1]', '[64:ff9b:1::a00:1]'],
    ],
    ['IPv4 by 6to4 and Teredo', ['[2002:7f00:1::]', '[2002:a9fe:a9fe::1]', '[2001:0:7f00:1::]']],
  ])('of %s is not sent to, however it is spelled', (_whose, hosts) => {
    for (const host of hosts) expect([host, closed.refuses(`https://${host}/`)]).toEqual([host, true]);
  });
  it('of the open internet is', () => {
    for (const host of [
      '8.8.8.8',
      '172.32.0.1',
      '100.128.0.1',
      '192.0.1.1',
      '198.20.0.1',
      '223.255.255.255',
      '[2606:4700::1111]',
      '[2a00:1450::1]',
      '[::ffff:8.8.8.8]',
    ])
      expect([host, closed.refuses(`https://${host}/`)]).toEqual([host, false]);
  });
  it('is opened by the operator, one by one, by ranges, or all the usual ones; what a cloud tells its machines only by name', () => {
    const refused = (setting: string, hosts: string[]) =>
      hosts.map((host) => createWebhookSender({ opened: opened(setting) }).refuses(`http://${host}/`));
    expect(refused('10.1.0.0/16, fd00::/8', ['10.1.2.3', '10.2.0.1', '[fd00::1]', '127.0.0.1'])).toEqual([false, true, false, true]);
    expect(
      refused('true', ['127.0.0.1', '[::1]', '10.0.0.1', '192.168.0.1', '[::ffff:10.0.0.1]', '169.254.169.254', '[fd00:ec2::254]']),
    ).toEqual([...[false, false, false, false, false], ...[true, true]]);
    expect(refused('169.254.169.254', ['169.254.169.254', '169.254.1.1'])).toEqual([false, true]);
    for (const wrong of ['yes', '10.0.0.0/33', '10.0.0', 'fd00::/129', '10.0.0.0/8/8', 'example.com', '10.0.0.1,,'])
      expect(() => opened(wrong), wrong).toThrow('WEBHOOK_ALLOW_PRIVATE');
  });
});

describe('a name', () => {
  it('is looked up once, and connected is to what was judged: what it answers the next time leads nowhere', async () => {
    let turn = 0;
    // Rebinding: first an address that may be sent to, then one that may not.
    const server = await dns(() => (turn++ < 2 ? ['127.0.0.1'] : ['127.0.0.2']));
    expect(await post(`http://hook.example:${portOf(receiver.url)}/`, { dnsServers: [server.server] })).toMatchObject({ status: 200 });
    expect(server.asked).toEqual(['hook.example', 'hook.example']);
    expect(receiver.received[0]!.headers['host']).toBe(`hook.example:${portOf(receiver.url)}`);
    expect(await post(`http://hook.example:${portOf(receiver.url)}/`, { dnsServers: [server.server] })).toEqual({
      kind: 'Failed',
      error: 'refused address',
    });
    expect(receiver.received).toHaveLength(1);
  });

  it.each([
    ['a private address', ['10.0.0.1', 'fd00::1', '::ffff:127.0.0.2'], 'refused address'],
    ['no address', [], 'name not found'],
  ])('that has %s is not sent to', async (_what, addresses, error) => {
    const server = await dns(() => addresses);
    expect(await post(`http://hook.example:${portOf(receiver.url)}/`, { dnsServers: [server.server] })).toEqual({ kind: 'Failed', error });
    expect(receiver.received).toEqual([]);
  });

  it('that has private addresses beside others is sent to at the others alone', async () => {
    const server = await dns(() => ['127.0.0.2', '10.0.0.1', '127.0.0.1', '::1']);
    expect(await post(`http://hook.example:${portOf(receiver.url)}/`, { dnsServers: [server.server] })).toMatchObject({ status: 200 });
  });

  it('whose server does not answer is a timeout, and localhost is asked of no server', async () => {
    const server = await dns(() => null);
    const given = { dnsServers: [server.server], timeoutMs: 300 };
    expect(await post('http://hook.example/', given)).toEqual({ kind: 'Failed', error: 'timeout' });
    const before = server.asked.length;
    expect(await post(`http://localhost:${portOf(receiver.url)}/`, given)).toMatchObject({ status: 200 });
    expect(await post(`http://localhost:${portOf(receiver.url)}/`, { ...given, opened: opened('false') })).toEqual({
      kind: 'Failed',
      error: 'refused address',
    });
    expect(server.asked.slice(before).filter((name) => name.includes('localhost'))).toEqual([]);
  });
});

describe('a POST', () => {
  it('sends the body and the headers as they are given, and tells the status and when to come back', async () => {
    Object.assign(receiver.state, { answer: 503, headers: { 'retry-after': '120' } });
    expect(await post(`${receiver.url}/a?b=c`)).toEqual({ kind: 'Answered', status: 503, retryAfter: '120' });
    expect(receiver.received).toMatchObject([{ path: '/a?b=c', body: '{"ä":1}', headers: { 'x-test': '1', 'content-length': '8' } }]);
  });

  it('follows nowhere', async () => {
    const other = await startReceiver();
    closing.push(other.close);
    Object.assign(receiver.state, { answer: 307, headers: { location: other.url } });
    expect(await post(receiver.url)).toMatchObject({ kind: 'Answered', status: 307 });
    expect(other.received).toEqual([]);
  });

  it('reads no more than 64 KiB of an answer', async () => {
    let sent = 0;
    receiver.state.answer = (response) => {
      response.writeHead(200);
      const more = () => {
        for (let room = true; room && !response.destroyed; sent += 16_384) room = response.write(Buffer.alloc(16_384));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    };
    expect(await post(receiver.url)).toMatchObject({ kind: 'Answered', status: 200 });
    // What is on its way in the kernel's buffers comes on top.
    expect(sent).toBeLessThan(20 * 1024 * 1024);
  });

  it.each([
    ['never answers', () => {}],
    ['answers without an end', (response: import('node:http').ServerResponse) => void response.writeHead(200).write('x')],
  ])('that is for somebody who %s is a timeout', async (_what, answer) => {
    receiver.state.answer = answer;
    const began = performance.now();
    expect(await post(receiver.url, { timeoutMs: 300 })).toEqual({ kind: 'Failed', error: 'timeout' });
    expect(performance.now() - began).toBeLessThan(8_000);
  });

  it('is called off', async () => {
    receiver.state.answer = 'silent';
    const stopping = new AbortController();
    const sent = createWebhookSender({ opened: opened('127.0.0.1') }).post({ url: receiver.url, headers: {}, body: '' }, stopping.signal);
    await new Promise<void>((come) => {
      receiver.state.answer = () => come();
    });
    stopping.abort();
    expect(await sent).toEqual({ kind: 'Stopped' });
  });

  it('to a port where nobody is, or nobody who speaks HTTP, is told in two words', async () => {
    const server = createTcp((socket) => socket.resume().end('SSH-2.0-secret-banner\r\n')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await post(`http://127.0.0.1:${port}/`)).toEqual({ kind: 'Failed', error: 'connection failed' });
    await new Promise((closed) => server.close(closed));
    expect(await post(`http://127.0.0.1:${port}/`)).toEqual({ kind: 'Failed', error: 'connection refused' });
  });
});

describe('over TLS', () => {
  it('goes to a server whose certificate is known and of the name, and to no other', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'latchkey-hook-'));
    closing.push(() => rmSync(directory, { recursive: true, force: true }));
    const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
    const form = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=hook.example'];
    execFileSync('openssl', ['req', ...form, '-addext', 'subjectAltName=DNS:hook.example', '-keyout', key, '-out', cert], {
      stdio: 'ignore',
    });
    const names: string[] = [];
    const server = createTls({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
      names.push((request.socket as tls.TLSSocket).servername as string);
      response.end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => new Promise((closed) => server.close(closed)));
    const { port } = server.address() as AddressInfo;
    const names4 = await dns(() => ['127.0.0.1']);
    const given = { dnsServers: [names4.server] };
    expect(await post(`https://hook.example:${port}/`, given)).toEqual({ kind: 'Failed', error: 'TLS' });
    const before = tls.getCACertificates('default');
    tls.setDefaultCACertificates([...before, readFileSync(cert, 'utf8')]);
    closing.push(() => tls.setDefaultCACertificates(before));
    expect(await post(`https://other.example:${port}/`, given)).toEqual({ kind: 'Failed', error: 'TLS' });
    expect(await post(`https://hook.example:${port}/`, given)).toMatchObject({ kind: 'Answered', status: 200 });
    expect(names).toEqual(['hook.example']);
    expect(await post(`https://127.0.0.1:${portOf(receiver.url)}/`)).toEqual({ kind: 'Failed', error: 'TLS' });
  });
});
