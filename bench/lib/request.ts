/** Whole requests as text, the same headers for every side. */
const browser = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
const common = `Host: 127.0.0.1\r\nUser-Agent: ${browser}\r\nAccept: application/json\r\nConnection: keep-alive\r\n`;
const bearer = (token: string | undefined): string => (token ? `Authorization: Bearer ${token}\r\n` : '');

export const get = (path: string, token?: string): string => `GET ${path} HTTP/1.1\r\n${common}${bearer(token)}\r\n`;

export const post = (path: string, body: object, token?: string): string => {
  const text = JSON.stringify(body);
  const entity = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n`;
  return `POST ${path} HTTP/1.1\r\n${common}${bearer(token)}${entity}\r\n${text}`;
};

export const graphql = (query: string, variables?: object, token?: string): string => post('/graphql', { query, variables }, token);
