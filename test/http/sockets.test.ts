/** GraphQL over WebSocket: who may connect, with what, how much, and how it ends. */

import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { socketLimits } from '../../src/http/sockets.ts';
import { type Door, endSession, openDoor, sessions } from './kit.ts';
import { ended, newsroom } from './schema.ts';
import { connected, type Told, wire } from './transports.ts';

let door: Door;
beforeAll(async () => {
  door = await openDoor({ CORS_ORIGINS: 'https://app.example.com', PUBLIC_URL: 'https://id.example.com' });
});
afterAll(() => door.drain());

const subscribe = (id: string, query: string) => ({ id, type: 'subscribe', payload: { query } });
const statusOf = async (headers: Record<string, string>): Promise<number> =>
  wire(door.url, { headers }).then(
    ({ socket }) => {
      socket.close();
      return 101;
    },
    (error: Error) => Number(/\d{3}/.exec(error.message)?.[0]),
  );

describe('a connection', () => {
  it.each([
    ['none, which is no browser', {}, 101],
    ['a configured one', { origin: 'https://app.example.com' }, 101],
    ["this service's own", { origin: 'https://id.example.com' }, 101],
    ['another one', { origin: 'https://evil.example' }, 403],
    ['an opaque one', { origin: 'null' }, 403],
  ])('with an Origin that is %s is answered as it should be', async (_title, headers, status) => {
    expect(await statusOf(headers as Record<string, string>)).toBe(status);
  });

  it('of another subprotocol is closed with 4406', async () => {
    const socket = new WebSocket(`${door.url.replace('http', 'ws')}/graphql`);
    socket.on('error', () => {});
    const code = await new Promise((resolve) => socket.on('close', resolve));
    expect(code).toBe(4406);
  });

  it('to another path is 404', async () => {
    const socket = new WebSocket(`${door.url.replace('http', 'ws')}/other`, 'graphql-transport-ws');
    expect(await new Promise((resolve) => socket.on('error', (error) => resolve(error.message)))).toContain('404');
  });

  it('that does not introduce itself is closed with 4408', async () => {
    const line = await wire(door.url);
    expect((await line.closed).code).toBe(4408);
  }, 8_000);

  it.each([
    ['a bad token', { authorization: 'Bearer bad' }],
    ['no bearer token', { authorization: 'good-ada' }],
    ['something that is no string', { authorization: { token: 'good-ada' } }],
  ])('with %s is closed with 4401', async (_title, payload) => {
    const line = await wire(door.url);
    line.send({ type: 'connection_init', payload });
    expect(await line.closed).toMatchObject({ code: 4401 });
  });

  it('that asks before it introduced itself is closed with 4401', async () => {
    const line = await wire(door.url);
    line.send(subscribe('1', '{ who }'));
    expect(await line.closed).toMatchObject({ code: 4401 });
  });

  it.each(['not json', '{}', '{"type":"subscribe"}', '[]', 'null'])('that sends %s is closed with 4400', async (message) => {
    const line = await connected(door.url);
    line.send(message);
    expect(await line.closed).toMatchObject({ code: 4400 });
  });

  it('may send 64 KiB in a message, and not more', async () => {
    const fits = await connected(door.url);
    const start = '{"type":"ping","payload":{"a":"';
    fits.send(`${start}${'x'.repeat(socketLimits.payloadBytes - start.length - 3)}"}}`);
    expect(await fits.next()).toMatchObject({ type: 'pong' });
    fits.socket.close();
    const over = await connected(door.url);
    over.send(`${start}${'x'.repeat(socketLimits.payloadBytes - start.length - 2)}"}}`);
    expect(await over.closed).toMatchObject({ code: expect.toSatisfy((code) => code === 1009 || code === 1006) });
  });

  it('is one of at most a hundred of one network', async () => {
    const lines = await Promise.all(Array.from({ length: socketLimits.perNetwork }, () => wire(door.url, { localAddress: '127.0.0.9' })));
    await expect(wire(door.url, { localAddress: '127.0.0.9' })).rejects.toThrow('429');
    (await wire(door.url, { localAddress: '127.0.0.10' })).socket.close();
    lines[0]!.socket.close();
    await lines[0]!.closed;
    await vi.waitFor(async () => lines.push(await wire(door.url, { localAddress: '127.0.0.9' })));
    for (const { socket } of lines) socket.terminate();
  });
});

