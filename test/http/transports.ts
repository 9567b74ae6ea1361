/** One operation over each transport, and its answer in one form. */
import { request } from 'node:http';
import WebSocket from 'ws';

export type Told = { message: string; path?: unknown; extensions: Record<string, unknown> };
export type Answer = {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  data?: unknown;
  errors?: Told[];
};
export type Asked = { query: string; variables?: object; operationName?: string };
type Headers = Record<string, string>;

/** Plain HTTP/1.1, with exactly the headers and bytes that are given. */
export const http = (
  url: string,
  options: { method?: string; headers?: Headers; body?: string | Buffer; localAddress?: string } = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body, localAddress } = options;
    const req = request(url, { method, headers, agent: false, ...(localAddress && { localAddress }) }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const { data, errors } = text && /json/.test(res.headers['content-type'] ?? '') ? JSON.parse(text) : {};
        resolve({ status: res.statusCode ?? 0, headers: res.headers, text, data, errors });
      });
    });
    req.on('error', reject);
    req.end(body);
  });

export const post = (url: string, asked: Asked | string, headers: Headers = {}): Promise<Answer> =>
  http(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof asked === 'string' ? asked : JSON.stringify(asked),
  });

export const get = (url: string, asked: Asked, headers: Headers = {}): Promise<Answer> => {
  const search = new URLSearchParams({
    query: asked.query,
    ...(asked.variables && { variables: JSON.stringify(asked.variables) }),
    ...(asked.operationName && { operationName: asked.operationName }),
  });
  return http(`${url}/graphql?${search}`, { headers: { 'x-latchkey-csrf': '1', ...headers } });
};

/** The results within an event stream's text. */
export const eventsOf = (text: string): { data?: unknown; errors?: Told[] }[] =>
  text
    .split('\n\n')
    .filter((event) => event.startsWith('event: next\n'))
    .map((event) => JSON.parse(event.slice(event.indexOf('data: ') + 6)));

export const sse = async (url: string, asked: Asked, headers: Headers = {}): Promise<Answer> => {
  const answer = await post(url, asked, { accept: 'text/event-stream', ...headers });
  return answer.headers['content-type'] === 'text/event-stream' ? { ...answer, ...eventsOf(answer.text)[0] } : answer;
};

export type Message = { type: string; id?: string; payload?: unknown };
export type Wire = {
  socket: WebSocket;
  send(message: object | string): void;
  /** The next message; rejects when the socket closes first. */
  next(): Promise<Message>;
  closed: Promise<{ code: number; reason: string }>;
  messages: Message[];
};

/** A socket that speaks graphql-transport-ws by hand. */
export const wire = async (url: string, options: { headers?: Headers; protocol?: string; localAddress?: string } = {}): Promise<Wire> => {
  const { headers = {}, protocol = 'graphql-transport-ws', localAddress } = options;
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, protocol, { headers, ...(localAddress && { localAddress }) });
  const waiting: { resolve: (message: Message) => void; reject: (error: Error) => void }[] = [];
  const messages: Message[] = [];
  let read = 0;
  socket.on('message', (data) => {
    messages.push(JSON.parse(String(data)));
    waiting.shift()?.resolve(messages[read++]!);
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => {
      for (const { reject } of waiting) reject(new Error(`closed with ${code}`));
      resolve({ code, reason: String(reason) });
    });
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.once('error', reject);
  });
  socket.on('error', () => {});
  return {
    socket,
    closed,
    messages,
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    next: () =>
      read < messages.length ? Promise.resolve(messages[read++]!) : new Promise((resolve, reject) => waiting.push({ resolve, reject })),
  };
};

/** A socket past connection_init. */
export const connected = async (url: string, payload?: object, options: Parameters<typeof wire>[1] = {}): Promise<Wire> => {
  const line = await wire(url, options);
  line.send({ type: 'connection_init', ...(payload && { payload }) });
  await line.next();
  return line;
};

export const ws = async (url: string, asked: Asked, headers: Headers = {}): Promise<Answer> => {
  const line = await connected(url, headers['authorization'] ? { authorization: headers['authorization'] } : undefined);
  line.send({ id: '1', type: 'subscribe', payload: asked });
  const message = await line.next();
  line.socket.close();
  const result = message.type === 'error' ? { errors: message.payload as Told[] } : (message.payload as object);
  return { status: 0, headers: {}, text: JSON.stringify(message), ...result };
};
