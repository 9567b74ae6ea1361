/** Requests at a fixed rate, whatever the answers do: a storm does not wait. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, Connection } from './connection.ts';

/** Latency counts from the moment the request was due, so that a late generator or server hides nothing. */
export type Shot = { readonly answer: Answer; readonly ms: number };

const mostConnections = 400;

/** `perSecond` requests for `seconds`; opens connections as needed. `unsent`: what found no connection free. */
export const shoot = async (
  port: number,
  perSecond: number,
  seconds: number,
  next: () => string,
): Promise<{ shots: Shot[]; unsent: number }> => {
  const idle: Connection[] = [];
  const all: Connection[] = [];
  const shots: Shot[] = [];
  const running = new Set<Promise<void>>();
  let unsent = 0;
  const one = async (due: number): Promise<void> => {
    let connection = idle.pop();
    if (!connection) {
      if (all.length >= mostConnections) {
        unsent += 1;
        return;
      }
      connection = new Connection(port);
      all.push(connection);
    }
    const answer = await connection.send(next());
    shots.push({ answer, ms: performance.now() - due });
    idle.push(connection);
  };
  const began = performance.now();
  for (let i = 0; i < perSecond * seconds; i++) {
    const due = began + (i * 1000) / perSecond;
    const early = due - performance.now();
    if (early > 0.5) await sleep(early);
    const shot = one(due).finally(() => running.delete(shot));
    running.add(shot);
  }
  await Promise.all(running);
  for (const connection of all) connection.close();
  return { shots, unsent };
};
