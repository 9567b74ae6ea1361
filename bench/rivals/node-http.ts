/** For scale: node:http that reads the body and answers a fixed text. */
import { createServer } from 'node:http';
import { fixedReply } from './service-info.ts';

const server = createServer((req, res) => {
  req.on('data', () => {});
  req.on('end', () => {
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(fixedReply) });
    res.end(fixedReply);
  });
});
server.listen(Number(process.env['PORT']), '127.0.0.1', () => console.log('ready'));