describe('operations', () => {
  it('the well-known client library gets its events', async () => {
    const client = createClient({ url: `${door.url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket });
    const results = [];
    for await (const result of client.iterate({ query: 'subscription { ticks(to: 3) }' })) results.push(result.data);
    expect(results).toEqual([{ ticks: 1 }, { ticks: 2 }, { ticks: 3 }]);
    await client.dispose();
  });

  it('at most twenty run at a time on one socket', async () => {
    const line = await connected(door.url);
    for (let i = 1; i <= socketLimits.operations; i += 1) line.send(subscribe(String(i), 'subscription { news }'));
    line.send(subscribe('one too many', 'subscription { news }'));
    const refused = await line.next();
    expect(refused).toMatchObject({ id: 'one too many', type: 'error' });
    expect((refused.payload as Told[])[0]).toMatchObject({ extensions: { code: 'BAD_REQUEST' }, message: expect.stringContaining('20') });
    line.send({ id: '7', type: 'complete' });
    line.send(subscribe('again', 'subscription { ticks(to: 1) }'));
    expect(await line.next()).toMatchObject({ id: 'again', type: 'next' });
    const before = ended.news;
    line.socket.close();
    await vi.waitFor(() => expect(ended.news - before).toBe(socketLimits.operations - 1));
  });

  it('a cookie cannot be set over a socket', async () => {
    const line = await connected(door.url);
    line.send(subscribe('1', 'mutation { refresh(token: "x") }'));
    expect((await line.next()).payload).toMatchObject({ data: null, errors: [{ extensions: { code: 'BAD_REQUEST' } }] });
    line.socket.close();
  });

  it('a subscription that is refused or breaks says so by the same codes, and is over', async () => {
    const line = await connected(door.url);
    line.send(subscribe('1', 'subscription { refused }'));
    expect(await line.next()).toMatchObject({ type: 'next', payload: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] } });
    expect(await line.next()).toEqual({ id: '1', type: 'complete' });
    line.send(subscribe('2', 'subscription { breaks }'));
    expect(await line.next()).toMatchObject({ type: 'next', payload: { data: { breaks: 1 } } });
    expect(await line.next()).toMatchObject({
      type: 'next',
      payload: { errors: [{ message: 'Something broke on our side.', extensions: { code: 'INTERNAL' } }] },
    });
    expect(await line.next()).toEqual({ id: '2', type: 'complete' });
    line.socket.close();
  });
});

describe('the end', () => {
  it('comes with 4401 as soon as the session ends', async () => {
    const line = await connected(door.url, { authorization: 'Bearer good-ada' });
    line.send(subscribe('1', 'subscription { news }'));
    const [began, before] = [performance.now(), ended.news];
    endSession('ada');
    expect(await line.closed).toEqual({ code: 4401, reason: 'The session has ended' });
    expect(performance.now() - began).toBeLessThan(1_000);
    await vi.waitFor(() => expect(ended.news).toBe(before + 1));
    expect(sessions.get('s-ada')?.size ?? 0).toBe(0);
  });

  it('comes with 4403 when the access token expires', async () => {
    const line = await connected(door.url, { authorization: 'Bearer brief-eve' });
    expect(await line.closed).toEqual({ code: 4403, reason: 'The access token has expired' });
  });

  it('leaves the sockets of other sessions alone', async () => {
    const other = await connected(door.url, { authorization: 'Bearer good-bob' });
    other.send(subscribe('1', 'subscription { news }'));
    endSession('ada');
    await vi.waitFor(() => expect(newsroom.listenerCount('news')).toBe(1));
    newsroom.emit('news', 'still here');
    expect(await other.next()).toMatchObject({ payload: { data: { news: 'still here' } } });
    other.socket.close();
  });

  it('comes for a reader that stops reading, before its backlog grows', async () => {
    const line = await connected(door.url);
    (line.socket as unknown as { _socket: { pause(): void } })._socket.pause();
    const before = ended.flood;
    line.send(subscribe('1', 'subscription { flood(size: 60000) }'));
    await vi.waitFor(() => expect(ended.flood).toBe(before + 1), { timeout: 18_000, interval: 100 });
    const sent = ended.sent;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(ended.sent).toBe(sent);
    expect(ended.sent * 60_000).toBeLessThan(16 * 1024 * 1024);
    line.socket.terminate();
  }, 20_000);
});
