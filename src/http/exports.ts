/** GET /export?token=…: what was exported, part by part, as fast as it is taken. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Exports } from '../auth/exports/index.ts';
import type { Desk, Exchange } from './exchange.ts';

const plain = 'text/plain; charset=utf-8';
/** Who takes nothing for so long is let go. */
const idleMs = 30_000;

export const openExportDownload =
  ({ exports, desk }: { exports: Pick<Exports, 'download'>; desk: Desk }) =>
  async (exchange: Exchange): Promise<void> => {
    const token = new URLSearchParams(exchange.search).get('token') ?? '';
    const fetched = exchange.req.method !== 'HEAD';
    const found = await exports.download(exchange.origin, token, fetched);
    if (!found) return exchange.send(404, plain, 'This link opens nothing, or nothing any more.\n');
    if ('retryAfterSeconds' in found)
      return exchange.send(429, plain, 'This link was opened too often.\n', ['retry-after', String(found.retryAfterSeconds)]);
    const { contentType, fileName, parts } = found;
    const res = exchange.lend(['content-type', contentType, 'content-disposition', `attachment; filename="${fileName}"`]);
    if (!fetched) {
      res.end();
      return;
    }
    res.setTimeout(idleMs, () => res.destroy());
    // One part at a time is in memory. Who leaves early, and a part that does not open, end the connection: without its last chunk the answer is
    // seen to be cut off.
    await pipeline(Readable.from(parts, { highWaterMark: 1 }), res).catch((error) => {
      const left = (error as { code?: string }).code === 'ERR_STREAM_PREMATURE_CLOSE';
      if (!left) desk.log.error({ err: error, requestId: exchange.origin.requestId }, 'an export broke off');
      res.destroy();
    });
  };
