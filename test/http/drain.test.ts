/** Closing the front door loses no request, and leaves nobody hanging. */
import { Agent, request } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { type Door, openDoor } from './kit.ts';
import { connected, http, post } from './transports.ts';

const open: Door[] = [];
const door = async (settings: Record<string, string> = {}): Promise<Door> => {
  const opened = await openDoor(settings);
  open.push(opened);
  return opened;
};
afterEach(() => Promise.all(open.splice(0).map((one) => one.drain())));

/** One request on a kept connection: its status, or the code of the error. */
const ask = (port: number, agent: Agent, ms: number): Promise<number | string> =>
  new Promise((resolve) => {
    const body = JSON.stringify({ query: `{ slow(ms: ${ms}) }` });
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const req = request({ host: '127.0.0.1', port, path: '/graphql', method: 'POST', agent, headers }, (res) => {
      res.resume();
      res.on('end', () => resolve(res.statusCode ?? 0));
      res.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    });
    req.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    req.end(body);
  });

it('under load every request that was taken is answered', async () => {
  const { port, drain } = await door();
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const outcomes: (number | string)[] = [];
  let closed = false;
  const worker = async () => {
    while (!closed) {
      const outcome = await ask(port, agent, 5);
      outcomes.push(outcome);
      // The listener is gone: what comes now goes to another replica.
      if (outcome === 'ECONNREFUSED') closed = true;
    }
  };
  const load = Promise.all(Array.from({ length: 32 }, worker));
  // In full swing, however busy the machine is.
  while (outcomes.length < 200) await new Promise((resolve) => setTimeout(resolve, 10));
  await drain();
  await load;
  agent.destroy();
  const lost = outcomes.filter((outcome) => outcome !== 200 && outcome !== 'ECONNREFUSED');
  expect(lost).toEqual([]);
  expect(outcomes.filter((outcome) => outcome === 200).length).toBeGreaterThan(100);
});

it('a slow request is waited for, while readiness says 503 and answers close their connections', async () => {
  const { url, drain } = await door();
  expect((await http(`${url}/ready`)).status).toBe(200);
  const slow = post(url, { query: '{ slow(ms: 1200) }' });
  await new Promise((resolve) => setTimeout(resolve, 50));
  const draining = drain();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const ready = await http(`${url}/ready`);
  expect([ready.status, JSON.parse(ready.text).status, ready.headers['connection']]).toEqual([503, 'draining', 'close']);
  expect((await post(url, { query: '{ who }' })).headers['connection']).toBe('close');
  const answer = await slow;
  expect([answer.status, answer.data, answer.headers['connection']]).toEqual([200, { slow: 'done' }, 'close']);
  await draining;
  await expect(http(`${url}/health`)).rejects.toThrow('ECONNREFUSED');
});

it('WebSockets are told to go with 1001, event streams end with a hint to come back, idle connections do not hold it up', async () => {
  const { url, port, drain } = await door();
  const line = await connected(url);
  line.send({ id: '1', type: 'subscribe', payload: { query: 'subscription { news }' } });
  const stream = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query: 'subscription { news }' }),
  });
  const agent = new Agent({ keepAlive: true });
  await ask(port, agent, 1);
  const began = performance.now();
  await drain();
  expect(performance.now() - began).toBeLessThan(3_000);
  expect(await line.closed).toMatchObject({ code: 1001 });
  const text = await stream.text();
  expect(text).toContain('retry: 1000');
  expect(text).not.toContain('complete');
  agent.destroy();
});

it('a taken port is a clear error', async () => {
  const { port } = await door();
  await expect(openDoor({ PORT: String(port) })).rejects.toThrow(`port ${port} is taken on 127.0.0.1`);
});

it('an address that is not of this machine is a clear error', async () => {
  await expect(openDoor({ HOST: '192.0.2.1' })).rejects.toThrow('HOST 192.0.2.1 is no address of this machine');
});
