/**
 * Brokers on loopback: a Kite Connect v3 with its documented answers and errors, and an Alpaca. They know users, keys, secrets and tokens,
 * check the checksum, spend request tokens, and can be told to be slow, broken or lying.
 */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type KiteUser = { userId: string; apiKey: string; apiSecret: string };
export type Seen = { method: string; path: string; headers: IncomingMessage['headers']; form: Record<string, string> };
export type Server = {
  readonly url: string;
  /** Requests so far, newest last. */
  readonly seen: Seen[];
  /** Answers in its place until `behave(null)`, or for so many requests. */
  behave(answer: RequestListener | null, times?: number): void;
  /** Lets the next `count` requests wait until `release`; `arrived` waits for them to come. */
  hold(count: number): { arrived(): Promise<void>; release(): void };
  stop(): Promise<void>;
};
export type LocalKite = Server & {
  user(): KiteUser;
  /** What Kite's login page would send the browser back with. */
  requestToken(user: KiteUser): string;
  /** A session made elsewhere. */
  accessToken(user: KiteUser): string;
  /** Every session of the user is over, as after a sign-out at Kite. */
  endSessions(user: KiteUser): void;
};

/** A server that keeps what came, and can be told to wait or to answer otherwise. */
export const serve = async (handle: (seen: Seen, response: ServerResponse) => void): Promise<Server> => {
  const seen: Seen[] = [];
  let instead: RequestListener | null = null;
  let left = Number.POSITIVE_INFINITY;
  let held = { until: 0, gate: Promise.resolve() };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const form = Object.fromEntries(new URLSearchParams(body));
    const { method = '', url = '', headers } = request;
    seen.push({ method, path: url, headers, form });
    const own = seen.at(-1) as Seen;
    if (seen.length <= held.until) await held.gate;
    if (instead && left > 0) {
      left -= 1;
      instead(request, response);
    } else handle(own, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    behave: (answer, times = Number.POSITIVE_INFINITY) => {
      instead = answer;
      left = times;
    },
    hold: (count) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const until = seen.length + count;
      held = { until, gate: promise };
      return {
        arrived: async () => {
          while (seen.length < until) await new Promise((turn) => setTimeout(turn, 2));
        },
        release: resolve,
      };
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
};
const json = (response: ServerResponse, status: number, body: object): void =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

/** Errors by the page "Exceptions and errors" of Kite's documentation. */
export const kiteError =
  (status: number, error_type: string, message = 'Error message'): RequestListener =>
  (_, response) =>
    json(response, status, { status: 'error', message, error_type });
/** Ways of a server to be of no use. */
export const misbehaviour = {
  hanging: () => {},
  'cut off': (request) => void request.socket.destroy(),
  'cut off within the answer': (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' });
    response.write('{"status":', () => response.socket?.destroy());
  },
  'without JSON': (_, response) => void response.writeHead(200).end('<html>welcome</html>'),
  'of another form': (_, response) => json(response, 200, { status: 'success', data: { user_id: 7 } }),
  'an error that says 200': (_, response) => json(response, 200, { status: 'error', message: 'no', error_type: 'TokenException' }),
  endless: (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const more = (): boolean => (response.destroyed ? false : response.write('x'.repeat(16_384)));
    const timer = setInterval(() => more() || clearInterval(timer), 1);
    response.on('close', () => clearInterval(timer));
  },
  'a page of a proxy': (_, response) => void response.writeHead(403, { 'content-type': 'text/html' }).end('<h1>Forbidden</h1>'),
  redirecting: (_, response) => void response.writeHead(307, { location: '/elsewhere' }).end(),
} satisfies Record<string, RequestListener>;

const fresh = (length: number): string => randomBytes(length).toString('base64url').replaceAll(/[-_]/g, 'x').slice(0, length);
let count = 0;

export const openKite = async (): Promise<LocalKite> => {
  const users = new Map<string, KiteUser>();
  const requestTokens = new Map<string, KiteUser>();
  const sessions = new Map<string, KiteUser>();
  const refuse = (response: ServerResponse, status: number, type: string, message: string) =>
    json(response, status, { status: 'error', message, data: null, error_type: type });
  const profileOf = ({ userId }: KiteUser) => ({
    ...{ user_id: userId, user_type: 'individual', email: `${userId.toLowerCase()}@example.com`, user_name: 'Kite Connect' },
    ...{
      user_shortname: 'Connect',
      broker: 'ZERODHA',
      exchanges: ['NSE', 'BSE'],
      products: ['CNC', 'MIS'],
      order_types: ['MARKET', 'LIMIT'],
    },
    ...{ avatar_url: null, meta: { demat_consent: 'physical' } },
  });
  const newSession = (user: KiteUser): string => {
    const token = fresh(32);
    sessions.set(token, user);
    return token;
  };

  const server = await serve(({ method, path, headers, form }, response) => {
    if (headers['x-kite-version'] !== '3') return refuse(response, 400, 'InputException', 'Invalid API version.');
    if (method === 'POST' && path === '/session/token') {
      const { api_key = '', request_token = '', checksum = '' } = form;
      const user = users.get(api_key);
      if (!user) return refuse(response, 403, 'TokenException', 'Invalid `api_key`.');
      const holder = requestTokens.get(request_token);
      const expected = createHash('sha256').update(api_key).update(request_token).update(user.apiSecret).digest('hex');
      if (checksum !== expected) return refuse(response, 403, 'TokenException', 'Invalid `checksum`.');
      if (holder !== user) return refuse(response, 403, 'TokenException', 'Token is invalid or has expired.');
      requestTokens.delete(request_token);
      const tokens = { access_token: newSession(user), public_token: fresh(32), refresh_token: '', enctoken: fresh(40) };
      const data = { ...profileOf(user), api_key, ...tokens, login_time: '2026-01-01 16:15:14' };
      return json(response, 200, { status: 'success', data });
    }
    if (method === 'GET' && path === '/user/profile') {
      const [apiKey = '', token = ''] = headers.authorization?.replace(/^token /, '').split(':') ?? [];
      const user = sessions.get(token);
      if (!user || user.apiKey !== apiKey) return refuse(response, 403, 'TokenException', 'Incorrect `api_key` or `access_token`.');
      return json(response, 200, { status: 'success', data: profileOf(user) });
    }
    return refuse(response, 404, 'GeneralException', 'Route not found');
  });

  return {
    ...server,
    user: () => {
      count += 1;
      const user = { userId: `AB${1000 + count}`, apiKey: fresh(16), apiSecret: fresh(32) };
      users.set(user.apiKey, user);
      return user;
    },
    requestToken: (user) => {
      const token = fresh(32);
      requestTokens.set(token, user);
      return token;
    },
    accessToken: newSession,
    endSessions: (user) => {
      for (const [token, of] of sessions) if (of.userId === user.userId) sessions.delete(token);
    },
  };
};

export type LocalAlpaca = Server & { user(): KiteUser };
export const openAlpaca = async (): Promise<LocalAlpaca> => {
  const users = new Map<string, KiteUser>();
  const server = await serve(({ method, path, headers }, response) => {
    if (method !== 'GET' || path !== '/v2/account') return json(response, 404, { message: 'endpoint not found.' });
    const user = users.get(String(headers['apca-api-key-id']));
    if (!user || headers['apca-api-secret-key'] !== user.apiSecret) return json(response, 403, { message: 'forbidden.' });
    json(response, 200, {
      id: crypto.randomUUID(),
      account_number: user.userId,
      status: 'ACTIVE',
      currency: 'USD',
      trading_blocked: false,
    });
  });
  return {
    ...server,
    user: () => {
      count += 1;
      const user = { userId: `PA${100_000 + count}`, apiKey: `PK${fresh(18).toUpperCase()}`, apiSecret: fresh(40) };
      users.set(user.apiKey, user);
      return user;
    },
  };
};
