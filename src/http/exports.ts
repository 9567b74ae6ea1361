/** GET /export?token=…: what was exported, part by part, as fast as it is taken. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Exports } from '../auth/exports/index.ts';
import type { Exchange } from './exchange.ts';

const plain = 'text/plain; charset=utf-8';

export const openExportDownload =
  (exports: Pick<Exports, 'download'>) =>
  async (exchange: Exchange): Promise<void> => {
    const token = new URLSearchParams(exchange.search).get('token') ?? '';
    const fetched = exchange.req.method !== 'HEAD';
    const found = await exports.download(exchange.origin, token, fetched);
    if (!found) return exchange.send(404, plain, 'This link opens nothing, or nothing any more.\n');
    const { contentType, fileName, parts } = found;
    const res = exchange.lend(['content-type', contentType, 'content-disposition', `attachment; filename="${fileName}"`]);
    if (!fetched) {
      res.end();
      return;
    }
    // Who leaves early, and a part that does not open, end the connection: without its last chunk the answer is seen to be cut off.
    await pipeline(Readable.from(parts), res).catch(() => res.destroy());
  };
