/** A broker that answers at once: Kite's profile call, whose user is named by the access token. */
import { createServer } from 'node:http';

const server = createServer((req, res) => {
  const [, token = ''] = req.headers.authorization?.replace('token ', '').split(':') ?? [];
  const body = JSON.stringify({
    status: 'success',
    data: { user_id: token, user_type: 'individual', broker: 'ZERODHA', exchanges: ['NSE'] },
  });
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  res.end(body);
});
server.listen(Number(process.env['PORT']), '127.0.0.1', () => console.log('ready'));
