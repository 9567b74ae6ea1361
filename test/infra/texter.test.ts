/** Text messages by an HTTP provider, against a local server that speaks Twilio's Messages API. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { createTexter, type TexterSettings } from '../../src/infra/outside/texter.ts';
import { Unavailable } from '../../src/infra/ports.ts';

const account = 'AC0123456789abcdef0123456789abcdef';
const token = 'a secret: 0f/1e+2d';
const from = '+15005550006';
const to = '+4915112345678';
const body = '042917 ist Ihr Anmeldecode. Er gilt 10 Minuten. Grüße & 50 % + mehr';

let server: Server | undefined;
let received = 0;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((closed) => (server ? server.close(closed) : closed(undefined)));
});
const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
};
/** A texter whose provider answers like this. */
const openTexter = async (answer: RequestListener, settings: Partial<TexterSettings> = {}) => {
  received = 0;
  server = createServer((request, response) => {
    received += 1;
    answer(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return createTexter({ url, account, token, from, timeoutMs: 300, ...settings });
};
const queued = JSON.stringify({ sid: 'SM0123456789abcdef0123456789abcdef', status: 'queued', to, from, body, error_code: null });
const accept: RequestListener = (_, response) => void response.writeHead(201, { 'content-type': 'application/json' }).end(queued);
/** As the provider refuses, which repeats the number. */
const refuse =
  (status: number): RequestListener =>
  (_, response) => {
    const told = { code: 21_211, message: `The 'To' number ${to} is not a valid phone number (${body}).`, status };
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(told));
  };
const faultOf = (sending: Promise<void>): Promise<Error> =>
  sending.then(
    () => expect.fail('it was sent'),
    (fault: Error) => fault,
  );
/** Whatever of an error may come into a log: its message, its stack, its causes and all its properties. */
const expectDiscreet = (fault: Error): void => {
  const everything = inspect(fault, { depth: 10, showHidden: true }) + fault.message + fault.stack;
  for (const secret of [
    to,
    to.slice(1),
    encodeURIComponent(to),
    body,
    '042917',
    token,
    Buffer.from(`${account}:${token}`).toString('base64'),
  ])
    expect(everything).not.toContain(secret);
};

describe('A text message', () => {
  it('is posted as a form to the account’s messages, with basic authentication.', async () => {
    const requests: { method: string | undefined; url: string | undefined; headers: IncomingMessage['headers']; form: string }[] = [];
    const texter = await openTexter(async (request: IncomingMessage, response: ServerResponse) => {
      requests.push({ method: request.method, url: request.url, headers: request.headers, form: await bodyOf(request) });
      accept(request, response);
    });
    expect(await texter.send({ to, body })).toBeUndefined();
    expect(requests).toHaveLength(1);
    const [{ method, url, headers, form }] = requests as [(typeof requests)[0]];
    expect([method, url]).toEqual(['POST', `/2010-04-01/Accounts/${account}/Messages.json`]);
    expect(headers['content-type']).toMatch(/^application\/x-www-form-urlencoded\b/);
    const [scheme, credentials] = headers.authorization!.split(' ') as [string, string];
    expect([scheme, Buffer.from(credentials, 'base64').toString()]).toEqual(['Basic', `${account}:${token}`]);
    expect([...new URLSearchParams(form)].sort()).toEqual([
      ['Body', body],
      ['From', from],
      ['To', to],
    ]);
    expect(url).not.toContain(encodeURIComponent(to));
  });

  it('stays within the account’s path, whatever that is called.', async () => {
    let path: string | undefined;
    const texter = await openTexter(
      (request, response) => {
        path = request.url;
        accept(request, response);
      },
      { account: '../other?x=1#' },
    );
    await texter.send({ to, body });
    expect(path).toBe('/2010-04-01/Accounts/..%2Fother%3Fx%3D1%23/Messages.json');
  });

  it('is sent where the provider accepts it, though the rest of its answer never comes.', async () => {
    const texter = await openTexter((_, response) => void response.writeHead(201).write('{"sid":'));
    expect(await texter.send({ to, body })).toBeUndefined();
  });

  it.each([400, 401, 404, 429, 500, 503])(
    'that is answered %i is an error with the status, and neither the number nor the body.',
    async (status) => {
      const fault = await faultOf((await openTexter(refuse(status))).send({ to, body }));
      expect(fault).toMatchObject({ name: 'TextNotSent', code: String(status), message: `the SMS provider answered ${status}` });
      expectDiscreet(fault);
      expect(received).toBe(1);
    },
  );

  it('that is not answered in time, or not at all, is an error of the same discretion.', async () => {
    const broken: Record<string, RequestListener> = {
      hanging: () => {},
      'cut off': (request) => void request.socket.destroy(),
      // Where it leads the message would be taken, by whoever that is.
      redirecting: (request, response) => {
        if (request.url?.startsWith('/elsewhere')) accept(request, response);
        else response.writeHead(307, { location: '/elsewhere' }).end();
      },
    };
    for (const [how, answer] of Object.entries(broken)) {
      const texter = await openTexter(answer);
      const began = performance.now();
      const fault = await faultOf(texter.send({ to, body }));
      expect(performance.now() - began, how).toBeLessThan(1500);
      expect(fault, how).toBeInstanceOf(Unavailable);
      expect(received, how).toBe(1);
      expectDiscreet(fault);
      server?.closeAllConnections();
      server?.close();
    }
    const nobody = createTexter({ url: 'http://127.0.0.1:1', account, token, from });
    const fault = await faultOf(nobody.send({ to, body }));
    expect(fault).toBeInstanceOf(Unavailable);
    expectDiscreet(fault);
  });

  it('that is answered by what speaks no HTTP, and repeats it, is an error of the same discretion.', async () => {
    const texter = await openTexter((request) => void request.socket.end(`${to} ${body}\r\n\r\n`));
    const fault = await faultOf(texter.send({ to, body }));
    expect(fault).toBeInstanceOf(Unavailable);
    expectDiscreet(fault);
  });
});

describe('A provider', () => {
  it.each([
    ['that has faults', refuse(503)],
    ['that is overrun', refuse(429)],
    ['that hangs', (() => {}) as RequestListener],
  ])('%s is left alone after five faults in a row.', async (_, answer) => {
    const texter = await openTexter(answer, { timeoutMs: 100 });
    for (let n = 0; n < 5; n += 1) await faultOf(texter.send({ to, body }));
    expect(received).toBe(5);
    for (let n = 0; n < 3; n += 1) {
      const fault = await faultOf(texter.send({ to, body }));
      expect(fault).toBeInstanceOf(Unavailable);
      expect(fault).toMatchObject({ retryAfterSeconds: 30 });
      expectDiscreet(fault);
    }
    expect(received).toBe(5);
  });

  it('is not left alone for refusing numbers, nor for four faults before a message that it takes.', async () => {
    let answer = refuse(400);
    const texter = await openTexter((request, response) => answer(request, response));
    for (let n = 0; n < 8; n += 1) expect((await faultOf(texter.send({ to, body }))).name).toBe('TextNotSent');
    for (let round = 0; round < 2; round += 1) {
      answer = refuse(500);
      for (let n = 0; n < 4; n += 1) expect((await faultOf(texter.send({ to, body }))).name).toBe('TextNotSent');
      answer = accept;
      await texter.send({ to, body });
    }
    expect(received).toBe(18);
  });
});
