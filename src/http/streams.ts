/** Open event streams: ended with their session, dropped when their reader stops reading, told to come back when the house closes. */
import type { ServerResponse } from 'node:http';
import { type Caller, lifeOf } from '../auth/caller.ts';
import type { Clock } from '../infra/ports.ts';
import type { House } from './house.ts';
import type { Metrics } from './metrics.ts';

export const streamLimits = {
  /** Bytes written but not read by the client. */
  bufferedBytes: 1024 * 1024,
  /** How long a client may leave written bytes unread. */
  stuckMs: 10_000,
  checkMs: 1_000,
  /** Open streams of one network. */
  perNetwork: 100,
} as const;

type Stream = { stuckSince: number | null };
/** The reconnection time of an event stream (HTML §9.2.6), in milliseconds. */
const comeBack = 'retry: 1000\n\n';

export const openStreams = (needs: { auth: House['auth']; clock: Clock; metrics: Metrics }) => {
  const { auth, clock, metrics } = needs;
  const open = new Map<ServerResponse, Stream>();
  const networks = new Map<string, number>();

  // Without `event: complete`, so that a client takes it for a lost connection and subscribes again.
  const end = (res: ServerResponse): void => {
    if (!res.writableEnded) res.end(comeBack);
  };

  const check = (): void => {
    const now = performance.now();
    for (const [res, stream] of open) {
      if (!res.writableNeedDrain && res.writableLength === 0) stream.stuckSince = null;
      else stream.stuckSince ??= now;
      const stuck = stream.stuckSince !== null && now - stream.stuckSince > streamLimits.stuckMs;
      if (stuck || res.writableLength > streamLimits.bufferedBytes) res.destroy();
    }
  };
  const checking = setInterval(check, streamLimits.checkMs);
  checking.unref();

  return {
    /** Whether one more stream of this network may open. */
    admits: (network: string): boolean => (networks.get(network) ?? 0) < streamLimits.perNetwork,
    /** `results` are given back when the response closes, whoever closed it. */
    add: (res: ServerResponse, results: { return(): Promise<unknown> }, caller: Caller): void => {
      const { network } = caller;
      const life = lifeOf(caller);
      open.set(res, { stuckSince: null });
      networks.set(network, (networks.get(network) ?? 0) + 1);
      metrics.live('sse', 1);
      // Yoga may write to an ended response once more.
      res.on('error', () => {});
      const timer = life && setTimeout(() => end(res), Math.max(0, life.expiresAt.getTime() - clock.now().getTime()));
      const unwatch = life?.ids.map((id) => auth.housekeeping.watchSession(id, () => end(res)));
      const closed = () => {
        open.delete(res);
        const left = (networks.get(network) ?? 1) - 1;
        if (left > 0) networks.set(network, left);
        else networks.delete(network);
        metrics.live('sse', -1);
        if (timer) clearTimeout(timer);
        for (const stop of unwatch ?? []) stop();
        results.return().catch(() => {});
      };
      if (res.closed) closed();
      else res.once('close', closed);
    },
    drain: (): void => {
      for (const res of open.keys()) end(res);
    },
    close: (): void => {
      clearInterval(checking);
      for (const res of open.keys()) res.destroy();
    },
  };
};
export type Streams = ReturnType<typeof openStreams>;
