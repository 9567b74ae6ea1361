/** Drops a WebSocket whose client is gone or does not read. */
import type { WebSocket } from 'ws';
import { streamLimits } from './streams.ts';

/** Terminates `socket` once it holds too much unread or has been stuck for too long, or a ping stays unanswered until the next. Returns what ends the watch. */
export const guardSocket = (socket: WebSocket, pingMs: number): (() => void) => {
  let stuckSince: number | null = null;
  let least = 0;
  let answered = true;
  let closingSince: number | null = null;

  const checking = setInterval(() => {
    const now = performance.now();
    if (socket.readyState !== socket.OPEN) {
      // A client that does not answer the closing handshake (RFC 6455 §7.1.1) keeps nothing open.
      closingSince ??= now;
      if (now - closingSince > 3_000) socket.terminate();
      return;
    }
    const { bufferedAmount } = socket;
    // Less than before is progress, if slow.
    if (bufferedAmount === 0 || bufferedAmount < least) stuckSince = null;
    else stuckSince ??= now;
    least = bufferedAmount;
    const stuck = stuckSince !== null && now - stuckSince > streamLimits.stuckMs;
    if (stuck || bufferedAmount > streamLimits.bufferedBytes) socket.terminate();
  }, streamLimits.checkMs);

  const pinging = setInterval(() => {
    if (!answered) return socket.terminate();
    answered = false;
    if (socket.readyState === socket.OPEN) socket.ping();
  }, pingMs);
  socket.on('pong', () => {
    answered = true;
  });
  checking.unref();
  pinging.unref();
  return () => {
    clearInterval(checking);
    clearInterval(pinging);
  };
};
