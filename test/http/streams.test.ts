/** Event streams: events, their end by the client, by the session, by a reader that does not read. */
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Door, endSession, openDoor, sessions } from './kit.ts';
import { ended, newsroom } from './schema.ts';
import { eventsOf, sse } from './transports.ts';

let door: Door;
beforeAll(async () => {
  door = await openDoor();
});
afterAll(() => door.drain());

/** A stream whose text grows as it comes. */
const follow = async (query: string, headers: Record<string, string> = {}) => {
  const leaving = new AbortController();
  const response = await fetch(`${door.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...headers },
    body: JSON.stringify({ query }),
    signal: leaving.signal,
  });
  const stream = { text: '', over: false, leave: () => leaving.abort(), response };
  const read = async () => {
    for await (const chunk of response.body!) stream.text += Buffer.from(chunk).toString();
  };
  read().then(
    () => {
      stream.over = true;
    },
    () => {
      stream.over = true;
    },
  );
  return stream;
};

describe('an event stream', () => {
  it('brings each event, then complete', async () => {
    const { status, text, headers } = await sse(door.url, { query: 'subscription { ticks(to: 3) }' });
    expect([status, headers['content-type']]).toEqual([200, 'text/event-stream']);
    expect(eventsOf(text)).toEqual([{ data: { ticks: 1 } }, { data: { ticks: 2 } }, { data: { ticks: 3 } }]);
    expect(text.trimEnd().endsWith('event: complete\ndata:')).toBe(true);
  });

  it('by GET with Accept: text/event-stream alone, as EventSource asks', async () => {
    const response = await fetch(`${door.url}/graphql?query=${encodeURIComponent('subscription { ticks(to: 1) }')}`, {
      headers: { accept: 'text/event-stream' },
    });
    expect(eventsOf(await response.text())).toEqual([{ data: { ticks: 1 } }]);
  });

  it('says so by the same codes when it is refused or breaks', async () => {
    expect(eventsOf((await sse(door.url, { query: 'subscription { refused }' })).text)).toMatchObject([
      { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] },
    ]);
    const broken = await sse(door.url, { query: 'subscription { breaks }' });
    expect(eventsOf(broken.text)).toMatchObject([{ data: { breaks: 1 } }, { errors: [{ message: 'Something broke on our side.' }] }]);
    expect(broken.text).not.toContain('hunter2');
  });

  it('is given back when its client leaves', async () => {
    const before = ended.news;
    const stream = await follow('subscription { news }');
    await vi.waitFor(() => expect(newsroom.listenerCount('news')).toBe(1));
    newsroom.emit('news', 'first');
    await vi.waitFor(() => expect(eventsOf(stream.text)).toEqual([{ data: { news: 'first' } }]));
    stream.leave();
    await vi.waitFor(() => expect(ended.news).toBe(before + 1));
    expect(newsroom.listenerCount('news')).toBe(0);
  });

  it('ends within a second of its session, without complete and with a hint to come back', async () => {
    const stream = await follow('subscription { news }', { authorization: 'Bearer good-ada' });
    await vi.waitFor(() => expect(sessions.get('s-ada')?.size).toBe(1));
    const before = ended.news;
    endSession('ada');
    await vi.waitFor(() => expect(stream.over).toBe(true), { timeout: 1_000 });
    expect(stream.text).toContain('retry: 1000');
    expect(stream.text).not.toContain('complete');
    await vi.waitFor(() => expect(ended.news).toBe(before + 1));
    expect(sessions.get('s-ada')?.size).toBe(0);
  });

  it('ends when the access token expires', async () => {
    const stream = await follow('subscription { news }', { authorization: 'Bearer brief-eve' });
    await vi.waitFor(() => expect(stream.over).toBe(true), { timeout: 2_000 });
  });

  it('of a reader that stops reading is dropped, before its backlog grows', async () => {
    const before = ended.flood;
    const sent = ended.sent;
    const socket = connect(door.port, '127.0.0.1');
    const body = JSON.stringify({ query: 'subscription { flood(size: 60000) }' });
    socket.write(
      `POST /graphql HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    socket.on('error', () => {});
    socket.pause();
    await vi.waitFor(
      async () => {
        const some = ended.sent;
        await pause(100);
        expect(ended.sent - some).toBe(0);
        expect(some).toBeGreaterThan(sent);
      },
      { timeout: 5_000 },
    );
    // The house looks once a second: this look finds it stuck, the next ones find seven seconds gone by, then eleven.
    await pause(1_200);
    const now = performance.now.bind(performance);
    const moved = vi.spyOn(performance, 'now').mockImplementation(() => now() + 7_000);
    await pause(1_200);
    expect(ended.flood).toBe(before);
    moved.mockImplementation(() => now() + 11_000);
    await vi.waitFor(() => expect(ended.flood).toBe(before + 1), { timeout: 3_000 }).finally(() => moved.mockRestore());
    expect((ended.sent - sent) * 60_000).toBeLessThan(16 * 1024 * 1024);
    socket.destroy();
  }, 20_000);

  it('is kept alive by comments while nothing happens', async () => {
    const stream = await follow('subscription { news }');
    const first = () => stream.text.split(':\n\n').length - 1;
    await vi.waitFor(() => expect(first()).toBeGreaterThanOrEqual(2), { timeout: 14_000, interval: 200 });
    stream.leave();
  }, 16_000);

  it('is one of at most a hundred of one network', async () => {
    const streams = await Promise.all(Array.from({ length: 100 }, () => follow('subscription { news }')));
    const refused = await sse(door.url, { query: 'subscription { news }' });
    expect([refused.status, refused.headers['retry-after'], refused.errors?.[0]?.extensions['code']]).toEqual([429, '10', 'RATE_LIMITED']);
    for (const stream of streams) stream.leave();
    await vi.waitFor(async () => expect((await sse(door.url, { query: 'subscription { ticks(to: 1) }' })).status).toBe(200));
  });
});
